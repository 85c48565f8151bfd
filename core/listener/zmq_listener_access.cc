// Who may connect to the ZeroMQ port.
#include "core/listener/zmq_listener.h"

namespace zerogate {

bool ZmqListener::open_zap() {
  if (options_.allow.empty()) {
    return true;
  }
  zap_ = ZapHandler::make(loop_.uv(), context_.get(),
                          [this](const ZapRequest& request) { return judge(request); });
  return zap_ != nullptr && ZapHandler::enforce(router_);
}

// libzmq's words for the peer of a Unix socket are no address: its file says who may connect.
std::optional<std::string> ZmqListener::judge(const ZapRequest& request) {
  const auto address = IpAddress::parse(request.address);
  if (address && !contains(options_.allow, *address)) {
    refusals_.count(Rejected::not_allowed, [&] { return address->display(); });
    return std::nullopt;
  }
  return "";
}

}  // namespace zerogate
