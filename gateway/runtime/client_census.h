// The clients of all workers as one list.
#pragma once

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "core/listener/client_list.h"
#include "gateway/runtime/worker.h"

namespace zerogate {

/// For all workers together: one that does not come round has its clients left out, and told.
inline constexpr std::chrono::milliseconds kCensusPatience{1'000};

/// Any thread but a worker's. Waits for at most `patience`, of which a worker has the same share as
/// those behind it: one that is stuck does not hide the clients of the others.
inline ClientList ask_for_clients(const std::vector<std::unique_ptr<Worker>>& workers,
                                  std::chrono::milliseconds patience = kCensusPatience) {
  using Steady = std::chrono::steady_clock;
  const auto deadline = Steady::now() + patience;
  auto to_ask = static_cast<int64_t>(workers.size());
  ClientList all;
  for (const auto& worker : workers) {
    ClientList of_worker;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    const auto share = std::max(left / to_ask--, std::chrono::milliseconds(1));
    if (!worker->list_clients(of_worker, share)) {
      ++all.silent_workers;
      continue;
    }
    all.left_out += of_worker.left_out;
    std::ranges::move(of_worker.clients, std::back_inserter(all.clients));
  }
  keep_busiest(all.clients, all.left_out);
  return all;
}

}  // namespace zerogate
