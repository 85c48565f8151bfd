#include "core/wire/w5.h"

#include <cassert>
#include <cstring>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"

namespace zerogate::wire::w5 {
namespace {

constexpr ByteView kNilValue{&kNil, 1};

/// What bytes.strip() of Python takes away. NUL is not among it.
constexpr bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

ByteView strip(ByteView text) {
  size_t end = text.size();
  // Most of a name is padding: eight bytes at a time first.
  constexpr ByteView kEightSpaces = "        ";
  while (end >= 8 && std::memcmp(text.data() + end - 8, kEightSpaces.data(), 8) == 0) end -= 8;
  while (end > 0 && is_space(text[end - 1])) --end;
  size_t begin = 0;
  while (begin < end && is_space(text[begin])) ++begin;
  return text.substr(begin, end - begin);
}

}  // namespace

Request parse_request(ByteView body) noexcept {
  Request request;
  request.id = body.substr(0, kIdBytes);
  body.remove_prefix(request.id.size());
  const ByteView name = body.substr(0, kNameBytes);
  body.remove_prefix(name.size());
  request.function = strip(name);
  if (body.empty()) {
    request.status = RequestStatus::ok;
    request.argument = kNilValue;
    return request;
  }
  const Scan scan = scan_value(body);
  if (scan.error == ScanError::none && scan.length == body.size()) {
    request.status = RequestStatus::ok;
    request.argument = body;
  } else {
    request.status =
        scan.error == ScanError::too_deep ? RequestStatus::too_deep : RequestStatus::malformed;
  }
  return request;
}

void write_request(std::string& out, ByteView id, ByteView function, ByteView argument) {
  assert(id.size() == kIdBytes);
  assert(function.size() <= kNameBytes);
  out.append(id);
  out.append(function);
  out.append(kNameBytes - function.size(), ' ');
  if (argument != kNilValue) out.append(argument);
}

}  // namespace zerogate::wire::w5
