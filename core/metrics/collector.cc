#include "core/metrics/collector.h"

#include <uv.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/log/log.h"
#include "core/metrics/families.h"
#include "core/metrics/shown_bounds.h"
#include "core/metrics/shown_outcomes.h"

namespace zerogate {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array kProtocols = {Protocol::tcp, Protocol::zmq};
static_assert(kProtocols.size() == kProtocolNames.size());

constexpr uint32_t bits(std::initializer_list<Malformed> reasons) {
  uint32_t set = 0;
  for (const Malformed reason : reasons) {
    set |= 1U << index_of(reason);
  }
  return set;
}
constexpr uint32_t bits(std::initializer_list<Rejected> reasons) {
  uint32_t set = 0;
  for (const Rejected reason : reasons) {
    set |= 1U << index_of(reason);
  }
  return set;
}

/// The reasons that a protocol can have, shown from the start at 0. Another one would be shown all
/// the same as soon as it was counted: nothing that happened is hidden by these tables.
constexpr std::array<uint32_t, kProtocolNames.size()> kMalformedOf = {
    bits({Malformed::bad_length, Malformed::empty, Malformed::too_large, Malformed::bad_msgpack,
          Malformed::too_deep, Malformed::truncated, Malformed::other_protocol, Malformed::bad_name,
          Malformed::bad_tls}),
    bits({Malformed::too_large, Malformed::bad_msgpack, Malformed::too_deep, Malformed::bad_frames,
          Malformed::bad_name, Malformed::bad_handshake})};
constexpr std::array<uint32_t, kProtocolNames.size()> kRejectedOf = {
    bits({Rejected::limit, Rejected::descriptors, Rejected::stalled, Rejected::slow_reader,
          Rejected::receive_memory, Rejected::send_memory, Rejected::not_allowed,
          Rejected::handshakes, Rejected::certificate}),
    bits({Rejected::limit, Rejected::descriptors, Rejected::slow_reader, Rejected::receive_memory,
          Rejected::send_memory, Rejected::not_allowed})};

/// The labels to show, read once for a scrape: some may be learned or forgotten meanwhile.
std::vector<LiveLabel> shown_functions(const FunctionLabels& functions) {
  std::vector<LiveLabel> labels = functions.live();
  labels.push_back({functions.other(), functions.name(functions.other()), nullptr});
  return labels;
}

uint64_t ended(const Workers& workers, FunctionLabel function, Wire wire, Outcome outcome) {
  return sum(workers, [&](auto& m) { return m.ended(function, wire, outcome); });
}

/// Calls that have ended under labels that are not shown: they are not in flight.
void add_forgotten(const Workers& workers, const std::vector<LiveLabel>& shown,
                   std::array<uint64_t, kProtocolNames.size()>& sums) {
  std::array<bool, FunctionLabels::kLabels> is_shown{};
  for (const LiveLabel& function : shown) {
    is_shown[function.label] = true;
  }
  for (FunctionLabel label = 0; label < FunctionLabels::kLabels; ++label) {
    for (size_t w = 0; !is_shown[label] && w < kWireNames.size(); ++w) {
      for (size_t o = 0; o < kOutcomeNames.size(); ++o) {
        const auto wire = static_cast<Wire>(w);
        sums[index_of(protocol_of(wire))] += ended(workers, label, wire, static_cast<Outcome>(o));
      }
    }
  }
}

void collect_requests(const Workers& workers, const std::vector<LiveLabel>& shown,
                      std::vector<MetricFamily>& families) {
  Family requests(
      "zerogate_requests_total",
      "Requests answered or dropped, by how they ended: error = the function failed, "
      "not_found = no such function, invalid = a request of the wrong shape, timeout = a "
      "deadline passed, unavailable = Redis or the backend is away or the gateway is "
      "shutting down, overloaded = a limit of the gateway was reached, abandoned = the "
      "client had gone or did not read, limited = over a rate limit. wire is the version of the "
      "protocol that the "
      "client speaks. A series is left out while it is 0, but for ok of each function, and the "
      "failures of a wire that was used.",
      MetricType::Counter);
  Family in_flight(
      "zerogate_requests_in_flight",
      "Requests received whose outcome is still open: they wait for Redis or a backend.",
      MetricType::Gauge);
  // Outcomes first, begun requests after them: see the header.
  std::array<uint64_t, kProtocolNames.size()> done_of{};
  add_forgotten(workers, shown, done_of);
  for (const LiveLabel& function : shown) {
    for (size_t w = 0; w < kWireNames.size(); ++w) {
      const auto wire = static_cast<Wire>(w);
      Outcomes counts{};  // of the function that has the label now
      for (size_t o = 0; o < counts.size(); ++o) {
        const uint64_t count = ended(workers, function.label, wire, static_cast<Outcome>(o));
        done_of[index_of(protocol_of(wire))] += count;
        counts[o] = function.base ? count - function.base->requests[w][o] : count;
      }
      for (size_t o = 0; o < counts.size(); ++o) {
        const auto outcome = static_cast<Outcome>(o);
        if (is_shown(counts, wire, outcome, function.label == FunctionLabels::other())) {
          requests.add({label("protocol", name_of(protocol_of(wire))), label("wire", name_of(wire)),
                        label("function", function.name), label("outcome", name_of(outcome))},
                       counts[o]);
        }
      }
    }
  }
  for (const Protocol protocol : kProtocols) {
    const uint64_t begun = sum(workers, [&](auto& m) { return m.begun(protocol); });
    const uint64_t done = done_of[index_of(protocol)];
    assert(begun >= done);
    in_flight.add({label("protocol", name_of(protocol))}, begun - std::min(begun, done));
  }
  families.push_back(std::move(requests.family));
  families.push_back(std::move(in_flight.family));

  Family limit("zerogate_requests_in_flight_limit",
               "Requests that may be in flight over all clients and protocols (limits.in_flight); "
               "more are refused as overloaded.",
               MetricType::Gauge);
  limit.add(Labels{}, sum(workers, [](auto& m) { return m.in_flight_limit.value(); }));
  families.push_back(std::move(limit.family));
}

void collect_durations(const Workers& workers, const std::vector<LiveLabel>& shown,
                       std::vector<MetricFamily>& families) {
  Family durations("zerogate_request_duration_seconds",
                   "Time from the event loop finding the request's bytes to its reply being "
                   "written: the network to the client is not in it. There from a function's first "
                   "call over a protocol on. With more than 200 functions and protocols that were "
                   "called it has 7 bounds instead of 17.",
                   MetricType::Histogram);
  std::vector<std::pair<Labels, HistogramTotals>> called;
  for (const LiveLabel& function : shown) {
    for (const Protocol protocol : kProtocols) {
      HistogramTotals totals = sum_histograms(workers, [&](auto& m) -> const Histogram& {
        return m.duration(function.label, protocol);
      });
      if (function.base) {
        totals.subtract(function.base->durations[index_of(protocol)]);
      }
      if (std::ranges::any_of(totals.buckets, [](uint64_t count) { return count > 0; })) {
        called.emplace_back(
            Labels{label("protocol", name_of(protocol)), label("function", function.name)}, totals);
      }
    }
  }
  const BoundSet bounds = shown_bounds(called.size());
  for (auto& [labels, totals] : called) {
    durations.add(std::move(labels), totals, bounds);
  }
  families.push_back(std::move(durations.family));
}

/// A family with one series for each protocol, from the counter that `member` points to.
MetricFamily per_protocol(const Workers& workers, std::string_view name, std::string_view help,
                          MetricType type, Counter ListenerMetrics::*member) {
  Family family(name, help, type);
  for (const Protocol protocol : kProtocols) {
    family.add({label("protocol", name_of(protocol))},
               sum(workers, [&](auto& m) { return (m.of(protocol).*member).value(); }));
  }
  return std::move(family.family);
}

/// A family with one series for each protocol and each reason that it can have.
template <size_t N>
MetricFamily per_reason(const Workers& workers, std::string_view name, std::string_view help,
                        const std::array<std::string_view, N>& names,
                        const std::array<uint32_t, kProtocolNames.size()>& possible,
                        std::array<Counter, N> ListenerMetrics::*member) {
  Family family(name, help, MetricType::Counter);
  for (const Protocol protocol : kProtocols) {
    for (size_t i = 0; i < N; ++i) {
      const uint64_t count =
          sum(workers, [&](auto& m) { return (m.of(protocol).*member)[i].value(); });
      if (count > 0 || (possible[index_of(protocol)] >> i & 1)) {
        family.add({label("protocol", name_of(protocol)), label("reason", names[i])}, count);
      }
    }
  }
  return std::move(family.family);
}

void collect_transport(const Workers& workers, std::vector<MetricFamily>& families) {
  families.push_back(per_protocol(workers, "zerogate_connections", "Client connections open now.",
                                  MetricType::Gauge, &ListenerMetrics::connections));
  families.push_back(per_protocol(
      workers, "zerogate_connections_limit",
      "Client connections that may be open: limits.connections, or what the limits of "
      "open files and of memory leave of it. Beyond it TCP connections are refused and ZeroMQ ones "
      "wait. 0: this protocol is switched off.",
      MetricType::Gauge, &ListenerMetrics::connections_limit));
  families.push_back(per_protocol(workers, "zerogate_connections_accepted_total",
                                  "Client connections accepted. A rate near that of requests: "
                                  "clients connect anew for each call.",
                                  MetricType::Counter, &ListenerMetrics::accepted));
  families.push_back(per_reason(
      workers, "zerogate_connections_rejected_total",
      "Client connections that the gateway refused or ended by itself, by reason: limit = "
      "limits.connections reached (zmq: times that newcomers had to wait, none is refused), "
      "descriptors = no file descriptor left, stalled = a request not finished in time, "
      "slow_reader = replies not read in time, receive_memory and send_memory = too many bytes of "
      "requests or of unread replies over all clients, not_allowed = its address is not in "
      "listen.allow, or its key not in curve.clients, handshakes = limits.handshakes reached, or "
      "CURVE: no place left, certificate = a reload no longer lets it in.",
      kRejectedNames, kRejectedOf, &ListenerMetrics::rejected));
  families.push_back(per_protocol(workers, "zerogate_received_bytes_total",
                                  "Bytes received from clients. With CURVE: of messages, without "
                                  "what libzmq adds.",
                                  MetricType::Counter, &ListenerMetrics::received_bytes));
  families.push_back(per_protocol(workers, "zerogate_sent_bytes_total",
                                  "Bytes sent to clients. With CURVE: of messages, without what "
                                  "libzmq adds.",
                                  MetricType::Counter, &ListenerMetrics::sent_bytes));
  Family keep_alives(
      "zerogate_keep_alive_frames_total",
      "Frames sent to quiet ZeroMQ clients because zeroapi's asynchronous client dies "
      "when it hears nothing for its time-out (zmq_keep_alive).",
      MetricType::Counter);
  keep_alives.add(Labels{},
                  sum(workers, [](auto& m) { return m.of(Protocol::zmq).keep_alives.value(); }));
  families.push_back(std::move(keep_alives.family));
  Family curve(
      "zerogate_curve_handshakes_total",
      "Handshakes on the port with CURVE (listen.zmq_curve), by how they ended: "
      "not_allowed = the client's key or address is not welcome, protocol = it has no key, "
      "or another one for the gateway's, or does not speak CURVE.",
      MetricType::Counter);
  for (size_t i = 0; i < kCurveResultNames.size(); ++i) {
    curve.add({label("result", kCurveResultNames[i])},
              sum(workers, [i](auto& m) { return m.of(Protocol::zmq).curve[i].value(); }));
  }
  families.push_back(std::move(curve.family));
  families.push_back(per_reason(
      workers, "zerogate_malformed_total",
      "Input from clients that is no request, by reason: too_large = longer than limits.message, "
      "bad_msgpack = not exactly one well-formed value, too_deep = nested too deep, bad_name = the "
      "function's name is not UTF-8 or too long, truncated = the peer ended in the middle of a "
      "frame (not counted with CURVE). Over TCP also bad_length = a "
      "length of 0 to 4, empty = a frame without payload, other_protocol = HTTP, TLS or ZeroMQ on "
      "this port, bad_tls = what follows a TLS handshake is no TLS. "
      "Over ZeroMQ also bad_frames = not the one or two frames that a request has, "
      "bad_handshake = the peer did not speak ZMTP 3 with this port's mechanism, or not in time.",
      kMalformedNames, kMalformedOf, &ListenerMetrics::malformed));
}

/// Seconds for which the loop that has been busy for longest has not polled.
double longest_busy(const Workers& workers) {
  constexpr double kNsPerSecond = 1e9;
  uint64_t oldest_ns = UINT64_MAX;
  for (const WorkerMetrics* worker : workers) {
    const uint64_t since_ns = worker->loop.busy_since_ns.value();
    if (since_ns != 0) {
      oldest_ns = std::min(oldest_ns, since_ns);
    }
  }
  const uint64_t now_ns = uv_hrtime();
  return now_ns > oldest_ns ? static_cast<double>(now_ns - oldest_ns) / kNsPerSecond : 0;
}

void collect_loops(const Workers& workers, std::vector<MetricFamily>& families) {
  Family lag(
      "zerogate_loop_lag_seconds",
      "Time an event loop worked before it looked for new events again, once a turn: what a "
      "request may wait before it is read. With a high p99 some handler blocks, or the loop has "
      "more to do than one core can (threads).",
      MetricType::Histogram);
  lag.add(Labels{},
          sum_histograms(workers, [](auto& m) -> const Histogram& { return m.loop.lag; }));
  families.push_back(std::move(lag.family));

  Family busy("zerogate_loop_busy_seconds",
              "Time since an event loop last looked for new events, now, of the loop where it is "
              "longest; 0 when all wait for some. More than a second: a loop is stuck, its clients "
              "get no answers.",
              MetricType::Gauge);
  busy.family.metric.emplace_back().gauge.value = longest_busy(workers);
  families.push_back(std::move(busy.family));
}

void collect_labels(const FunctionLabels& labels, std::vector<MetricFamily>& families) {
  Family known("zerogate_function_labels",
               "Functions that have a label value of their own. At zerogate_function_labels_limit "
               "further ones are counted as _other. When fewer than 20 are left, those that no "
               "configuration names and that were not called for an hour are forgotten.",
               MetricType::Gauge);
  known.add(Labels{}, labels.known());
  families.push_back(std::move(known.family));

  Family limit("zerogate_function_labels_limit",
               "Functions that may have a label value of their own.", MetricType::Gauge);
  limit.add(Labels{}, FunctionLabels::kMaxNames);
  families.push_back(std::move(limit.family));
}

void collect_log(std::vector<MetricFamily>& families) {
  Family dropped("zerogate_log_dropped_total",
                 "Log lines that were not written: more came than stderr took (4096 wait, then the "
                 "oldest goes; lines of the access log go first), or more than 100 slow calls a "
                 "second for each event loop.",
                 MetricType::Counter);
  dropped.add(Labels{}, log::dropped());
  families.push_back(std::move(dropped.family));
}

void collect_blocking(const BlockingMetrics& pool, std::vector<MetricFamily>& families) {
  const auto add = [&families](std::string_view name, std::string_view help, MetricType type,
                               uint64_t value) {
    Family family(name, help, type);
    family.add(Labels{}, value);
    families.push_back(std::move(family.family));
  };
  add("zerogate_blocking_threads",
      "Threads that functions of your own may have for work that blocks; 0 when the gateway serves "
      "its own functions, which have none.",
      MetricType::Gauge, pool.threads);
  add("zerogate_blocking_busy", "Threads that do such work now.", MetricType::Gauge, pool.running);
  add("zerogate_blocking_queued",
      "Jobs that wait for a thread. More than 0 for long: the threads are too few, or the work is "
      "too long.",
      MetricType::Gauge, pool.waiting);
  add("zerogate_blocking_finished_total", "Jobs that a thread has run.", MetricType::Counter,
      pool.finished);
  add("zerogate_blocking_refused_total", "Jobs that were refused, because as many waited as may.",
      MetricType::Counter, pool.refused);
}

}  // namespace

