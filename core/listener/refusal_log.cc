#include "core/listener/refusal_log.h"

#include <utility>

namespace zerogate {

WatchedState limit_state(Protocol protocol, uint32_t limit) {
  return {"below the connection limit again",
          "connection limit reached",
          WatchedState::When::up_for_all,
          {{"protocol", std::string(name_of(protocol))}, {"limit", std::to_string(limit)}}};
}

RefusalLog::RefusalLog(TimerQueue& timers, ListenerMetrics& metrics, Protocol protocol)
    : metrics_(metrics), protocol_(protocol), timer_(timers, [this] { tell_left_out(); }) {}

bool RefusalLog::may_tell(Reason& reason) {
  if (!timer_.active()) {
    timer_.start(kIntervalMs);
  }
  if (reason.lines == kLines) {
    ++reason.left_out;
    return false;
  }
  ++reason.lines;
  return log::level() <= log::Level::warn;
}

void RefusalLog::tell(std::string_view event, std::string_view name,
                      const std::string& peer) const {
  log::warn(event, {{"protocol", name_of(protocol_)}, {"reason", name}, {"peer", peer}});
}

void RefusalLog::tell_handshake_of(TlsResult result, std::string_view why,
                                   const std::string& peer) const {
  log::warn(kHandshake, {{"reason", name_of(result)}, {"peer", peer}, {"error", why}});
}

void RefusalLog::tell_left_out(Reason& reason, std::string_view event,
                               std::string_view name) const {
  reason.lines = 0;
  const uint64_t left_out = std::exchange(reason.left_out, 0);
  if (left_out == 0) {
    return;
  }
  log::warn(event, {{"protocol", name_of(protocol_)}, {"reason", name}, {"suppressed", left_out}});
}

void RefusalLog::tell_left_out() {
  for (size_t i = 0; i < malformed_.size(); ++i) {
    tell_left_out(malformed_[i], kMalformed, kMalformedNames[i]);
  }
  for (size_t i = 0; i < rejected_.size(); ++i) {
    tell_left_out(rejected_[i], kRejected, kRejectedNames[i]);
  }
  for (size_t i = 0; i < handshakes_.size(); ++i) {
    tell_left_out(handshakes_[i], kHandshake, kTlsResultNames[i]);
  }
}

}  // namespace zerogate
