// Every limit that has a name: what is there at a time, what waits, and what may come how often.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/glob.h"
#include "core/io/frame_reader.h"
#include "core/listener/memory_keeper.h"
#include "core/rpc/rate_limits.h"
#include "tests/simulation/storm.h"

namespace zerogate::simulation {
namespace {

constexpr Protocol kPorts[] = {Protocol::tcp, Protocol::zmq};
constexpr uint64_t kMostConnections = 4;  ///< of a plan, to an endpoint
constexpr uint32_t kTurnsToTake = 20;     ///< what has waited
constexpr std::string_view kOverRate = "over the rate limit \"";

/// What a limit counts together.
std::string key_of(const RateLimitOptions& limit, const CallRecord& call) {
  switch (limit.per) {
    case RateLimitOptions::Per::caller:
      return call.caller;
    case RateLimitOptions::Per::function:
      return std::string(kFunctions[static_cast<size_t>(call.function)]);
    default:
      return {};
  }
}

bool limits(const RateLimitOptions& limit, Function function) {
  return std::ranges::any_of(limit.functions, [&](const std::string& glob) {
    return glob_match(glob, kFunctions[static_cast<size_t>(function)]);
  });
}

}  // namespace

void Storm::judge_limits() {
  const WorkerMetrics& metrics = worker_->metrics();
  for (const auto& [protocol, limit] : {std::pair(Protocol::tcp, plan_.worker.tcp.max_connections),
                                        {Protocol::zmq, plan_.worker.zmq.max_connections}}) {
    const bool together = protocol == Protocol::zmq && plan_.curve;  // two ports are counted as one
    const uint64_t there = metrics.of(protocol).connections.value();
    if (!together && there > limit) {
      violated(fmt::format("{} connections over {}, limit {}", there, name_of(protocol), limit));
    }
  }
}

// libzmq goes on to accept until the worker has heard of those that it has. Time in which the
// process stood still does not count.
void Storm::judge_curve_limit() {
  constexpr uint64_t kMostOfATurn = 100 * kMs;
  const uint64_t turn =
      std::min(world_.now() - std::exchange(turn_seen_, world_.now()), kMostOfATurn);
  const uint64_t limit = plan_.worker.curve_connections;
  if (!plan_.curve || bus_.connections(kGatewayCurve) <= limit) {
    over_limit_turns_ = 0;
    over_limit_for_ = 0;
    return;
  }
  over_limit_for_ += turn;
  if (++over_limit_turns_ > kTurnsToTake && over_limit_for_ > kSecond) {
    violated(
        fmt::format("{} connections over CURVE, limit {}", bus_.connections(kGatewayCurve), limit));
  }
}

// Connections may keep a read's bytes each that wait for calls under way, or for replies to be
// read, and then for their turn. They have the limit of all alone.
uint64_t Storm::most_behind_calls() {
  const WorkerMetrics& metrics = worker_->metrics();
  const bool unread = metrics.memory[static_cast<size_t>(MemoryUse::replies)].value() != 0;
  if (unread || in_flight() != 0) {
    free_turns_ = 0;
  }
  const uint64_t connections =
      metrics.of(Protocol::tcp).connections.value() + metrics.of(Protocol::zmq).connections.value();
  return ++free_turns_ > kTurnsToTake ? 0 : connections * FrameReader::kSharedBytes;
}

// One message of the largest size is let in beside each limit, and what is long has claimed its
// memory from that of all.
void Storm::judge_memory() {
  const WorkerOptions& options = plan_.worker;
  const uint64_t largest = options.tcp.max_message;
  const uint64_t claims = plan_.large ? std::max(options.memory, options.tcp.max_message) : 0;
  const auto held = [this](MemoryUse use) {
    return worker_->metrics().memory[static_cast<size_t>(use)].value();
  };
  const auto judge = [&](MemoryUse use, uint64_t limit) {
    if (held(use) > limit) {
      violated(fmt::format("{} bytes of {} are held, limit {}", held(use),
                           kMemoryUseNames[static_cast<size_t>(use)], limit));
    }
  };
  const uint64_t unfinished = std::size(kPorts) * (options.tcp.receive_memory + largest) + claims;
  if (held(MemoryUse::requests) > unfinished) {
    judge(MemoryUse::requests, unfinished + most_behind_calls());
  } else {
    free_turns_ = 0;
  }
  judge(MemoryUse::replies, std::size(kPorts) * (options.tcp.send_memory + largest));
  judge(MemoryUse::forwarded, 2 * (options.request_memory + largest));
  // Clients that hold little are not ended.
  const uint64_t of_clients = held(MemoryUse::requests) + held(MemoryUse::replies);
  const uint64_t most = options.memory + plan_.clients * MemoryKeeper::kLeastHoard;
  if (of_clients > most) {
    violated(fmt::format("{} bytes are held for clients, limit of all {}", of_clients, most));
  }
}

// A reload may shorten a queue that is full already: what waits then may stay.
void Storm::judge_queues() {
  const uint64_t longest = std::max({plan_.a.queue, plan_.b.queue, plan_.c.queue});
  for (const BackendTotals& backend : worker_->metrics().backends.totals()) {
    if (!backend.live) {
      continue;
    }
    if (backend.queue > std::max(backend.queue_limit, longest)) {
      violated(fmt::format("{} calls wait for backend {}, limit {}", backend.queue, backend.backend,
                           backend.queue_limit));
    }
    uint64_t room = 0;
    for (const EndpointTotals& endpoint : backend.endpoints) {
      if (endpoint.connections > kMostConnections) {
        violated(fmt::format("{} connections to {}", endpoint.connections, endpoint.endpoint));
      }
      // As many are idle at least.
      if (endpoint.up != 0 && endpoint.connections > endpoint.in_flight) {
        room += endpoint.connections - endpoint.in_flight;
      }
    }
    const BackendOptions& options = backend.backend == "a"   ? plan_.a
                                    : backend.backend == "b" ? plan_.b
                                                             : plan_.c;
    if (options.in_flight <= 1 && backend.queue != 0 && room != 0) {
      violated(fmt::format("{} calls wait for backend {} though {} connections are free",
                           backend.queue, backend.backend, room));
    }
  }
}

void Storm::judge_strangers() const {
  for (size_t i = 0; i < ledger_.size(); ++i) {
    const CallRecord& call = ledger_.at(i);
    if (call.caller == kStranger && (call.executions != 0 || call.answers != 0)) {
      violated("a client without a good certificate was served");
    }
  }
}

// Of the calls of a key clients know how many were answered with a result: these have passed. Of
// those that were not refused all may have passed, so when they are fewer than a burst, none had to
// be refused.
void Storm::judge_rates() const {
  const uint64_t passed_ns = world_.now() - began_ns_;
  for (const RateLimitOptions& limit : plan_.rate_limits) {
    struct Calls {
      uint64_t ok = 0;
      uint64_t refused = 0;
      uint64_t begun = 0;
    };
    std::map<std::string, Calls> keys;
    const std::string error = fmt::format("{}{}\"", kOverRate, RateLimits::name_of(limit));
    for (size_t i = 0; i < ledger_.size(); ++i) {
      const CallRecord& call = ledger_.at(i);
      if (!limits(limit, call.function)) {
        continue;
      }
      Calls& calls = keys[key_of(limit, call)];
      ++calls.begun;
      calls.ok += static_cast<uint64_t>(call.ok);
      calls.refused += static_cast<uint64_t>(call.error.find(error) != std::string::npos);
    }
    const bool enforced = limit.mode == RateLimitOptions::Mode::enforce;
    const uint64_t burst = limit.burst != 0 ? limit.burst : limit.rate.calls;
    const uint64_t most = burst + passed_ns * limit.rate.calls / kSecond + 1;
    for (const auto& [key, calls] : keys) {
      if (enforced && rates_stood_ && calls.ok > most) {
        violated(fmt::format("{} calls of \"{}\" have passed in {} ms, limit \"{}\"", calls.ok, key,
                             passed_ns / kMs, RateLimits::name_of(limit)));
      }
      if (calls.refused != 0 && (!enforced || calls.begun - calls.refused < burst)) {
        violated(fmt::format("{} of {} calls of \"{}\" were refused, limit \"{}\"", calls.refused,
                             calls.begun, key, RateLimits::name_of(limit)));
      }
    }
  }
}

}  // namespace zerogate::simulation
