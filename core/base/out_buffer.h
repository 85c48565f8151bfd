// A growing buffer that messages are written into.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/base/bytes.h"

namespace zerogate {

/// As much of a std::string as writing takes, and cheaper: a compare and a move for what a message
/// is made of, and memory that is about to be written is not cleared. It keeps its memory, which it
/// doubles as it grows. Throws std::bad_alloc. One thread; the owner bounds its size.
class OutBuffer {
 public:
  /// What an unusually large message has grown beyond this is freed by the next clear().
  static constexpr size_t kKeptBytes = size_t{64} << 10;

  OutBuffer() = default;
  OutBuffer(OutBuffer&& other) noexcept { swap(other); }
  OutBuffer& operator=(OutBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~OutBuffer() { std::free(begin_); }

  bool empty() const { return at_ == begin_; }
  size_t size() const { return static_cast<size_t>(at_ - begin_); }
  size_t capacity() const { return static_cast<size_t>(end_ - begin_); }
  char* data() { return begin_; }
  ByteView view() const { return {begin_, size()}; }

  /// Keeps its memory when that is no more than `kept` bytes.
  void clear(size_t kept = kKeptBytes) {
    if (capacity() > kept) [[unlikely]] {
      release();
    }
    at_ = begin_;
  }
  void release() { OutBuffer().swap(*this); }
  /// Forgets what is behind the first `size` bytes.
  void cut(size_t size) { at_ = begin_ + std::min(size, this->size()); }
  void swap(OutBuffer& other) noexcept {
    std::swap(begin_, other.begin_);
    std::swap(at_, other.at_);
    std::swap(end_, other.end_);
  }

  /// Where `size` more bytes go; commit() says where they have ended.
  char* make_room(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) [[unlikely]] {
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
  void append(ByteView bytes) { append(bytes.data(), bytes.size()); }

 private:
  [[gnu::cold, gnu::noinline]] void grow(size_t size) {
    const size_t used = this->size();
    const size_t capacity = std::max(2 * this->capacity(), used + size);
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

/// Appends what `write` puts behind the pointer that it gets, up to `most` bytes; it returns where
/// that ends. To a std::string, too: for tools and tests, whose strings are short.
template <class Write>
void append_with(OutBuffer& out, size_t most, Write write) {
  out.commit(write(out.make_room(most)));
}
template <class Write>
void append_with(std::string& out, size_t most, Write write) {
  const size_t before = out.size();
  out.resize(before + most);
  const char* const end = write(out.data() + before);
  out.resize(static_cast<size_t>(end - out.data()));
}

}  // namespace zerogate
