#include "gateway/control/label_keeper.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/clock.h"

namespace zerogate {
namespace {

/// What all workers have counted under the label until now.
LabelBase count(const std::vector<const WorkerMetrics*>& workers, FunctionLabel label) {
  LabelBase sum;
  for (const WorkerMetrics* metrics : workers) {
    for (size_t w = 0; w < sum.requests.size(); ++w) {
      for (size_t o = 0; o < sum.requests[w].size(); ++o) {
        sum.requests[w][o] += metrics->ended(label, static_cast<Wire>(w), static_cast<Outcome>(o));
      }
    }
    for (const Protocol protocol : {Protocol::tcp, Protocol::zmq}) {
      sum.durations[index_of(protocol)].add(metrics->duration(label, protocol));
    }
  }
  return sum;
}

uint64_t calls_of(const LabelBase& counts) {
  uint64_t calls = 0;
  for (const auto& wire : counts.requests) {
    for (const uint64_t outcome : wire) {
      calls += outcome;
    }
  }
  return calls;
}

}  // namespace

LabelKeeper::LabelKeeper(uv_loop_t* loop, FunctionLabels& labels, LabelUsers workers,
                         std::vector<std::string> named)
    : labels_(labels),
      workers_(std::move(workers)),
      named_(std::move(named)),
      timer_(make_uv<uv_timer_t>(loop, uv_timer_init, this)) {
  const auto on_timer = [](uv_timer_t* timer) {
    auto& keeper = *static_cast<LabelKeeper*>(timer->data);
    const std::lock_guard lock(keeper.mutex_);
    keeper.look();
  };
  uv_timer_start(timer_.get(), on_timer, kPeriodMs, kPeriodMs);
  uv_unref(reinterpret_cast<uv_handle_t*>(timer_.get()));
}

void LabelKeeper::make_room(std::vector<std::string> named) {
  const std::lock_guard lock(mutex_);
  named_ = std::move(named);
  look();
}

std::vector<LabelAges::Seen> LabelKeeper::seen() const {
  const std::vector<const WorkerMetrics*> workers = workers_.metrics();
  std::vector<LabelAges::Seen> all;
  for (const LiveLabel& one : labels_.live()) {
    const uint64_t before = one.base ? calls_of(*one.base) : 0;
    all.push_back({.label = one.label,
                   .calls = calls_of(count(workers, one.label)) - before,
                   .named = std::ranges::find(named_, one.name) != named_.end()});
  }
  return all;
}

void LabelKeeper::look() {
  for (const FunctionLabel label : ages_.look(seen(), uv_hrtime() / kNsPerMs)) {
    labels_.retire(label);
    retired_.push_back(label);
  }
  // Of those that are still in use one is asked for at a look, in turn: a stuck worker lets us
  // wait.
  bool waits = false;
  std::erase_if(retired_, [&](FunctionLabel label) {
    waits = waits || !let_go(label);
    return !waits;
  });
  if (waits) {
    std::rotate(retired_.begin(), retired_.begin() + 1, retired_.end());
  }
}

// A name is found no more, so each worker that has let go once never comes back to the label. Its
// counters stand still from then on.
bool LabelKeeper::let_go(FunctionLabel label) {
  if (!workers_.forget(label)) {
    return false;
  }
  labels_.release(label, std::make_shared<const LabelBase>(count(workers_.metrics(), label)));
  return true;
}

}  // namespace zerogate
