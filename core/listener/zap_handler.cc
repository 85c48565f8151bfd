#include "core/listener/zap_handler.h"

#include <array>

namespace zerogate {
namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";
constexpr ByteView kVersion = "1.0";
/// libzmq's number for it; 4.3.4 knows the option, and its header hides the name.
constexpr int kZapEnforceDomain = 93;

/// The frames of a request, in their order.
enum ZapPart : size_t {
  kVersionPart,
  kId,
  kDomainPart,
  kAddress,
  kIdentity,
  kMechanism,
  kKey,
  kParts
};

}  // namespace

bool ZapHandler::enforce(const ZmqSocket& socket) {
  const int on = 1;
  return zmq_setsockopt(socket.get(), kZapEnforceDomain, &on, sizeof on) == 0 &&
         zmq_setsockopt(socket.get(), ZMQ_ZAP_DOMAIN, kDomain.data(), kDomain.size()) == 0;
}

std::unique_ptr<ZapHandler> ZapHandler::make(uv_loop_t* loop, void* context, Judge judge) {
  std::unique_ptr<ZapHandler> handler(new ZapHandler(std::move(judge)));
  handler->socket_.reset(zmq_socket(context, ZMQ_REP));
  if (handler->socket_ == nullptr) {
    return nullptr;
  }
  set_option(handler->socket_, ZMQ_LINGER, 0);
  if (zmq_bind(handler->socket_.get(), kEndpoint) != 0) {
    return nullptr;
  }
  handler->poll_ = ZmqPoll::make(loop, handler->socket_.get(), *handler);
  return handler->poll_ != nullptr ? std::move(handler) : nullptr;
}

bool ZapHandler::receive() {
  for (int budget = kRequestsPerTurn; budget > 0; --budget) {
    if (!receive_one()) {
      return true;
    }
  }
  return false;
}

bool ZapHandler::receive_one() {
  std::array<ZmqMessage, kParts> parts;
  if (!parts[0].receive(socket_.get())) {
    return false;
  }
  size_t count = 1;
  for (bool more = parts[0].more(); more; ++count) {
    ZmqMessage surplus;  // more credentials than any mechanism here has
    ZmqMessage& part = count < parts.size() ? parts[count] : surplus;
    part.receive(socket_.get());
    more = part.more();
  }
  std::optional<std::string> name;
  if (count > kMechanism && parts[kVersionPart].view() == kVersion) {
    name = judge_({.address = parts[kAddress].view(),
                   .mechanism = parts[kMechanism].view(),
                   .key = parts[kKey].view()});
  }
  answer(parts[kId].view(), name);
  return true;
}

void ZapHandler::answer(ByteView request_id, const std::optional<std::string>& name) {
  const ByteView user = name ? ByteView(*name) : ByteView();
  const std::array<ByteView, 6> frames = {
      kVersion, request_id, name ? "200" : "400", name ? "" : "not allowed", user, ""};
  for (const ByteView& frame : frames) {
    const int more = &frame == &frames.back() ? 0 : ZMQ_SNDMORE;
    (void)zmq_send(socket_.get(), frame.data(), frame.size(), more | ZMQ_DONTWAIT);
  }
}

}  // namespace zerogate
