// Fills memory from front to back.
#pragma once

#include <cstddef>
#include <cstring>

#include "core/base/bytes.h"

namespace zerogate {

/// For messages whose size is known before they are written: one check of the room, then plain
/// copies. The caller has made the room.
class ByteWriter {
 public:
  explicit ByteWriter(char* to) : at_(to) {}

  ByteWriter& put(ByteView bytes) {
    bytes.copy(at_, bytes.size());  // may be empty, where memcpy takes no null pointer
    at_ += bytes.size();
    return *this;
  }
  /// A literal, without its NUL: a move or two.
  template <size_t kSize>
  ByteWriter& put(const char (&literal)[kSize]) {
    std::memcpy(at_, literal, kSize - 1);
    at_ += kSize - 1;
    return *this;
  }
  ByteWriter& put(char c) {
    *at_++ = c;
    return *this;
  }

  char* at() const { return at_; }

 private:
  char* at_;
};

}  // namespace zerogate
