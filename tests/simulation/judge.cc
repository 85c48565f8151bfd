// What must hold of the worker, while the storm lasts and after it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/listener/zmtp_listener.h"
#include "tests/simulation/functions.h"
#include "tests/simulation/leftovers.h"
#include "tests/simulation/storm.h"

namespace zerogate::simulation {
namespace {

constexpr uint64_t kCountersEvery = 64;  ///< turns: they are many to add up
constexpr uint64_t kQueuesEvery = 8;
constexpr uint32_t kReloadedTimeoutMs = 700;  ///< see Plan::routing()
/// Turns that take long, TimerQueue::kGraceMs, and timers that are as exact as they have to be.
constexpr uint64_t kLittle = 1'500 * kMs;
constexpr uint64_t kMostIdleTurns = 2'000;
constexpr Function kProbes[] = {Function::echo,  Function::save_order, Function::get_order,
                                Function::a_put, Function::b_put,      Function::c_put,
                                Function::relay};
/// Until every server has been picked; one of four is left out by chance once in 10^8 runs.
constexpr size_t kProbeRounds = 70;
constexpr size_t kLeastProbeRounds = 4;
constexpr uint64_t kProbeEvery = 150 * kMs;
constexpr Wire kWires[] = {Wire::t1, Wire::t2, Wire::t3, Wire::w3, Wire::w4, Wire::w5};

}  // namespace

void Storm::after_turn() {
  if (over_) {
    return;
  }
  ++turns_;
  judge_spinning();
  judge_limits();
  judge_curve_limit();
  judge_memory();
  if (turns_ % kQueuesEvery == 0) {
    judge_queues();
  }
  if (turns_ % kCountersEvery == 0) {
    judge_in_flight(false);
  }
}

// A loop that has nothing to do sleeps. Events of the world wake it, and a few turns follow each.
void Storm::judge_spinning() {
  if (world_.happened() != happened_) {
    happened_ = world_.happened();
    idle_turns_ = 0;
  }
  if (++idle_turns_ > kMostIdleTurns) {
    violated(fmt::format("the loop goes round and round: {} turns, and nothing has happened",
                         idle_turns_));
  }
}

uint64_t Storm::in_flight() const {
  const WorkerMetrics& metrics = worker_->metrics();
  uint64_t ended = 0;
  for (FunctionLabel label = 0; label < FunctionLabels::kLabels; ++label) {
    if (label == labels_.known()) {
      label = FunctionLabels::other();
    }
    for (const Wire wire : kWires) {
      for (size_t outcome = 0; outcome < kOutcomeNames.size(); ++outcome) {
        ended += metrics.ended(label, wire, static_cast<Outcome>(outcome));
      }
    }
  }
  const uint64_t begun = metrics.begun(Protocol::tcp) + metrics.begun(Protocol::zmq);
  if (ended > begun) {
    violated(fmt::format("{} outcomes of {} requests", ended, begun));
  }
  return begun - ended;
}

void Storm::judge_in_flight(bool at_end) const {
  const uint64_t limit = at_end ? 0 : plan_.worker.max_in_flight;
  if (in_flight() > limit) {
    violated(fmt::format("{} requests are in flight, limit {}", in_flight(), limit));
  }
}

// From its bytes to its answer, whatever happens, no call takes longer than its time-out and a
// little; only a process that was stopped cannot help it.
void Storm::judge_durations() {
  if (plan_.has(Fault::stopped)) {
    return;
  }
  const uint64_t longest_ms =
      std::max({plan_.a.timeout_ms, plan_.b.timeout_ms, plan_.c.timeout_ms, kReloadedTimeoutMs,
                kRelayTimeoutMs, 2 * plan_.worker.redis.timeout_ms});
  const uint64_t limit_ns = longest_ms * kMs + kLittle;
  const auto& bounds = Histogram::kBoundsNs;
  const auto above =
      static_cast<size_t>(std::ranges::lower_bound(bounds, limit_ns) - bounds.begin()) + 1;
  for (const Protocol protocol : {Protocol::tcp, Protocol::zmq}) {
    for (FunctionLabel label = 0; label < FunctionLabels::kLabels; ++label) {
      const Histogram& durations = worker_->metrics().duration(label, protocol);
      for (size_t bucket = above; bucket < Histogram::kBuckets; ++bucket) {
        if (durations.bucket(bucket) != 0) {
          violated(fmt::format("{} calls took longer than {} ms; the longest time-out is {} ms",
                               durations.bucket(bucket), bounds[bucket - 1] / kMs, longest_ms));
        }
      }
    }
  }
}

// Each function's own counters against what its clients know.
void Storm::judge_end() {
  over_ = true;
  judge_in_flight(true);
  judge_durations();
  judge_traffic();
  judge_attempts();
  judge_redis();
  judge_leave();
  judge_strangers();
  const WorkerMetrics& metrics = worker_->metrics();
  for (size_t f = 0; f < kFunctionCount; ++f) {
    const auto function = static_cast<Function>(f);
    const FunctionLabel label = labels_.find(kFunctions[f]);
    if (label == FunctionLabels::other() || function == Function::b_get ||
        function == Function::b_put) {
      continue;  // b's functions get their labels with their first answers
    }
    for (const Wire wire : kWires) {
      uint64_t ended = 0;
      for (size_t outcome = 0; outcome < kOutcomeNames.size(); ++outcome) {
        const auto as = static_cast<Outcome>(outcome);
        // What no route names counts as `_other`.
        ended += as == Outcome::not_found ? 0 : metrics.ended(label, wire, as);
      }
      const Ledger::Sums sums = ledger_.sums(function, wire);
      const uint64_t ok = metrics.ended(label, wire, Outcome::ok);
      // While a reload has left it out a drain refuses it as `_other`, too.
      const bool may_be_other = function == Function::echo && plan_.has(Fault::reload);
      if ((sums.answered > ended && !may_be_other) || ended > sums.begun || sums.ok > ok) {
        violated(
            fmt::format("{} over {}: clients made {} calls and have {} answers, {} of them ok; "
                        "the gateway counted {}, {} of them ok",
                        kFunctions[f], kWireNames[index_of(wire)], sums.begun, sums.answered,
                        sums.ok, ended, ok));
      }
    }
  }
}

uint64_t Storm::rejected(Protocol protocol) const {
  uint64_t all = 0;
  for (const Counter& reason : worker_->metrics().of(protocol).rejected) {
    all += reason.value();
  }
  return all;
}

void Storm::judge_clients() {
  uint64_t ended_by_gateway = 0;
  for (const auto& client : clients_) {
    if (client->connected() && client->honest() && client->waiting() != 0) {
      violated(fmt::format("{} calls of a client have no answer {} s after the storm",
                           client->waiting(), kCalm / kSecond));
    }
    ended_by_gateway += client->ended_by_gateway;
  }
  for (const auto& stranger : strangers_) {
    ended_by_gateway += stranger->ended_by_gateway;
  }
  uint64_t reasons = rejected(Protocol::tcp);
  const TlsMetrics& tls = worker_->metrics().tls[static_cast<size_t>(TlsSide::listener)];
  for (size_t result = 0; result < kTlsResultNames.size(); ++result) {
    reasons += result == static_cast<size_t>(TlsResult::ok) ? 0 : tls.handshakes[result].value();
  }
  if (ended_by_gateway > reasons && !plan_.has(Fault::few_descriptors)) {
    violated(fmt::format("the gateway ended {} connections, and says why of {}", ended_by_gateway,
                         reasons));
  }
  uint64_t unanswered = 0;
  for (const auto& client : zmq_clients_) {
    unanswered += client->connected() ? client->waiting() : 0;
  }
  for (const auto& client : curve_clients_) {
    unanswered += client->connected() ? client->waiting() : 0;
  }
  // libzmq's queue for a peer that does not read, and the memory for replies, have limits.
  const ListenerMetrics& zmq = worker_->metrics().of(Protocol::zmq);
  const uint64_t refused = zmq.rejected[index_of(Rejected::slow_reader)].value() +
                           zmq.rejected[index_of(Rejected::send_memory)].value();
  if (unanswered > refused) {
    violated(
        fmt::format("{} calls over ZeroMQ have no answer {} s after the storm, and {} are "
                    "counted as refused",
                    unanswered, kCalm / kSecond, refused));
  }
}

void Storm::judge_curve_clients() const {
  uint64_t ended_by_gateway = 0;
  for (const auto& client : curve_clients_) {
    ended_by_gateway += client->ended_by_gateway;
  }
  const uint64_t reasons = rejected(Protocol::zmq);
  if (ended_by_gateway > reasons) {
    violated(fmt::format("the gateway ended {} connections over CURVE, and says why of {}",
                         ended_by_gateway, reasons));
  }
}

void Storm::judge_calm() {
  if (phase_ != Phase::calm) {
    return;
  }
  judge_clients();
  judge_curve_clients();
  if (worker_->reloading()) {
    violated("a reload has not ended");
  }
  judge_in_flight(false);
  phase_ = Phase::probing;
  clients_.clear();
  zmq_clients_.clear();
  curve_clients_.clear();
  curve_strangers_.clear();
  ledger_.heard.clear();
  // Newcomers wait at the limit, and those whose peers have vanished are before ours: each has the
  // time of a handshake, and twice that is enough.
  const uint64_t before_us = network_.newcomers(kGatewayZmq);
  world_.in(kSecond + before_us * 2 * ZmtpListener::kHandshakeTimeoutMs * kMs, [this] {
    TcpClient::Manners manners;
    secure(manners, 0);
    prober_ = std::make_unique<TcpClient>(world_, network_, ledger_, "10.8.9.9:4000", kGatewayTcp,
                                          manners);
    prober_->connect();
    zmq_prober_ = std::make_unique<ZmqClient>(world_, network_, ledger_, "10.8.9.9:4001",
                                              kGatewayZmq, Wire::w5);
    zmq_prober_->connect();
    if (plan_.curve) {
      curve_prober_ = make_curve_client(0);
      curve_prober_->connect();
    }
    probed_ = ledger_.size();
    world_.in(kSecond, [this] { probe(kProbeRounds * std::size(kProbes)); });
  });
}

// One call at a time, so that no limit of the seed is in its way.
void Storm::probe(size_t left) {
  if (!prober_->connected() || prober_->waiting() != 0) {
    violated("after the storm a client cannot connect, or gets no answer");
  }
  if (!zmq_prober_->connected() || zmq_prober_->waiting() != 0) {
    violated("after the storm a ZeroMQ client cannot connect, or gets no answer");
  }
  if (plan_.curve && (!curve_prober_->connected() || curve_prober_->waiting() != 0)) {
    violated("after the storm a client with CURVE cannot connect, or gets no answer");
  }
  for (; probed_ < ledger_.size(); ++probed_) {
    const CallRecord& call = ledger_.at(static_cast<uint32_t>(probed_));
    const bool no_order = call.function == Function::get_order && call.saved_by == UINT32_MAX;
    if (!call.ok && !no_order) {
      violated(fmt::format("{} s after the storm {} still fails: {}", kCalm / kSecond,
                           kFunctions[static_cast<size_t>(call.function)], call.error));
    }
  }
  const bool all_heard = ledger_.heard.size() == servers_.size() + zmq_servers_.size();
  if (left == 0 || (all_heard && left <= (kProbeRounds - kLeastProbeRounds) * std::size(kProbes))) {
    return judge_probes();
  }
  if (left % std::size(kProbes) == 0) {
    zmq_prober_->call(Function::echo, 10);
    if (plan_.curve) {
      curve_prober_->call(Function::echo, 10);
    }
  }
  prober_->call(kProbes[left % std::size(kProbes)], 10);
  world_.in(kProbeEvery, [this, left] { probe(left - 1); });
}

// For whoever looks into a failure.
void Storm::tell_backends() const {
  for (const BackendTotals& backend : worker_->metrics().backends.totals()) {
    for (const EndpointTotals& endpoint : backend.endpoints) {
      fmt::print(stderr, "backend {} ({}): {} ({}): up {}, connections {}, in flight {}\n",
                 backend.backend, backend.live ? "live" : "gone", endpoint.endpoint,
                 endpoint.live ? "live" : "gone", endpoint.up, endpoint.connections,
                 endpoint.in_flight);
    }
  }
}

void Storm::judge_probes() {
  for (const char backend : {'a', 'b', 'c'}) {
    for (const std::string& address : plan_.servers_of(backend)) {
      if (std::ranges::find(ledger_.heard, address) == ledger_.heard.end()) {
        tell_backends();
        violated(fmt::format("{} s after the storm {} is not used", kCalm / kSecond, address));
      }
    }
  }
  judge_leftovers(worker_->metrics());
  phase_ = Phase::ending;
  leave();
}

// From now on the gateway may close connections.
void Storm::leave() {
  for (const auto& client : clients_) {
    client->may_be_closed = true;
  }
  for (const auto& client : zmq_clients_) {
    client->may_be_closed = true;
  }
  for (const auto& client : curve_clients_) {
    client->may_be_closed = true;
  }
  if (prober_ != nullptr) {
    prober_->may_be_closed = true;
  }
  if (world_.chance(3)) {
    world_.note("stop");
    return worker_->stop();
  }
  begin_drain();
}

void Storm::begin_drain() {
  world_.note("drain");
  draining_ = true;
  tcp_port_->hold_newcomers();
  worker_->drain();
  if (clients_.size() + zmq_clients_.size() != 0) {
    schedule_call();  // clients do not know of it
  }
  constexpr uint64_t kSlack = 10 * kSecond;  // the process may be stopped for 8
  world_.in(plan_.worker.drain_timeout_ms * kMs + kSlack, [this] {
    if (!over_) {
      violated("a drain does not end");
    }
  });
}

void Storm::on_progress() {
  if (draining_ && worker_->closed()) {
    tcp_port_.reset();
  }
}

}  // namespace zerogate::simulation
