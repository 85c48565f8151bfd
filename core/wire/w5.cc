#include "core/wire/w5.h"

#include <cassert>

#include "core/wire/padded_request.h"

namespace zerogate::wire::w5 {

Request parse_request(ByteView body) noexcept {
  Request request;
  read_padded_request(request, body, kIdBytes, kNameBytes);
  return request;
}

void write_request(std::string& out, ByteView id, ByteView function, ByteView argument) {
  assert(id.size() == kIdBytes);
  assert(function.size() <= kNameBytes);
  out.append(id);
  out.append(function);
  out.append(kNameBytes - function.size(), ' ');
  if (argument != kNilValue) {
    out.append(argument);
  }
}

Reply parse_reply(ByteView body) noexcept {
  Reply reply;
  reply.id = body.substr(0, kIdBytes);
  if (reply.id.size() < kIdBytes) {
    return reply;
  }
  reply.result = body.substr(kIdBytes);
  reply.status = reply.result.empty() ? ReplyStatus::no_result : ReplyStatus::ok;
  return reply;
}

}  // namespace zerogate::wire::w5
