// What operators are told, against what the models and the network know.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/simulation/storm.h"

namespace zerogate::simulation {
namespace {

void must_be(std::string_view what, uint64_t counted, uint64_t happened) {
  if (counted != happened) {
    violated(fmt::format("{}: {} are counted, there were {}", what, counted, happened));
  }
}

char backend_of(Function function) {
  return function == Function::relay ? 'a' : kFunctions[static_cast<size_t>(function)].front();
}

}  // namespace

void Storm::judge_traffic() {
  for (const auto& [protocol, address] :
       {std::pair(Protocol::tcp, kGatewayTcp), {Protocol::zmq, kGatewayZmq}}) {
    const ListenerMetrics& metrics = worker_->metrics().of(protocol);
    Traffic traffic = network_.traffic(address);
    if (protocol == Protocol::zmq) {
      traffic.received += bus_.traffic.received;
      traffic.sent += bus_.traffic.sent;
    }
    // One newcomer may have waited for a place until the end.
    const bool may_wait = protocol == Protocol::zmq &&
                          traffic.accepted == metrics.accepted.value() + 1 &&
                          metrics.rejected[index_of(Rejected::limit)].value() != 0;
    const uint64_t accepted = metrics.accepted.value() + (may_wait ? 1 : 0);
    // Of what libzmq has accepted it may not have told the last.
    const uint64_t over_curve = protocol == Protocol::zmq ? bus_.traffic.accepted : 0;
    must_be("connections accepted", accepted,
            std::clamp(accepted, traffic.accepted, traffic.accepted + over_curve));
    must_be("bytes received", metrics.received_bytes.value(), traffic.received);
    const uint64_t sent = metrics.sent_bytes.value();
    must_be("bytes sent", sent, std::clamp(sent, traffic.sent - traffic.broken_off, traffic.sent));
    must_be("connections", metrics.connections.value(), 0);
    judge_malformed(metrics);
  }
}

// Clients may go in the middle of a frame or of a handshake, but what they say is well-formed.
void Storm::judge_malformed(const ListenerMetrics& metrics) const {
  if (plan_.has(Fault::client_garbage)) {
    return;
  }
  for (size_t reason = 0; reason < kMalformedNames.size(); ++reason) {
    if (reason != index_of(Malformed::truncated) && reason != index_of(Malformed::bad_handshake)) {
      must_be(fmt::format("{} of clients that send no garbage", kMalformedNames[reason]),
              metrics.malformed[reason].value(), 0);
    }
  }
}

// Each request that a server has read as a whole was an attempt, which has ended in one way, unless
// the worker has ended before.
void Storm::judge_attempts() const {
  struct Sums {
    uint64_t executed = 0;
    uint64_t ok = 0;
    uint64_t attempts = 0;
    uint64_t attempts_ok = 0;
  };
  std::map<char, Sums> backends;
  for (size_t i = 0; i < ledger_.size(); ++i) {
    const CallRecord& call = ledger_.at(i);
    if (call.function == Function::relay && !call.ok) {
      continue;  // its own call may be under way when the worker ends, and nobody waits for it
    }
    Sums& sums = backends[backend_of(call.function)];
    sums.executed += call.executions;
    sums.ok += static_cast<uint64_t>(call.ok && call.executions != 0);
  }
  for (const BackendTotals& backend : worker_->metrics().backends.totals()) {
    Sums& sums = backends[backend.backend.front()];
    for (const EndpointTotals& endpoint : backend.endpoints) {
      sums.attempts_ok += endpoint.requests[index_of(Outcome::ok)];
      for (const uint64_t requests : endpoint.requests) {
        sums.attempts += requests;
      }
      must_be("in flight to a server", endpoint.in_flight, 0);
    }
    must_be("waiting for a backend", backend.queue, 0);
  }
  for (const auto& [backend, sums] : backends) {
    if (sums.executed > sums.attempts + worker_->cut_off() || sums.ok > sums.attempts_ok) {
      violated(fmt::format(
          "servers of {} have executed {} calls and clients have {} results; {} attempts are "
          "counted, {} of them ok; {} calls were cut off",
          backend, sums.executed, sums.ok, sums.attempts, sums.attempts_ok, worker_->cut_off()));
    }
  }
}

// Those that read their answers as they come, over a network that brings them, have all of those
// that they can have when the worker leaves.
void Storm::judge_leave() const {
  if (plan_.large || plan_.network.buffer < 64 << 10 || plan_.network.slow_one_in != 0) {
    return;
  }
  uint64_t unanswered = 0;
  for (const auto& client : clients_) {
    unanswered += client->left_unanswered;
  }
  for (const auto& client : zmq_clients_) {
    unanswered += client->left_unanswered;
  }
  for (const auto& client : curve_clients_) {
    unanswered += client->left_unanswered;
  }
  if (unanswered > rejected(Protocol::tcp) + rejected(Protocol::zmq)) {
    violated(
        fmt::format("{} calls that were read as a whole were left without an answer", unanswered));
  }
}

void Storm::judge_redis() const {
  uint64_t saved_or_got = 0;
  for (size_t i = 0; i < ledger_.size(); ++i) {
    const CallRecord& call = ledger_.at(i);
    const bool order =
        call.function == Function::save_order || call.function == Function::get_order;
    saved_or_got += static_cast<uint64_t>(order && call.ok);
  }
  if (const uint64_t counted = worker_->metrics().redis.ok.value(); counted < saved_or_got) {
    violated(fmt::format("Redis has answered {} calls of clients, and {} commands are counted",
                         saved_or_got, counted));
  }
}

}  // namespace zerogate::simulation
