// Writes bytes one behind the other into memory that the caller has allocated.
#pragma once

#include <cstddef>
#include <cstring>

#include "core/base/bytes.h"

namespace zerogate {

/// For messages whose size is known before they are written: the caller checks the room once, and
/// the copies check nothing. One thread.
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