Collector::Collector(std::vector<const WorkerMetrics*> workers, const BlockingMetrics& blocking,
                     BuildInfo build, ProcessMemory memory)
    : workers_(std::move(workers)),
      blocking_(blocking),
      build_(std::move(build)),
      memory_(std::move(memory)) {
  for ([[maybe_unused]] const WorkerMetrics* worker : workers_) {
    assert(&worker->labels() == &workers_.front()->labels());
  }
}

std::vector<MetricFamily> Collector::Collect() const {
  std::vector<MetricFamily> families;
  if (!workers_.empty()) {
    const std::vector<LiveLabel> shown = shown_functions(workers_.front()->labels());
    collect_requests(workers_, shown, families);
    collect_durations(workers_, shown, families);
    collect_labels(workers_.front()->labels(), families);
  }
  collect_transport(workers_, families);
  collect_memory(workers_, families);
  collect_loops(workers_, families);
  collect_backends(workers_, families);
  collect_redis(workers_, families);
  collect_tls(workers_, families);
  collect_blocking(blocking_, families);
  collect_log(families);

  Family build("zerogate_build_info", "Always 1; the labels tell what is running.",
               MetricType::Gauge);
  build.add({label("version", build_.version), label("revision", build_.revision)}, 1);
  families.push_back(std::move(build.family));

  collect_limit(memory_, families);
  std::ranges::move(collect_process_metrics(), std::back_inserter(families));
  return families;
}

}  // namespace zerogate
