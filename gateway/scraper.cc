#include "gateway/scraper.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "core/base/log.h"

namespace zerogate {
namespace {

using Sources = std::vector<std::shared_ptr<prometheus::Collectable>>;

std::shared_ptr<const std::string> render(const Sources& sources) try {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& source : sources)
    std::ranges::move(source->Collect(), std::back_inserter(families));
  return std::make_shared<const std::string>(prometheus::TextSerializer().Serialize(families));
} catch (const std::exception& e) {
  log::error("metrics cannot be collected", {{"reason", e.what()}});
  return nullptr;
}

}  // namespace

Scraper::Scraper(Sources sources) : sources_(std::move(sources)), thread_([this] { run(); }) {}

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
    if (stopping_) return;
    const uint64_t number = ++begun_;
    lock.unlock();
    auto text = render(sources_);
    lock.lock();
    text_ = std::move(text);
    done_ = number;
    changed_.notify_all();
  }
}

}  // namespace zerogate
