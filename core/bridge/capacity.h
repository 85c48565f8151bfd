// How many requests an endpoint can take, and the notice that it can take one more.
#pragma once

#include <cassert>
#include <cstdint>

namespace zerogate {

/// The requests under way over an endpoint's connections, and how many these carry together. Room
/// appears in two ways, and both tell the owner: give() and a higher limit. So no call can wait
/// beside room that has not been noticed. Pure; one thread.
class Capacity {
 public:
  class Owner {
   public:
    virtual void on_room() = 0;

   protected:
    ~Owner() = default;
  };

  explicit Capacity(Owner& owner) : owner_(owner) {}

  bool has_room() const { return used_ < limit_; }
  uint64_t used() const { return used_; }

  void take() { ++used_; }
  void give(uint64_t requests = 1) {
    assert(requests <= used_);
    used_ -= requests;
    tell();
  }
  /// Requests that leave together with the room they had.
  void drop(uint64_t requests, uint64_t limit) {
    assert(requests <= used_);
    used_ -= requests;
    set_limit(limit);
  }
  void set_limit(uint64_t limit) {
    limit_ = limit;
    tell();
  }

 private:
  void tell() {
    if (has_room()) {
      owner_.on_room();
    }
  }

  Owner& owner_;
  uint64_t used_ = 0;
  uint64_t limit_ = 0;
};

}  // namespace zerogate
