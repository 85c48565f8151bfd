// A first-in-first-out queue in one piece of memory, for records that come and go with each call.
#pragma once

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

namespace zerogate {

/// Grows by doubling and never shrinks: at its peak size it no longer allocates, whereas std::deque
/// allocates and frees blocks as its ends move. The owner bounds its size. One thread.
template <class T>
class RingBuffer {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  T& front() { return assert(size_ > 0), slots_[head_]; }
  const T& front() const { return assert(size_ > 0), slots_[head_]; }

  /// The one that is `index` behind the front; index < size().
  T& operator[](size_t index) {
    assert(index < size_);
    return slots_[(head_ + index) & (slots_.size() - 1)];
  }

  void push_back(T value) {
    if (size_ == slots_.size()) {
      grow();
    }
    slots_[(head_ + size_) & (slots_.size() - 1)] = std::move(value);
    ++size_;
  }

  T pop_front() {
    assert(size_ > 0);
    T value = std::move(slots_[head_]);
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
    return value;
  }

 private:
  static constexpr size_t kFirstCapacity = 16;

  void grow() {
    // Always a power of two: the index is masked, not divided.
    std::vector<T> larger(slots_.empty() ? kFirstCapacity : slots_.size() * 2);
    for (size_t i = 0; i < size_; ++i) {
      larger[i] = std::move(slots_[(head_ + i) & (slots_.size() - 1)]);
    }
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> slots_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace zerogate
