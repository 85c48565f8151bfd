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
    append(bytes.data(), bytes.size());
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

  // As a buffer that grows has them: for those who write into either.
  void push_back(char c) { *at_++ = c; }
  void append(const char* bytes, size_t size) {
    if (size != 0) {  // an empty view may have no address
      std::memcpy(at_, bytes, size);
      at_ += size;
    }
  }

  char* at() const { return at_; }

 private:
  char* at_;
};

}  // namespace zerogate
