#include "core/wire/translate.h"

#include <algorithm>
#include <cstdint>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/padded_request.h"

namespace zerogate::wire {
namespace {

constexpr char kFalse = static_cast<char>(0xc2);

}  // namespace

ByteView empty_from_nil(ByteView argument) noexcept {
  return argument == kNilValue ? ByteView() : argument;
}

ByteView nil_from_empty(ByteView argument) noexcept {
  return argument.empty() ? kNilValue : argument;
}

bool fits_zmq_name(ByteView name) noexcept {
  if (name.empty() || name.size() > w5::kNameBytes) {
    return false;
  }
  if (is_ascii_space(name.front()) || is_ascii_space(name.back())) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool write_full_contract_argument(std::string& out, ByteView argument) {
  Reader reader(argument);
  uint32_t items = 0;
  if (!reader.read_array(items) || items != 2 || !is_one_value(argument)) {
    return false;
  }
  write_array(out, 4);
  out.append(reader.rest());
  write_str(out, "zmq");
  out.push_back(kFalse);
  return true;
}

}  // namespace zerogate::wire
