// Random mixes of quick and slow functions, with `in_flight: auto` and with one call on each
// connection: what standing behind others costs.
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "core/base/random.h"
#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

/// Longer than this a call has waited that CallQueue takes for one of a queue that does not drain.
constexpr double kStandingMs = 2.0 * CallQueue::kTargetMs;

/// Servers that work on one call of a connection after the other, and on as many at a time as they
/// have processes. Connections belong to a process each.
struct MixPlan {
  struct Function {
    std::string name;
    double mean_us;
    double jitter;  ///< share of the mean by which a call may differ
    double share;   ///< of all calls
  };
  std::vector<Function> functions;
  uint32_t connections = 8;
  uint32_t processes = 8;
  double load = 0.6;  ///< of what the processes can do
  size_t calls = 300;
  uint32_t burst = 1;  ///< calls that come in one turn
};

struct MixCall {
  uint32_t function;
  uint64_t at_ns;
  uint64_t service_ns;
};

std::vector<MixCall> calls_of(const MixPlan& plan, Random& random) {
  const auto unit = [&] { return static_cast<double>(random.below(1'000'000) + 1) / 1e6; };
  double mean_us = 0;
  for (const MixPlan::Function& function : plan.functions) {
    mean_us += function.share * function.mean_us;
  }
  const double gap_us = mean_us / plan.load / std::min(plan.processes, plan.connections);
  std::vector<MixCall> calls;
  double at_us = 0;
  for (size_t i = 0; i < plan.calls; ++i) {
    at_us += i % plan.burst == 0 ? -std::log(unit()) * gap_us * plan.burst : 0;
    double pick = unit();
    uint32_t which = 0;
    while (which + 1 < plan.functions.size() && pick > plan.functions[which].share) {
      pick -= plan.functions[which++].share;
    }
    const MixPlan::Function& function = plan.functions[which];
    const double took_us = function.mean_us * (1 + function.jitter * (2 * unit() - 1));
    calls.push_back({which, static_cast<uint64_t>(at_us * 1e3),
                     static_cast<uint64_t>(std::max(took_us, 1.0) * 1e3)});
  }
  return calls;
}

class PipeliningMix : public BackendTest {
 protected:
  static constexpr uint64_t kNever = UINT64_MAX;

  struct Process {
    FakeConnection* at = nullptr;  ///< works on the first call of this connection
    uint64_t until_ns = kNever;
    size_t next = 0;  ///< the connection that it has looked at last
  };

  /// Milliseconds that each call took.
  std::vector<double> run(const MixPlan& plan, const std::vector<MixCall>& calls,
                          uint32_t in_flight) {
    options_.in_flight = in_flight;
    options_.connections = plan.connections;
    options_.queue = 1'000'000;
    options_.timeout_ms = 3'600'000;
    serve(1);
    std::vector<FunctionLabel> labels;
    for (const MixPlan::Function& function : plan.functions) {
      labels.push_back(labels_.learn(function.name).value());
    }
    connections_ = network_.to(name(1));
    processes_.assign(std::min(plan.processes, plan.connections), {});
    const uint64_t begin_ns = clock_.now_ns();
    std::vector<double> took_ms(calls.size());
    size_t next = 0, left = calls.size();
    while (left != 0) {
      const uint64_t arrival = next < calls.size() ? begin_ns + calls[next].at_ns : kNever;
      Process& soonest = *std::ranges::min_element(processes_, {}, &Process::until_ns);
      const uint64_t at = std::min(arrival, soonest.until_ns);
      clock_.advance_ns(at - clock_.now_ns());
      if (arrival <= soonest.until_ns) {
        forward({.function = plan.functions[calls[next].function].name,
                 .argument = std::to_string(next),
                 .label = labels[calls[next].function]},
                options_.timeout_ms, static_cast<uint32_t>(next % 8));
        ++next;
        if (next < calls.size() && calls[next].at_ns == calls[next - 1].at_ns) {
          continue;  // of the same turn
        }
      } else {
        FakeConnection& connection = *std::exchange(soonest.at, nullptr);
        soonest.until_ns = kNever;
        const size_t number = std::stoul(connection.sent.front().argument);
        connection.answer();
        sink_.answers.clear();
        took_ms[number] =
            static_cast<double>(clock_.now_ns() - begin_ns - calls[number].at_ns) / 1e6;
        --left;
      }
      backend_->flush();  // any other event has a turn of its own
      work(calls);
    }
    backend_.reset();
    return took_ms;
  }

