// What counting, timing and the access log's records cost for each call. Not a test: run it by hand
// from a release build, before and after a change to core/rpc or core/metrics. "with" is CallTable
// as a worker uses it, "without" the same way there and back with nothing counted; the difference,
// per call, is the price of being observed (30 ns at most).

#include <benchmark/benchmark.h>
#include <uv.h>

#include <deque>
#include <string>
#include <vector>

#include "core/rpc/call_table.h"

namespace zerogate {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kRequestBytes = 40;

struct NullSink final : ReplySink {
  Delivery deliver(const ReturnPath&, ByteView body, BodyKind) override {
    benchmark::DoNotOptimize(body.data());
    return Delivery::queued;
  }
  std::string peer(CallerKey) const override { return ""; }
};

/// Keeps ways back as CallTable does, and counts nothing.
class BareTable {
 public:
  uint32_t begin(const ReturnPath& path) {
    uint32_t slot = free_;
    if (slot == kNone) {
      slot = static_cast<uint32_t>(pending_.size());
      pending_.emplace_back();
    } else {
      free_ = pending_[slot].next_free;
    }
    pending_[slot].path = path;
    return slot;
  }
  void finish(uint32_t slot, ByteView body) {
    Pending& pending = pending_[slot];
    pending.path.sink->deliver(pending.path, body, BodyKind::any);
    ++pending.generation;
    pending.next_free = free_;
    free_ = slot;
  }

 private:
  struct Pending {
    ReturnPath path;
    uint32_t generation = 0;
    uint32_t next_free = kNone;
  };
  std::deque<Pending> pending_;
  uint32_t free_ = kNone;
};

std::vector<std::string> names(int64_t count) {
  std::vector<std::string> all;
  for (int64_t i = 0; i < count; ++i) {
    all.push_back("function_" + std::to_string(i));
  }
  return all;
}

ReturnPath path_of(ReplySink& sink) {
  return {&sink, {1, 1}, Wire::t3, RequestId(ByteView("0001"))};
}

void per_call(benchmark::State& state) {
  const auto calls = static_cast<double>(state.iterations() * state.range(0));
  state.counters["per_call"] =
      benchmark::Counter(calls, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// Turns of range(0) calls, to range(1) functions in turn.
void BM_Without(benchmark::State& state) {
  NullSink sink;
  BareTable table;
  const ReturnPath path = path_of(sink);
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      table.finish(table.begin(path), "\xc0");
    }
  }
  per_call(state);
}

void run_with(benchmark::State& state, double share, uint32_t slow_ms) {
  const FunctionLabels labels(names(state.range(1)));
  WorkerMetrics metrics(labels);
  AccessLogSettings log;
  log.set(share, slow_ms);
  CallTable table(1'000, metrics, log);
  ListenerMetrics& transport = metrics.of(Protocol::tcp);
  NullSink sink;
  const ReturnPath path = path_of(sink);
  FunctionLabel function = 0;
  for (auto _ : state) {
    const uint64_t began_ns = uv_hrtime();  // as EventLoop does, twice a turn
    metrics.loop.busy_since_ns.set(began_ns);
    for (int64_t i = 0; i < state.range(0); ++i) {
      transport.received_bytes.add(kRequestBytes);
      table.begin(path, function, {began_ns, "function", kRequestBytes}).reply("\xc0");
      transport.sent_bytes.add(kRequestBytes);
      if (++function == labels.known()) {
        function = 0;
      }
    }
    const uint64_t ended_ns = uv_hrtime();
    metrics.loop.lag.observe(ended_ns - began_ns);
    metrics.loop.busy_since_ns.set(0);
    table.on_turn_end(ended_ns);
  }
  per_call(state);
}

void BM_With(benchmark::State& state) { run_with(state, 0, 1'000); }
void BM_WithoutAccessLog(benchmark::State& state) { run_with(state, 0, 0); }
/// One call in 2^32 or so gets a line: the cost of choosing.
void BM_WithSampling(benchmark::State& state) { run_with(state, 1e-9, 1'000); }

void turns(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"calls", "functions"});
  for (const int64_t functions : {4, 200}) {
    for (const int64_t calls : {1, 16, 256}) {
      benchmark->Args({calls, functions});
    }
  }
}
BENCHMARK(BM_Without)->ArgNames({"calls", "functions"})->Args({16, 4})->Args({256, 4});
BENCHMARK(BM_With)->Apply(turns);
BENCHMARK(BM_WithoutAccessLog)->Args({16, 4})->Args({256, 4});
BENCHMARK(BM_WithSampling)->Args({16, 4})->Args({256, 4});

void BM_ClockRead(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(uv_hrtime());
  }
}
BENCHMARK(BM_ClockRead);

}  // namespace
}  // namespace zerogate

BENCHMARK_MAIN();
