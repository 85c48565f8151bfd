// Bytes of requests that are under way to backends: of all of a worker's, and of one.
#pragma once

#include <cstddef>

namespace zerogate {

/// Requests that wait, or are sent and not answered.
struct RequestMemory {
  size_t limit = 256 << 20;
  size_t held = 0;
};

/// What one backend has of it. It may hold kTimesFree times as much as it leaves free, so that one
/// whose servers stand still does not take the room of the others' requests: alone it holds four
/// fifths, two such ones together eight ninths. (Switches share their buffers among ports in this
/// way: dynamic thresholds of Choudhury and Hahne.) Owned by its Backend. Loop thread only.
class RequestShare {
 public:
  static constexpr size_t kTimesFree = 4;

  explicit RequestShare(RequestMemory& all) : all_(all) {}
  RequestShare(const RequestShare&) = delete;
  RequestShare& operator=(const RequestShare&) = delete;

  /// One request is always taken, however large it is.
  bool has_room_for(size_t bytes) const {
    return all_.held + bytes + (held_ + bytes) / kTimesFree <= all_.limit || all_.held == 0;
  }
  void add(size_t bytes) {
    held_ += bytes;
    all_.held += bytes;
  }
  void remove(size_t bytes) {
    held_ -= bytes;
    all_.held -= bytes;
  }
  size_t held() const { return held_; }

 private:
  RequestMemory& all_;
  size_t held_ = 0;
};

}  // namespace zerogate
