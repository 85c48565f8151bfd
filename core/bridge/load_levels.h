// How many connections have how many requests under way.
#pragma once

#include <cassert>
#include <cstdint>
#include <vector>

namespace zerogate {

/// Counts connections by their load, so that whether one is idle and how much is on the fullest can
/// be told without a look at all. Every operation takes constant time (amortised). Pure; one thread.
class LoadLevels {
 public:
  /// `most` requests on one connection.
  explicit LoadLevels(uint32_t most) : connections_(most + 1) {}

  void enter(uint32_t load) { add(load); }
  void leave(uint32_t load) { take(load); }
  void move(uint32_t from, uint32_t to) {
    add(to);
    take(from);
  }

  bool any_idle() const { return connections_[0] != 0; }
  uint32_t deepest() const { return deepest_; }

 private:
  void add(uint32_t load) {
    ++connections_[load];
    if (load > deepest_) {
      deepest_ = load;
    }
  }
  void take(uint32_t load) {
    assert(connections_[load] != 0);
    --connections_[load];
    while (deepest_ != 0 && connections_[deepest_] == 0) {
      --deepest_;
    }
  }

  std::vector<uint32_t> connections_;  ///< by load
  uint32_t deepest_ = 0;
};

}  // namespace zerogate
