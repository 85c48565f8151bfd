// Forgets labels of functions that are no longer served, so that new functions get one.
#pragma once

#include <uv.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/io/uv_ptr.h"
#include "core/metrics/function_labels.h"
#include "core/metrics/label_ages.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

/// What it needs of the workers. Called from any thread but theirs.
struct LabelUsers {
  std::function<std::vector<const WorkerMetrics*>()> metrics;
  /// Every worker has let go of a label that is retired. False when a call under way has it still,
  /// or a worker does not answer soon.
  std::function<bool(FunctionLabel)> forget;
};

/// Looks every minute on the loop's thread, and whenever a configuration is about to be taken over.
/// Most looks find nothing to do and read counters only. Owned by the Gateway.
class LabelKeeper {
 public:
  static constexpr uint64_t kPeriodMs = 60'000;

  /// `labels` outlive it. `named`: see make_room().
  LabelKeeper(uv_loop_t* loop, FunctionLabels& labels, LabelUsers workers,
              std::vector<std::string> named);

  /// Any thread but a worker's. These functions, of the configuration that comes, keep their labels
  /// from now on.
  void make_room(std::vector<std::string> named);

 private:
  void look();
  bool let_go(FunctionLabel label);
  std::vector<LabelAges::Seen> seen() const;

  FunctionLabels& labels_;
  const LabelUsers workers_;
  std::mutex mutex_;  ///< guards the rest
  std::vector<std::string> named_;
  LabelAges ages_;
  std::vector<FunctionLabel> retired_;  ///< and not yet released by every worker
  UvPtr<uv_timer_t> timer_;
};

}  // namespace zerogate
