// The clients of all workers as one list.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "core/listener/client_list.h"
#include "gateway/runtime/worker.h"

namespace zerogate {

/// For all workers together: one that does not come round has its clients left out, and told.
inline constexpr std::chrono::milliseconds kCensusPatience{1'000};

/// Any thread but a worker's. Waits for at most `patience`, of which a worker has the same share as
/// those behind it: one that is stuck does not hide the clients of the others.
ClientList ask_for_clients(const std::vector<std::unique_ptr<Worker>>& workers,
                           std::chrono::milliseconds patience = kCensusPatience);

}  // namespace zerogate
