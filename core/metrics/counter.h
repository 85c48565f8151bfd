// Numbers that one thread writes and another may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace zerogate {

/// A counter or gauge with one writer thread. Adding is a load and a store, about 1 ns; an atomic
/// add shared by two threads was measured at 236 ns. The store releases and the reader's load
/// acquires (plain moves on x86): a reader that sees a counter's change also sees everything that
/// its writer had counted before, such as the begin of a request whose end it sees.
class Counter {
 public:
  void add(uint64_t amount = 1) { set(value_.load(std::memory_order_relaxed) + amount); }
  void sub(uint64_t amount = 1) { add(~amount + 1); }
  void set(uint64_t value) { value_.store(value, std::memory_order_release); }
  uint64_t value() const { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace zerogate
