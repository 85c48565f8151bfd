// is_error_body against msgpack-cxx's decoder; write_error and function_not_found with any text.

#include <algorithm>
#include <msgpack.hpp>
#include <string>

#include "core/base/utf8.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/zerror.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/core/wire/reference_scan.h"

using namespace zerogate;
using fuzz::check;
using MsgType = msgpack::type::object_type;

namespace {

bool has_error_key(const msgpack::object& object) {
  if (object.type != MsgType::MAP) {
    return false;
  }
  const auto* begin = object.via.map.ptr;
  return std::any_of(begin, begin + object.via.map.size, [](const msgpack::object_kv& pair) {
    return pair.key.type == MsgType::STR &&
           ByteView(pair.key.via.str.ptr, pair.key.via.str.size).starts_with("__zerror__");
  });
}

/// What an old client gets is the same map, with at most two pairs more.
void check_old_client(ByteView body) {
  std::string old = "before";
  wire::append_for_old_client(old, body);
  old.erase(0, 6);
  if (old == body) {
    return;
  }
  check(wire::is_error_body(body) && wire::is_error_body(old), "only errors are changed");
  check(wire::testing::reference_is_one_value(old), "it is one value");
  uint32_t pairs_before = 0;
  uint32_t pairs_after = 0;
  wire::Reader before(body);
  wire::Reader after(old);
  check(before.read_map(pairs_before) && after.read_map(pairs_after), "both are maps");
  check(pairs_after > pairs_before && pairs_after <= pairs_before + 2, "with a pair or two more");
  check(after.rest().starts_with(before.rest()), "and the same pairs before them");
}

void check_body(ByteView body) {
  const bool ours = wire::is_error_body(body);
  // Results are checked to be one value, no deeper than the limit, before they are asked about.
  if (!wire::is_one_value(body)) {
    return;
  }
  check(wire::testing::reference_is_one_value(body), "msgpack-cxx finds one value");
  const auto decoded = msgpack::unpack(body.data(), body.size());
  check(ours == has_error_key(decoded.get()), "an error has a str key that begins __zerror__");
  check_old_client(body);
}

void check_text(ByteView text) {
  std::string body;
  wire::write_error(body, wire::ErrorKey::validation_error, text);
  check(wire::is_one_value(body), "an error is one value");
  check(wire::is_error_body(body), "an error is known as one");
  const auto decoded = msgpack::unpack(body.data(), body.size());
  const auto& message = decoded->via.map.ptr[0].val.via.str;
  const ByteView written(message.ptr, message.size);
  check(!written.empty(), "the message is not empty");
  check(is_utf8(written), "the message is UTF-8");
  if (!text.empty() && is_utf8(text)) {
    check(written == text, "UTF-8 is left as it is");
  }

  const std::string not_found = wire::function_not_found(text);
  check(is_utf8(not_found), "an unknown name is quoted in UTF-8");
  check(not_found.size() < 1024, "an unknown name is quoted in part");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check_body(fuzz::view_of(data, size));
  check_text(fuzz::view_of(data, size));
  return 0;
}
