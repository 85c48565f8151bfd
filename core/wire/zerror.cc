#include "core/wire/zerror.h"

#include <cstring>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/utf8.h"

namespace zerogate::wire {
namespace {

constexpr ByteView kPrefix = "__zerror__";
constexpr size_t kMaxNameBytes = 256;

constexpr ByteView key_text(ErrorKey key) {
  switch (key) {
    case ErrorKey::function_not_found:
      return "__zerror__function_not_found";
    case ErrorKey::server_exception:
      return "__zerror__server_exception";
    case ErrorKey::validation_error:
      return "__zerror__validation_error";
  }
  return "__zerror__server_exception";
}

}  // namespace

void write_error(std::string& out, ErrorKey key, ByteView message) {
  if (message.empty()) message = "unknown error";
  write_map(out, 1);
  write_str(out, key_text(key));
  if (is_utf8(message)) {
    write_str(out, message);
  } else {
    // A str that is not UTF-8 makes the Python client raise UnicodeDecodeError instead of ours.
    std::string mended;
    append_as_utf8(mended, message);
    write_str(out, mended);
  }
}

std::string function_not_found(ByteView name) {
  std::string text = "Function `";
  if (name.size() <= kMaxNameBytes) {
    append_as_utf8(text, name);
  } else {
    append_as_utf8(text, utf8_prefix(name, kMaxNameBytes));
    text += "...";
  }
  text += "` not found!";
  return text;
}

bool is_error_body(ByteView body) noexcept {
  Reader reader(body);
  uint32_t pairs = 0;
  if (!reader.read_map(pairs)) return false;
  // Nearly every result ends here: a search at memory speed, instead of a walk over its keys.
  if (memmem(body.data(), body.size(), kPrefix.data(), kPrefix.size()) == nullptr) return false;
  for (; pairs > 0; --pairs) {
    ByteView key;
    ByteView skipped;
    if (reader.next_type() == Type::str) {
      if (!reader.read_str(key)) return false;
      if (key.starts_with(kPrefix)) return true;
    } else if (!reader.read_value(skipped)) {
      return false;
    }
    if (!reader.read_value(skipped)) return false;
  }
  return false;
}

}  // namespace zerogate::wire
