// What must hold of the worker: at each turn, once the operations are done, and at its end.
#include <fmt/format.h>

#include <algorithm>

#include "tests/fuzz/session/session.h"
#include "tests/simulation/leftovers.h"

namespace zerogate::fuzz {
namespace {

using simulation::judge_leftovers;
using simulation::kMs;
using simulation::kSecond;
using simulation::violated;

constexpr Wire kWires[] = {Wire::t1, Wire::t2, Wire::t3, Wire::w1,
                           Wire::w2, Wire::w3, Wire::w4, Wire::w5};
constexpr Function kProbes[] = {Function::save_order, Function::get_order, Function::a_get,
                                Function::a_put,      Function::c_put,     Function::relay,
                                Function::echo};
constexpr uint64_t kProbeEvery = 200 * kMs;
/// Turns in a row that no event, timer or work of the turn before explains.
constexpr uint64_t kMostIdleTurns = 300;
/// The strangers that stay: with the honest clients and a newcomer they are as many as may be.
constexpr size_t kStay = 2;
constexpr size_t kZmqStay = 2;
/// Until what was under way has ended, of relay in 2 s, and a while for a process that stood still.
constexpr uint64_t kUnderWay = 5 * kSecond;

}  // namespace

void Session::after_turn() {
  if (over_) {
    return;
  }
  const uint64_t now = world_.now();
  const bool woken = world_.happened() != happened_ || now - last_turn_ > kMs / 2;
  happened_ = world_.happened();
  last_turn_ = now;
  idle_turns_ = woken ? 0 : idle_turns_ + 1;
  if (idle_turns_ > kMostIdleTurns) {
    violated("the loop goes round and round, and nothing happens");
  }
  const auto judge = [this](Protocol protocol, uint64_t limit) {
    const uint64_t connections = worker_->metrics().of(protocol).connections.value();
    if (connections > limit) {
      violated(
          fmt::format("{} connections over {}, limit {}", connections, name_of(protocol), limit));
    }
  };
  judge(Protocol::tcp, options_.tcp.max_connections);
  judge(Protocol::zmq, options_.zmq.max_connections);
}

void Session::judge_counters(bool at_end) {
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
  const uint64_t limit = at_end ? 0 : options_.max_in_flight;
  if (ended > begun || begun - ended > limit) {
    violated(
        fmt::format("{} requests, {} outcomes; in flight there may be {}", begun, ended, limit));
  }
}

void Session::judge_limits() {
  for (const BackendTotals& backend : worker_->metrics().backends.totals()) {
    // A reload may shorten a queue that is full already.
    if (backend.queue > std::max<uint64_t>(a_.queue, c_.queue)) {
      violated(fmt::format("{} calls wait for backend {}", backend.queue, backend.backend));
    }
    for (const EndpointTotals& endpoint : backend.endpoints) {
      if (endpoint.connections > a_.connections) {
        violated(fmt::format("{} connections to {}", endpoint.connections, endpoint.endpoint));
      }
    }
  }
}

// Newcomers on both ports are served though strangers are there, whatever these have done: as soon
// as no limit is in their way.
void Session::leave_room() {
  if (draining_) {
    return;
  }
  descriptors_.limit = kEnoughDescriptors;
  pass_next_ = 0;
  for (size_t i = kStay; i < strangers_.size(); ++i) {
    strangers_[i]->hang_up();
  }
  for (size_t i = kZmqStay; i < zmq_strangers_.size(); ++i) {
    zmq_strangers_[i]->hang_up();
  }
  world_.in(kUnderWay, [this] { probe_bystanders(); });
}

void Session::probe_bystanders() {
  world_.note("newcomers");
  prober_ = std::make_unique<TcpCaller>(calls_, "10.8.9.9:40");
  prober_->connect();
  zmq_prober_ = std::make_unique<ZmqCaller>(calls_, "10.8.9.9:41");
  zmq_prober_->connect();
  world_.in(kProbeEvery, [this] {
    if (!prober_->connected() || !zmq_prober_->connected()) {
      violated(fmt::format("a newcomer cannot connect over {}, and no limit holds it back",
                           prober_->connected() ? "ZeroMQ" : "TCP"));
    }
    prober_->call(Function::hello_world);
    zmq_prober_->call(Function::hello_world);
    world_.in(kProbeEvery, [this] { judge_bystanders(); });
  });
}

void Session::judge_bystanders() {
  if (prober_->waiting() + zmq_prober_->waiting() != 0) {
    violated("a newcomer's hello has no answer");
  }
  for (uint32_t back = 1; back <= 2; ++back) {
    if (const HonestCall& hello = calls_.at(calls_.size() - back); !hello.ok) {
      violated(fmt::format("a newcomer's hello fails: {}", hello.error));
    }
  }
  zmq_prober_->hang_up();
  heal();
}

void Session::judge_honest() {
  uint64_t ended = prober_->ended_by_gateway();
  for (const auto& client : honest_) {
    ended += client->ended_by_gateway();
    if (client->waiting() != 0) {
      violated(fmt::format("{} calls of an honest client have no answer", client->waiting()));
    }
  }
  const auto refused = [this](Protocol protocol) {
    uint64_t sum = 0;
    for (const Counter& rejected : worker_->metrics().of(protocol).rejected) {
      sum += rejected.value();
    }
    return sum;
  };
  // For want of descriptors libuv closes connections by itself.
  if (ended > refused(Protocol::tcp) && !lacked_descriptors_) {
    violated(
        fmt::format("the gateway ended {} connections of honest clients without a reason", ended));
  }
  if (zmq_honest_->waiting() > refused(Protocol::zmq)) {
    violated(fmt::format("{} calls over ZeroMQ have no answer", zmq_honest_->waiting()));
  }
  if (worker_->reloading()) {
    violated("a reload has not ended");
  }
  judge_counters(false);
  judge_limits();
  for (const auto& stranger : strangers_) {
    stranger->hang_up();
  }
  probe_next(0);
}

// One call at a time, so that no limit is in its way.
void Session::probe_next(size_t done) {
  if (done != 0) {
    const HonestCall& last = calls_.at(calls_.size() - 1);
    if (!last.ok) {
      violated(fmt::format("{} still fails: {}", kFunctions[static_cast<size_t>(last.function)],
                           last.answered ? last.error : "no answer"));
    }
  }
  if (done == std::size(kProbes)) {
    return finish();
  }
  prober_->call(kProbes[done]);
  world_.in(kProbeEvery, [this, done] { probe_next(done + 1); });
}

void Session::finish() {
  judge_leftovers(worker_->metrics());
  world_.note("end");
  if (seed_ % 4 == 0) {
    return worker_->stop();
  }
  begin_drain();
}

void Session::begin_drain() {
  draining_ = true;
  tcp_port_->hold_newcomers();
  worker_->drain();
  constexpr uint64_t kSlack = 10 * kSecond;  // the process may stand still for seconds
  world_.in(options_.drain_timeout_ms * kMs + kSlack, [] { violated("a drain does not end"); });
}

void Session::on_progress() {
  if (draining_ && worker_->closed()) {
    tcp_port_.reset();
  }
}

void Session::judge_end() {
  over_ = true;
  judge_counters(true);
}

}  // namespace zerogate::fuzz
