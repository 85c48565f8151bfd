// Holds a worker's clients to the limit of its MemoryAccount.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/memory_account.h"
#include "core/io/timer.h"
#include "core/listener/listener.h"

namespace zerogate {

/// Over the limit, and while something waits for memory, it ends clients, of whatever port: those
/// first that send or read the least of what they hold. Where none is slow, the limit alone counts,
/// and the client that holds most goes. While something waits it looks often: libzmq gives some
/// back on a thread of its own. Loop thread only.
class MemoryKeeper {
 public:
  static constexpr uint64_t kLookMs = 10;
  /// A client that holds less is not ended for want of memory: little would be won.
  static constexpr size_t kLeastHoard = 64 << 10;
  /// So often it ends slow clients while something waits, as many as that needs.
  static constexpr uint64_t kJudgeMs = 250;

  MemoryKeeper(MemoryAccount& memory, TimerQueue& timers)
      : memory_(memory), look_again_(timers, [] {}) {}

  /// At each turn's end.
  void keep(const std::vector<std::unique_ptr<Listener>>& listeners, uint64_t now_ms);
  void stop() { look_again_.stop(); }

 private:
  using Listeners = std::vector<std::unique_ptr<Listener>>;

  /// False: none is slow.
  static bool end_slowest(const Listeners& listeners);
  static bool end_largest(const Listeners& listeners);

  MemoryAccount& memory_;
  uint64_t judged_ms_ = 0;
  Timer look_again_;  ///< makes a turn, no more
};

}  // namespace zerogate
