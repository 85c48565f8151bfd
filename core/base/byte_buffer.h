// A growing buffer that a socket reads into. Unlike std::string it does not clear memory that is
// about to be overwritten, and it frees its memory when it is released. One thread; the owner
// bounds its size.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "core/base/bytes.h"

namespace zerogate {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~ByteBuffer() { std::free(data_); }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  ByteView view() const { return {data_, size_}; }

  /// Makes room for exactly `room` more bytes and returns where they go; commit() what was written.
  char* prepare(size_t room) {
    if (capacity_ - size_ < room) {
      char* moved = static_cast<char*>(std::realloc(data_, size_ + room));
      if (moved == nullptr) {
        throw std::bad_alloc();
      }
      data_ = moved;
      capacity_ = size_ + room;
    }
    return data_ + size_;
  }
  void commit(size_t written) {
    assert(written <= capacity_ - size_);
    size_ += written;
  }
  void append(ByteView bytes) {
    if (bytes.empty()) {
      return;
    }
    std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }
  /// Empties it and frees its memory.
  void release() { ByteBuffer().swap(*this); }

 private:
  void swap(ByteBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace zerogate
