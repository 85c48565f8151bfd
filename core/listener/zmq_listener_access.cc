// Who may connect to the CURVE port, and who its peers are.
#include <algorithm>

#include "core/io/peer_address.h"
#include "core/io/zmq_curve.h"
#include "core/listener/zmq_listener.h"

namespace zerogate {
namespace {

/// Between the name and the key in a User-Id, by which each message is known. No name has it.
constexpr char kBehindName = '/';
constexpr size_t kBehindNameChars = 1 + CurveCertificate::kKeyChars;

/// What libzmq knows of the connection on which the message came.
std::string_view property_of(ZmqMessage& message, const char* name) {
  const char* value = zmq_msg_gets(message.get(), name);
  return value != nullptr ? value : std::string_view();
}

}  // namespace

bool ZmqListener::open_zap() {
  const CurvePort& curve = options_.curve;
  if (options_.allow.empty() && curve.clients == nullptr) {
    return true;
  }
  zap_ = ZapHandler::make(loop_.uv(), context_.get(),
                          [this](const ZapRequest& request) { return judge(request); });
  if (zap_ == nullptr || !ZapHandler::enforce(router_)) {
    return false;
  }
  if (curve.clients == nullptr) {
    return true;
  }
  connections_.note_curve();
  return serve_curve(router_, curve.secret_key);
}

// libzmq's words for the peer of a Unix socket are no address: its file says who may connect.
std::optional<std::string> ZmqListener::judge(const ZapRequest& request) {
  const bool curve = options_.curve.clients != nullptr;
  const auto refused = [&]() -> std::optional<std::string> {
    if (curve) {
      metrics_.count(CurveResult::not_allowed);
    }
    refusals_.count(Rejected::not_allowed, [&] { return std::string(request.address); });
    return std::nullopt;
  };
  const auto address = IpAddress::parse(request.address);
  if (address && !options_.allow.empty() && !contains(options_.allow, *address)) {
    return refused();
  }
  if (!curve) {
    return "";
  }
  const std::string key = curve_text(request.key);
  const auto name = options_.curve.clients->name_of(key);
  if (request.mechanism != "CURVE" || !name) {
    return refused();
  }
  metrics_.count(CurveResult::ok);
  return *name + kBehindName + key;
}

bool ZmqListener::may_call(ZmqPeers::Peer& peer) {
  const std::string_view user = property_of(frame_, "User-Id");
  if (user != peer.user) {
    meet(peer);
    peer.judged = 0;
  }
  CurveClients& clients = *options_.curve.clients;
  if (const uint64_t version = clients.version(); version != peer.judged) {
    peer.judged = version;
    peer.may_call = user.size() > kBehindNameChars &&
                    clients.name_of(user.substr(user.size() - CurveCertificate::kKeyChars)) ==
                        user.substr(0, user.size() - kBehindNameChars);
    if (!peer.may_call) {
      refusals_.count(Rejected::not_allowed, [&peer] { return peer.address; });
    }
  }
  return peer.may_call;
}

std::string ZmqListener::peer_address() {
  const std::string_view address = property_of(frame_, "Peer-Address");
  return std::string(address.empty() ? "unknown" : without_v4_prefix(address));
}

std::shared_ptr<ZmqTraffic> ZmqListener::find_traffic() {
  monitor_->catch_up();
  return connections_.spoke(zmq_msg_get(frame_.get(), ZMQ_SRCFD));
}

void ZmqListener::meet(ZmqPeers::Peer& peer) {
  peer.address = peer_address();
  if (options_.curve.clients != nullptr) {
    peer.user = property_of(frame_, "User-Id");
    const size_t name = peer.user.size() - std::min(peer.user.size(), kBehindNameChars);
    peer.caller = {.name = peer.user.substr(0, name), .proven = true};
  } else {
    const auto address = IpAddress::parse(peer.address);
    peer.caller = {.name = address ? address->host() : peer.address};
  }
  peer.activity.begin(loop_.now_ms());
  peer.socket = PeerSocket(zmq_msg_get(frame_.get(), ZMQ_SRCFD));
  peer.window = {};
  peer.traffic = find_traffic();
}

const Caller& ZmqListener::caller(CallerKey caller) const {
  static const Caller kGone{.name = "gone"};
  const ZmqPeers::Peer* peer = peers_.find(caller);
  return peer != nullptr ? peer->caller : kGone;
}

}  // namespace zerogate
