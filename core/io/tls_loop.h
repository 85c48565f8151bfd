// What the TLS streams of one event loop share: buffers, and how many handshakes a turn may do.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>

#include "core/base/intrusive_list.h"
#include "core/base/out_buffer.h"
#include "core/io/frame_reader.h"
#include "core/io/uv_ptr.h"

namespace zerogate {

/// A full mutual handshake takes a millisecond of CPU and more. So a turn does kStepsPerTurn of
/// their steps; streams beyond wait in the order in which their bytes came, and calls go on
/// between. Loop thread only; outlives the streams.
class TlsLoop {
 public:
  /// Two full handshakes: each has two steps that take work, here as there.
  static constexpr int kStepsPerTurn = 4;

  /// A stream that has something to do without a byte of its peer.
  class Waiter {
   public:
    /// It is its turn now.
    virtual void on_turn() = 0;

    // The loop's.
    Waiter* prev = nullptr;
    Waiter* next = nullptr;
    bool waits = false;
    bool for_step = false;

   protected:
    ~Waiter() = default;
  };

  explicit TlsLoop(uv_loop_t* loop);
  ~TlsLoop();
  TlsLoop(const TlsLoop&) = delete;
  TlsLoop& operator=(const TlsLoop&) = delete;

  /// Encrypted bytes are read into it, FrameReader::kSharedBytes; used during one read only.
  char* read_buffer() { return read_buffer_.get(); }
  /// The memory in which bytes to send are encrypted, lent from a flush's begin to its end.
  OutBuffer& spare() { return spare_; }

  /// A step of a handshake may be done in this turn.
  bool may_step() const { return steps_ < kStepsPerTurn; }
  void count_steps(int steps);
  /// Has on_turn() called in a later turn, once: when a step may be done, or in the next.
  void wait(Waiter& waiter, bool for_step);
  void forget(Waiter& waiter);

  /// Accepted connections whose handshake is under way.
  uint32_t unfinished() const { return unfinished_; }
  void begin_handshake() { ++unfinished_; }
  void end_handshake() { --unfinished_; }

 private:
  using Waiters = IntrusiveList<Waiter, &Waiter::prev, &Waiter::next>;

  void on_idle();
  void serve(Waiters& waiters, bool for_step);

  const std::unique_ptr<char[]> read_buffer_;
  OutBuffer spare_;
  UvPtr<uv_idle_t> idle_;    ///< active while streams wait: the next poll does not sleep
  UvPtr<uv_check_t> check_;  ///< active after steps of this turn: forgets them
  int steps_ = 0;            ///< of this turn
  uint32_t unfinished_ = 0;
  Waiters ready_;
  Waiters for_step_;
};

}  // namespace zerogate
