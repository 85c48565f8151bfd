#include "gateway/admin/scraper.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "core/log/log.h"

namespace zerogate {

Scraper::Scraper(std::vector<std::shared_ptr<prometheus::Collectable>> sources, Render render,
                 Clock::duration max_age)
    : sources_(std::move(sources)),
      render_(std::move(render)),
      max_age_(max_age),
      thread_([this] { run(); }) {}

Scraper::~Scraper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::shared_ptr<const std::string> Scraper::scrape() {
  std::unique_lock lock(mutex_);
  if (text_ && Clock::now() < fresh_until_) {
    return text_;
  }
  // One that is being made now may have read its counters before this call.
  const uint64_t mine = begun_ + 1;
  wanted_ = mine;
  changed_.notify_all();
  changed_.wait(lock, [&] { return done_ >= mine; });
  return text_;
}

void Scraper::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || wanted_ > begun_; });
    if (stopping_) {
      return;
    }
    const uint64_t number = ++begun_;
    lock.unlock();
    const Clock::time_point begun_at = Clock::now();
    auto text = make();
    lock.lock();
    text_ = std::move(text);
    fresh_until_ = begun_at + max_age_;
    done_ = number;
    changed_.notify_all();
  }
}

std::shared_ptr<const std::string> Scraper::make() const try {
  Families families;
  for (const auto& source : sources_) {
    std::ranges::move(source->Collect(), std::back_inserter(families));
  }
  return std::make_shared<const std::string>(render_(families));
} catch (const std::exception& e) {
  log::error("metrics cannot be collected", {{"reason", e.what()}});
  return nullptr;
}

}  // namespace zerogate
