// Everything that one worker counts. Only the worker's thread writes; the thread that scrapes
// reads, and core/metrics/collector.h adds the workers up. Nothing here allocates or looks up after
// construction.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/memory_account.h"
#include "core/metrics/backend_metrics.h"
#include "core/metrics/counter.h"
#include "core/metrics/function_labels.h"
#include "core/metrics/histogram.h"
#include "core/metrics/outcome.h"
#include "core/metrics/tls_metrics.h"
#include "core/wire/protocol.h"

namespace zerogate {

/// Why bytes could not be taken as a request. Label values of malformed_total.
enum class Malformed : uint8_t {
  bad_length,      ///< TCP: a length of 0 to 4
  empty,           ///< TCP: a frame without payload
  too_large,       ///< longer than limits.message
  bad_msgpack,     ///< not exactly one well-formed value
  too_deep,        ///< nested deeper than the limit
  truncated,       ///< the peer ended in the middle of a frame; not with CURVE
  other_protocol,  ///< TCP: HTTP, TLS or ZeroMQ on this port
  bad_frames,      ///< ZeroMQ: not the one or two frames that a request has
  bad_name,        ///< the function's name is not UTF-8, or longer than kMaxFunctionNameBytes
  bad_handshake,   ///< ZeroMQ: no ZMTP 3 with the port's mechanism, or not in time
  bad_tls,         ///< TCP: what follows a TLS handshake is no TLS, or new keys without end
};
inline constexpr std::array<std::string_view, 11> kMalformedNames = {
    "bad_length",     "empty",      "too_large", "bad_msgpack",   "too_deep", "truncated",
    "other_protocol", "bad_frames", "bad_name",  "bad_handshake", "bad_tls"};

/// Why the gateway refused or ended a connection. Label values of connections_rejected_total.
enum class Rejected : uint8_t {
  limit,           ///< limits.connections reached; ZeroMQ: a newcomer had to wait
  descriptors,     ///< the process ran out of file descriptors
  stalled,         ///< a frame was begun and not finished in time
  slow_reader,     ///< replies waited too long for the peer to read them
  receive_memory,  ///< memory is short, and this one sends least of what it holds, or holds most
  send_memory,     ///< the same of unread replies
  not_allowed,     ///< its address is not in listen.allow, or its key not among curve.clients
  handshakes,      ///< limits.handshakes reached: so many are not done yet; CURVE: no place is left
  certificate,     ///< what a reload has brought would not let its certificate in
};
inline constexpr std::array<std::string_view, 9> kRejectedNames = {
    "limit",       "descriptors", "stalled",    "slow_reader", "receive_memory",
    "send_memory", "not_allowed", "handshakes", "certificate"};

/// How a CURVE handshake ended. Label values of curve_handshakes_total.
enum class CurveResult : uint8_t {
  ok,           ///< the peer's key may call
  not_allowed,  ///< its key, or its address, may not
  protocol,     ///< it has no key, takes another for the gateway's, or does not speak CURVE
};
inline constexpr std::array<std::string_view, 3> kCurveResultNames = {"ok", "not_allowed",
                                                                      "protocol"};

struct ListenerMetrics {
  Counter connections;        ///< gauge
  Counter connections_limit;  ///< gauge: 0 when nothing is listened on
  Counter accepted;
  std::array<Counter, kRejectedNames.size()> rejected;
  Counter received_bytes;
  Counter sent_bytes;
  Counter keep_alives;  ///< ZeroMQ: frames that keep quiet clients alive
  std::array<Counter, kMalformedNames.size()> malformed;
  std::array<Counter, kCurveResultNames.size()> curve;

  void count(Malformed reason) { malformed[index_of(reason)].add(); }
  void count(CurveResult result) { curve[index_of(result)].add(); }
  void count(Rejected reason) { rejected[index_of(reason)].add(); }
};

/// Of the event loop itself: core/io/event_loop.h measures it.
struct LoopMetrics {
  Histogram lag;          ///< of each turn, from the poll's return to the next poll
  Counter busy_since_ns;  ///< gauge: when the turn under way began, as uv_hrtime(); 0 when polling
};

struct RedisMetrics {
  Counter ok, error, timeout, unavailable, overloaded;  ///< redis_commands_total{outcome}
  /// redis_replies_refused_total{reason}
  Counter reply_too_large, no_memory_for_reply;
  Histogram duration;
  Counter up;  ///< gauge: 1 when a connection of this worker is ready
};

/// Has memory for every label from the start, so that a counter never moves: 113 KiB for requests
/// and 60 KiB for durations.
class WorkerMetrics {
 public:
  explicit WorkerMetrics(const FunctionLabels& labels)
      : labels_(labels),
        requests_(FunctionLabels::kLabels * kWireNames.size()),
        durations_(FunctionLabels::kLabels * kProtocolNames.size()) {}

  void show(const MemoryAccount& account) {
    for (size_t use = 0; use < kMemoryUseNames.size(); ++use) {
      memory[use].set(account.held(static_cast<MemoryUse>(use)));
    }
  }

  /// A request came in. Requests begun minus all outcomes is the number in flight.
  void begin(Protocol protocol) { begun_[index_of(protocol)].add(); }
  void end(FunctionLabel function, Wire wire, Outcome outcome) {
    requests_[function * kWireNames.size() + index_of(wire)][index_of(outcome)].add();
  }
  Histogram& duration(FunctionLabel function, Protocol protocol) {
    return durations_[function * kProtocolNames.size() + index_of(protocol)];
  }

  uint64_t begun(Protocol protocol) const { return begun_[index_of(protocol)].value(); }
  uint64_t ended(FunctionLabel function, Wire wire, Outcome outcome) const {
    return requests_[function * kWireNames.size() + index_of(wire)][index_of(outcome)].value();
  }
  const Histogram& duration(FunctionLabel function, Protocol protocol) const {
    return durations_[function * kProtocolNames.size() + index_of(protocol)];
  }
  const FunctionLabels& labels() const { return labels_; }

  std::array<ListenerMetrics, kProtocolNames.size()> transport;
  ListenerMetrics& of(Protocol protocol) { return transport[index_of(protocol)]; }
  const ListenerMetrics& of(Protocol protocol) const { return transport[index_of(protocol)]; }
  LoopMetrics loop;
  RedisMetrics redis;
  std::array<TlsMetrics, kTlsSideNames.size()> tls;
  TlsMetrics& of(TlsSide side) { return tls[static_cast<size_t>(side)]; }
  BackendMetricsList backends;
  std::array<Counter, kMemoryUseNames.size()> memory;  ///< gauges: bytes, see MemoryUse
  Counter memory_limit;     ///< gauge: bytes of all of them but connections
  Counter in_flight_limit;  ///< gauge: calls that this worker may have under way

 private:
  const FunctionLabels& labels_;
  std::array<Counter, kProtocolNames.size()> begun_;
  std::vector<std::array<Counter, kOutcomeNames.size()>> requests_;
  std::vector<Histogram> durations_;
};

}  // namespace zerogate
