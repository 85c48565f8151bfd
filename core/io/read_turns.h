// Streams with more to read than their share of a turn take turns.
#pragma once

#include <uv.h>

#include "core/base/intrusive_list.h"
#include "core/io/uv_ptr.h"

namespace zerogate {

/// libuv reads a stream up to 32 times before it looks at the next one, so that one peer that sends
/// at full speed has the loop for tens of milliseconds. A stream that has read kShareBytes without
/// a pause waits here instead, and a few of those that wait read on in each turn, the first come
/// first. All other streams are read in every turn. Outlives its waiters. Loop thread only.
class ReadTurns {
 public:
  /// 64 KiB of the shortest calls cost 0.5 to 0.9 ms.
  static constexpr size_t kShareBytes = 64 << 10;
  /// Streams that read on in a turn: together they hold the loop for less than 3 ms.
  static constexpr int kStreamsPerTurn = 3;

  class Waiter {
   public:
    /// It waits no longer, and reads on.
    virtual void take_turn() = 0;
    Waiter* prev = nullptr;  ///< of ReadTurns alone, as next
    Waiter* next = nullptr;

   protected:
    ~Waiter() = default;
  };

  explicit ReadTurns(uv_loop_t* loop) : next_turn_(make_uv<uv_idle_t>(loop, uv_idle_init, this)) {}
  ReadTurns(const ReadTurns&) = delete;
  ReadTurns& operator=(const ReadTurns&) = delete;

  void wait(Waiter& waiter);
  /// It wants no turn any more. Only one that waits.
  void leave(Waiter& waiter) { waiters_.remove(waiter); }
  size_t size() const { return waiters_.size(); }

 private:
  void begin_turn();

  IntrusiveList<Waiter, &Waiter::prev, &Waiter::next> waiters_;
  UvPtr<uv_idle_t> next_turn_;  ///< active while one waits: before each poll, which does not sleep
};

}  // namespace zerogate
