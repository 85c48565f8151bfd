// Renders the metrics as text, once for all clients that ask at the same time.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace zerogate {

/// Renders on a thread of its own. A scrape with 200 functions needs several MB for a moment, and
/// malloc keeps that for each thread that ever did it: 32 scrapes at once over the server's threads
/// left 60 MB behind. Owned by the admin server.
class Scraper {
 public:
  using Clock = std::chrono::steady_clock;
  using Families = std::vector<prometheus::MetricFamily>;
  /// Makes the text. It may throw; called on the scraper's thread.
  using Render = std::function<std::string(const Families&)>;

  /// A text that was begun less than `max_age` ago is given again. 0: never; Prometheus needs that,
  /// since it takes the time of its request as the time of the numbers.
  Scraper(std::vector<std::shared_ptr<prometheus::Collectable>> sources, Render render,
          Clock::duration max_age = {});
  /// No scrape() may be under way.
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  /// The text of all sources, collected after this call began or at most max_age before. All calls
  /// that come while an earlier text is being made get the same next one. Null when it cannot be
  /// made (the log says why). Waits; any thread but the workers'.
  std::shared_ptr<const std::string> scrape();

 private:
  void run();
  std::shared_ptr<const std::string> make() const;

  const std::vector<std::shared_ptr<prometheus::Collectable>> sources_;
  const Render render_;
  const Clock::duration max_age_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  uint64_t wanted_ = 0;  ///< number of the newest text that a thread waits for
  uint64_t begun_ = 0;   ///< of the newest that was begun
  uint64_t done_ = 0;    ///< of the newest that was finished
  Clock::time_point fresh_until_;
  std::shared_ptr<const std::string> text_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace zerogate
