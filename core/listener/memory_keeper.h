// Holds a worker's clients to the limit of its MemoryAccount.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/memory_account.h"
#include "core/io/timer.h"
#include "core/listener/listener.h"

namespace zerogate {

/// Where the limit of the process' memory counts what the kernel keeps of its connections, as
/// cgroup v2 does: nothing else holds that down before the kernel kills the process.
struct SocketBudget {
  /// Bytes in use of that limit, the kernel's included. Null: they do not count.
  std::function<uint64_t()> used = {};
  /// Of those, bytes that the kernel takes back before it kills anything.
  std::function<uint64_t()> reclaimable = {};
  /// With more in use, without these, those clients of a worker end whose connections have most of
  /// it, until there is not,
  uint64_t high = 0;
  size_t least = 0;  ///< or the worker's have no more than this.
};

/// Over the limit, and while something waits for memory, it ends clients, of whatever port: those
/// first that send or read the least of what they hold. Where none is slow, the limit alone counts,
/// and the client that holds most goes. While something waits it looks often: libzmq gives some
/// back on a thread of its own. What the kernel keeps of the connections it holds to a
/// SocketBudget. Loop thread only.
class MemoryKeeper {
 public:
  static constexpr uint64_t kLookMs = 10;
  /// A client that holds less is not ended for want of memory: little would be won.
  static constexpr size_t kLeastHoard = 64 << 10;
  /// So often it ends slow clients while something waits, as many as that needs.
  static constexpr uint64_t kJudgeMs = 250;

  /// Each connection's part of the kernel's memory is measured only when so much more is needed
  /// than after the last time: what else is high may stay so, and it takes a system call for each.
  static constexpr uint64_t kGrowth = 512 << 10;

  MemoryKeeper(MemoryAccount& memory, TimerQueue& timers, SocketBudget sockets = {})
      : memory_(memory), sockets_(std::move(sockets)), look_again_(timers, [] {}) {}

  /// At each turn's end.
  void keep(const std::vector<std::unique_ptr<Listener>>& listeners, uint64_t now_ms);
  /// In the middle of one, what cannot wait: see StreamOptions::on_growth.
  void keep_growth(const std::vector<std::unique_ptr<Listener>>& listeners);
  void stop() { look_again_.stop(); }

 private:
  using Listeners = std::vector<std::unique_ptr<Listener>>;

  /// False: none is slow.
  static bool end_slowest(const Listeners& listeners);
  static bool end_largest(const Listeners& listeners);
  void end_until_within(const Listeners& listeners);
  void keep_sockets(const Listeners& listeners);
  uint64_t needed_bytes() const;
  void shrink_sockets(const Listeners& listeners, uint64_t excess) const;

  MemoryAccount& memory_;
  const SocketBudget sockets_;
  bool keeping_ = false;
  uint64_t looked_ms_ = 0;  ///< at what is in use
  uint64_t measured_ = 0;   ///< bytes needed when the sockets were measured, or less
  uint64_t judged_ms_ = 0;
  Timer look_again_;  ///< makes a turn, no more
};

}  // namespace zerogate
