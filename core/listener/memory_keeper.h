// Holds a worker's clients to the limit of its MemoryAccount.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/memory_account.h"
#include "core/io/timer.h"
#include "core/listener/listener.h"

namespace zerogate {

/// Over the limit it ends the client that holds most, of whatever port. While something waits for
/// memory it looks often: libzmq gives some back on a thread of its own. Loop thread only.
class MemoryKeeper {
 public:
  static constexpr uint64_t kLookMs = 10;
  /// A client that holds less is not ended for want of memory: little would be won.
  static constexpr size_t kLeastHoard = 64 << 10;

  MemoryKeeper(MemoryAccount& memory, TimerQueue& timers)
      : memory_(memory), look_again_(timers, [] {}) {}

  /// At each turn's end.
  void keep(const std::vector<std::unique_ptr<Listener>>& listeners, uint64_t now_ms);
  void stop() { look_again_.stop(); }

 private:
  MemoryAccount& memory_;
  Timer look_again_;  ///< makes a turn, no more
};

}  // namespace zerogate
