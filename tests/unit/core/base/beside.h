// What two threads do at the same time, for ThreadSanitizer.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace zerogate::testing {

/// Runs both, `theirs` in a thread of its own: once this one first, and once that one. Nothing but
/// what they lock themselves puts the one before the other, as ThreadSanitizer sees it: it finds a
/// lock that is missing on either side, however the two threads are scheduled.
inline void beside(const std::function<void()>& ours, const std::function<void()>& theirs) {
  for (const bool ours_first : {true, false}) {
    std::atomic<bool> first_is_done = false;
    const auto wait = [&] {
      while (!first_is_done.load(std::memory_order_relaxed)) {
        std::this_thread::yield();
      }
    };
    const auto tell = [&] { first_is_done.store(true, std::memory_order_relaxed); };
    std::thread other([&] {
      if (ours_first) {
        wait();
      }
      theirs();
      tell();
    });
    if (!ours_first) {
      wait();
    }
    ours();
    tell();
    other.join();
  }
}

}  // namespace zerogate::testing
