// The bytes of one message that a function writes.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/bytes.h"

namespace zerogate {

/// As much of a std::string as the encoder uses, and cheaper: a compare and a move for what a
/// message is made of. It keeps its memory, up to kKeptBytes. Throws std::bad_alloc. One thread.
class OutBuffer {
 public:
  /// What an unusually large message has grown beyond this is freed by the next clear().
  static constexpr size_t kKeptBytes = size_t{64} << 10;

  OutBuffer() = default;
  OutBuffer(const OutBuffer&) = delete;
  OutBuffer& operator=(const OutBuffer&) = delete;
  ~OutBuffer() { std::free(begin_); }

  ByteView view() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }
  void clear() {
    if (static_cast<size_t>(end_ - begin_) > kKeptBytes) {
      std::free(begin_);
      begin_ = end_ = nullptr;
    }
    at_ = begin_;
  }
  /// Where `size` more bytes go; commit() says where they have ended.
  char* make_room(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) {
      grow(size);
    }
    return at_;
  }
  void commit(char* end) { at_ = end; }
  void push_back(char c) {
    make_room(1);
    *at_++ = c;
  }
  void append(const char* bytes, size_t size) {
    make_room(size);
    if (size != 0) {  // an empty view may have no address
      std::memcpy(at_, bytes, size);
      at_ += size;
    }
  }

 private:
  [[gnu::cold, gnu::noinline]] void grow(size_t size) {
    constexpr size_t kFirst = 256;
    const auto used = static_cast<size_t>(at_ - begin_);
    const size_t capacity = 2 * (used + size) + kFirst;
    auto* const moved = static_cast<char*>(std::realloc(begin_, capacity));
    if (moved == nullptr) {
      throw std::bad_alloc();
    }
    begin_ = moved;
    at_ = moved + used;
    end_ = moved + capacity;
  }

  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace zerogate