  void compare(uint64_t mixes, uint32_t max_burst);

 private:
  /// Processes without a call take one of a connection of theirs, in turn.
  void work(const std::vector<MixCall>& calls) {
    for (size_t p = 0; p < processes_.size(); ++p) {
      Process& process = processes_[p];
      for (size_t looks = connections_.size(); process.at == nullptr && looks != 0; --looks) {
        process.next += processes_.size();
        if (process.next >= connections_.size()) {
          process.next = p;
        }
        FakeConnection* const connection = connections_[process.next];
        if (!connection->sent.empty()) {
          process.at = connection;
          process.until_ns =
              clock_.now_ns() + calls[std::stoul(connection->sent.front().argument)].service_ns;
        }
      }
    }
  }

  std::vector<FakeConnection*> connections_;
  std::vector<Process> processes_;
};

/// The time that the given share of a function's calls took at most.
double percentile_ms(const std::vector<MixCall>& calls, const std::vector<double>& took_ms,
                     uint32_t function, double share) {
  std::vector<double> its;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].function == function) {
      its.push_back(took_ms[i]);
    }
  }
  std::ranges::sort(its);
  return its.empty() ? 0 : its[static_cast<size_t>(share * static_cast<double>(its.size() - 1))];
}

/// Up to the load at which waiting calls stand: beyond it chance decides who is served when.
MixPlan random_mix(Random& random) {
  MixPlan plan;
  const size_t functions = 1 + random.below(4);
  double shares = 0;
  for (size_t i = 0; i < functions; ++i) {
    const double mean_us = 20 * std::pow(10.0, static_cast<double>(random.below(1'000)) / 250);
    const double share = std::pow(10.0, -static_cast<double>(random.below(1'000)) / 400);
    plan.functions.push_back(
        {"f" + std::to_string(i), mean_us, static_cast<double>(random.below(100)) / 100, share});
    shares += share;
  }
  for (MixPlan::Function& function : plan.functions) {
    function.share /= shares;
  }
  plan.connections = static_cast<uint32_t>(2 + random.below(23));
  plan.processes = plan.connections;
  plan.load = 0.3 + static_cast<double>(random.below(60)) / 100;
  return plan;
}

/// What `in_flight: auto` promises, for so many random mixes with bursts of at most so many calls.
void PipeliningMix::compare(uint64_t mixes, uint32_t max_burst) {
  size_t standing = 0;
  for (uint64_t seed = 1; seed <= mixes; ++seed) {
    Random random(seed);
    MixPlan plan = random_mix(random);
    plan.burst = static_cast<uint32_t>(1 + random.below(max_burst));
    const std::vector<MixCall> calls = calls_of(plan, random);
    const std::vector<double> one = run(plan, calls, 1), many = run(plan, calls, 0);
    if (std::ranges::max(one) > kStandingMs) {
      ++standing;
      continue;
    }
    for (uint32_t f = 0; f < plan.functions.size(); ++f) {
      for (const double share : {0.5, 0.9, 0.99}) {
        EXPECT_LE(percentile_ms(calls, many, f, share),
                  percentile_ms(calls, one, f, share) + options_.pipeline_wait_ms)
            << "seed " << seed << ", a function of " << plan.functions[f].mean_us << " us, p"
            << share * 100 << ", bursts of " << plan.burst;
      }
    }
  }
  EXPECT_LE(standing, mixes / 4) << "mixes that were not compared";
}

TEST_F(PipeliningMix, IsNeverWorseThanOneCallOnEachConnectionByMoreThanTheWait) {
  compare(1'000, 1);
}

TEST_F(PipeliningMix, NorIsItWhenCallsComeInBursts) { compare(400, 16); }

TEST_F(PipeliningMix, QuickCallsAmongAFewSlowOnes) {
  MixPlan plan;
  plan.functions = {{"quick", 50, 0.1, 0.99}, {"slow", 200'000, 0.1, 0.01}};
  plan.connections = plan.processes = 24;
  plan.calls = 20'000;
  Random random(1);
  const std::vector<MixCall> calls = calls_of(plan, random);
  const double alone = percentile_ms(calls, run(plan, calls, 1), 0, 0.99);
  const double piped = percentile_ms(calls, run(plan, calls, 0), 0, 0.99);
  EXPECT_LE(piped, alone + options_.pipeline_wait_ms + 0.05);
}

}  // namespace
}  // namespace zerogate::testing
