// How many replies libzmq may read ahead from a backend.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace zerogate {

/// libzmq stops reading from a peer that has filled its queue (RCVHWM), and so a backend is slowed
/// down; but it counts messages, whatever their size. While replies are long the queue is short.
///
/// libzmq 4.3.4 tells its reading side how many messages were taken when their number is a multiple
/// of half the limit, and wakes it only then (pipe.cpp). A limit that changes at any time can let
/// it sleep for ever. So it grows right before such a multiple, and shrinks right after one, which
/// comes soon by a limit whose half divides one of the next numbers.
class ReplyQueue {
 public:
  static constexpr int kOfShort = 8'192;
  static constexpr int kOfLong = 2;

  /// From `long_bytes` on a reply is long.
  explicit ReplyQueue(size_t long_bytes) : long_bytes_(long_bytes) {}

  /// The limit that is due, in messages.
  int limit() const { return limit_; }
  /// Of the next reply: the largest of the late ones.
  size_t expected_bytes() const { return expected_; }
  /// A message was taken from libzmq. True: limit() is another now.
  bool note(size_t bytes) {
    ++taken_;
    expected_ = std::max(bytes, expected_ - expected_ / kForgetful);
    const int before = limit_;
    limit_ = next_limit();
    return limit_ != before;
  }

 private:
  static constexpr size_t kForgetful = 8;

  bool told() const { return taken_ % (static_cast<uint64_t>(limit_) / 2) == 0; }
  int next_limit() const {
    const bool long_ones = expected_ >= long_bytes_;
    if (limit_ == kOfLong) {
      return !long_ones && (taken_ + 1) % (kOfShort / 2) == 0 ? kOfShort : kOfLong;
    }
    if (limit_ == kOfShort && !long_ones) {
      return kOfShort;
    }
    if (told()) {
      return kOfLong;
    }
    return limit_ == kOfShort ? limit_told_soon() : limit_;
  }
  /// Until libzmq is told it counts all since it was told last, so there has to be room for them.
  int limit_told_soon() const {
    const uint64_t untold = taken_ % (kOfShort / 2);
    const auto due = [this](uint64_t half) { return half - taken_ % half; };
    uint64_t best = kOfShort / 2;
    for (uint64_t half = untold / 2 + 1; half < kOfShort; ++half) {
      if (due(half) < due(best) && untold + due(half) <= 2 * half) {
        best = half;
      }
    }
    return static_cast<int>(2 * best);
  }

  size_t long_bytes_;
  size_t expected_ = 0;
  uint64_t taken_ = 0;  ///< messages
  int limit_ = kOfShort;
};

}  // namespace zerogate
