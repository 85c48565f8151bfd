// The time, the chance and the trace of one simulated run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/random.h"

namespace zerogate::simulation {

inline constexpr uint64_t kUs = 1'000;
inline constexpr uint64_t kMs = 1'000 * kUs;
inline constexpr uint64_t kSecond = 1'000 * kMs;

/// Everything that happens outside of the gateway is an event with a time. Events of one time
/// happen in the order in which they were made, so a seed decides everything. One thread at a time:
/// the worker's own thread once it has started.
class World {
 public:
  explicit World(uint64_t seed) : random(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  uint64_t now() const { return now_; }
  void in(uint64_t delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }
  void at(uint64_t time, std::function<void()> event) {
    events_.emplace(std::pair(time < now_ ? now_ : time, ++made_), std::move(event));
  }
  /// UINT64_MAX: nothing will ever happen.
  uint64_t next() const { return events_.empty() ? UINT64_MAX : events_.begin()->first.first; }
  /// Does what is next, and moves the time there.
  void step();
  /// How many events there were.
  uint64_t happened() const { return happened_; }
  /// Time passes without events: a long turn of the loop. They happen late.
  void pass(uint64_t ns) { now_ += ns; }
  void move_to(uint64_t time) { now_ = time > now_ ? time : now_; }

  /// True once in `of` times; never for 0.
  bool chance(uint64_t of) { return of != 0 && random.below(of) == 0; }
  /// From `least` to `most`.
  uint64_t between(uint64_t least, uint64_t most) { return least + random.below(most - least + 1); }

  /// Adds to the trace, whose hash tells whether two runs were the same.
  void note(std::string_view what, uint64_t value = 0);
  void note_bytes(std::string_view what, std::string_view bytes);
  uint64_t hash() const { return hash_; }
  /// Prints the trace while it is made.
  bool verbose = false;

  Random random;

 private:
  void mix(std::string_view bytes);

  uint64_t now_ = kSecond;
  uint64_t made_ = 0;
  uint64_t happened_ = 0;
  std::map<std::pair<uint64_t, uint64_t>, std::function<void()>> events_;
  uint64_t hash_ = 0xcbf29ce484222325u;
};

/// The world that the fakes of libuv, libzmq and the system's calls belong to.
World& world();
bool has_world();
void set_world(World* world);
/// This thread keeps the system's clock whatever the world's says, as all do while there is none.
void keep_real_clock();

/// A promise was broken: says so and ends the process. Each program has its own.
[[noreturn]] void violated(const std::string& what);

}  // namespace zerogate::simulation
