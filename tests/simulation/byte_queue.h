// Bytes that wait to be sent, or to be understood.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zerogate::simulation {

/// To take a few of many costs little.
class ByteQueue {
 public:
  ByteQueue& append(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  std::string_view view() const { return std::string_view(bytes_).substr(taken_); }
  size_t size() const { return bytes_.size() - taken_; }
  bool empty() const { return size() == 0; }
  void take(size_t bytes) {
    taken_ += bytes;
    if (2 * taken_ >= bytes_.size()) {
      bytes_.erase(0, taken_);
      taken_ = 0;
    }
  }
  /// Until `write`, which says how many bytes it takes of those it is shown, takes none.
  template <class Write>
  void write_to(Write write) {
    while (!empty()) {
      const long taken = write(view());
      if (taken <= 0) {
        return;  // an error shows when the other direction is read
      }
      take(static_cast<size_t>(taken));
    }
  }
  void clear() {
    bytes_.clear();
    taken_ = 0;
  }

 private:
  std::string bytes_;
  size_t taken_ = 0;
};

}  // namespace zerogate::simulation
