// Counts the peers that a listener refuses or cannot understand, and says in the log who they are.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/io/timer.h"
#include "core/log/log.h"
#include "core/log/state_log.h"
#include "core/metrics/worker_metrics.h"
#include "core/security/tls_result.h"

namespace zerogate {

/// What the log says while newcomers wait at a port's limit of connections, and afterwards.
WatchedState limit_state(Protocol protocol, uint32_t limit);

/// Of each reason the first kLines peers of an interval get a line; at its end one more line says
/// how many were left out. An interval begins with its first line, so that a listener without ill
/// peers has no timer. One for each listener; loop thread only.
class RefusalLog {
 public:
  /// Enough to see that it is one peer, or many; a port scanner or a client in a loop comes by
  /// thousands.
  static constexpr uint32_t kLines = 5;
  static constexpr uint64_t kIntervalMs = 10'000;

  /// Both outlive it.
  RefusalLog(TimerQueue& timers, ListenerMetrics& metrics, Protocol protocol);
  /// Tells what was left out since the last interval's end.
  ~RefusalLog() { tell_left_out(); }
  RefusalLog(const RefusalLog&) = delete;
  RefusalLog& operator=(const RefusalLog&) = delete;

  /// `peer()` is the peer's address, asked for only when there is a line for it. Both are kept out
  /// of their callers, each of which serves calls.
  template <class Peer>
  [[gnu::cold, gnu::noinline]] void count(Malformed reason, Peer peer) {
    metrics_.count(reason);
    note(malformed_[index_of(reason)], kMalformed, kMalformedNames[index_of(reason)], peer);
  }
  template <class Peer>
  [[gnu::cold, gnu::noinline]] void count(Rejected reason, Peer peer) {
    metrics_.count(reason);
    note(rejected_[index_of(reason)], kRejected, kRejectedNames[index_of(reason)], peer);
  }
  /// The same of a TLS handshake, which its stream has counted. `why` is for people.
  template <class Peer>
  [[gnu::cold, gnu::noinline]] void tell_handshake(TlsResult result, std::string_view why,
                                                   Peer peer) {
    if (may_tell(handshakes_[static_cast<size_t>(result)])) {
      tell_handshake_of(result, why, peer());
    }
  }

 private:
  static constexpr std::string_view kHandshake = "TLS handshake refused";
  static constexpr std::string_view kMalformed = "malformed input";
  static constexpr std::string_view kRejected = "connection rejected";

  struct Reason {
    uint32_t lines = 0;     ///< in this interval
    uint64_t left_out = 0;  ///< peers without a line, since the last line that told
  };

  template <class Peer>
  void note(Reason& reason, std::string_view event, std::string_view name, Peer peer) {
    if (may_tell(reason)) {
      tell(event, name, peer());
    }
  }
  bool may_tell(Reason& reason);
  void tell(std::string_view event, std::string_view name, const std::string& peer) const;
  void tell_handshake_of(TlsResult result, std::string_view why, const std::string& peer) const;
  void tell_left_out();
  void tell_left_out(Reason& reason, std::string_view event, std::string_view name) const;

  ListenerMetrics& metrics_;
  const Protocol protocol_;
  std::array<Reason, kMalformedNames.size()> malformed_;
  std::array<Reason, kRejectedNames.size()> rejected_;
  std::array<Reason, kTlsResultNames.size()> handshakes_;
  Timer timer_;
};

}  // namespace zerogate
