// Measures a MessagePack value whose bytes come one part after the other. Each byte is looked at
// once, however the value is cut. No allocation, no recursion, nothing throws. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate::wire {

/// What scan_value() does in one go. It has room for all levels, 8 KiB, of which only what a value
/// needs is ever touched.
class Scanner {
 public:
  /// `levels`: how deep the value may be, at most kMaxDepth.
  explicit Scanner(uint32_t levels = kMaxDepth) noexcept : levels_(levels) { outer_[0] = 0; }

  /// `bytes` begin with the value: those of the call before, and what has come behind them.
  /// `truncated`: more are needed. Any other answer is the last one, and stays.
  Scan scan(ByteView bytes) noexcept;

 private:
  // A container that is open is a word: the values that are still to come in it (64 bits, since a
  // map of 2^32-1 pairs claims 2^33-2 of them), and above them its level.
  static constexpr unsigned kLevelShift = 48;
  static constexpr uint64_t kLevel = uint64_t{1} << kLevelShift;
  static constexpr uint64_t kLeft = kLevel - 1;

  size_t at_ = 0;       ///< of the next value; behind the bytes while a body is still to come
  uint64_t open_ = 1;   ///< the innermost container; outside of all: the value itself
  uint32_t depth_ = 1;  ///< words in outer_; 0: the value has ended
  const uint32_t levels_;
  /// Those around it in which something is left: below them 0, so that each has one below.
  uint64_t outer_[kMaxDepth + 2];
};

}  // namespace zerogate::wire
