#include "gateway/runtime/client_census.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace zerogate {

ClientList ask_for_clients(const std::vector<std::unique_ptr<Worker>>& workers) {
  using Steady = std::chrono::steady_clock;
  const auto deadline = Steady::now() + kCensusPatience;
  ClientList all;
  for (const auto& worker : workers) {
    ClientList of_worker;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    if (!worker->list_clients(of_worker, std::max(left, std::chrono::milliseconds(1)))) {
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
