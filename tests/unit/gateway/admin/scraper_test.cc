#include "gateway/admin/scraper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/log/log.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

std::string as_text(const Scraper::Families& families) {
  return prometheus::TextSerializer().Serialize(families);
}

/// Counts how often it is collected, and can be held while it is.
class Source final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    const int number = ++collected;
    collected.notify_all();
    held.wait(true);
    if (broken) {
      throw std::runtime_error("broken");
    }
    prometheus::MetricFamily family{"number", "Help.", prometheus::MetricType::Gauge, {}};
    family.metric.emplace_back().gauge.value = number;
    return {family};
  }
  void release() {
    held = false;
    held.notify_all();
  }
  mutable std::atomic<int> collected{0};
  std::atomic<bool> held{false};
  std::atomic<bool> broken{false};
};

TEST(ScraperTest, EachScrapeIsCollectedAfterItWasAskedFor) {
  auto source = std::make_shared<Source>();
  Scraper scraper({source}, as_text);
  EXPECT_THAT(*scraper.scrape(), HasSubstr("number 1\n"));
  EXPECT_THAT(*scraper.scrape(), HasSubstr("number 2\n"));
}

/// Starts a scrape, lets others ask while it is held, and returns how many were made in all.
int collections_of_a_burst(int others) {
  auto source = std::make_shared<Source>();
  source->held = true;
  Scraper scraper({source}, as_text);
  std::thread first([&] { scraper.scrape(); });
  source->collected.wait(0);  // the first one is under way, and held

  std::atomic<int> asking{0}, stale{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < others; ++i) {
    threads.emplace_back([&] {
      ++asking;
      asking.notify_all();
      if (scraper.scrape()->find("number 1\n") != std::string::npos) {
        ++stale;
      }
    });
  }
  for (int seen = asking; seen < others; seen = asking) {
    asking.wait(seen);
  }
  source->release();
  first.join();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(stale, 0);
  return source->collected;
}

TEST(ScraperTest, ThoseWhoAskDuringAScrapeShareALaterOne) {
  // A thread that is about to ask may do so after the release only, and need one more: so a burst
  // may by bad luck share nothing, but not one after the other.
  constexpr int kOthers = 16, kTries = 20;
  int collections = 1 + kOthers;
  for (int i = 0; i < kTries && collections == 1 + kOthers; ++i) {
    collections = collections_of_a_burst(kOthers);
  }
  EXPECT_LT(collections, 1 + kOthers);
}

TEST(ScraperTest, WhatIsYoungEnoughIsGivenAgain) {
  auto source = std::make_shared<Source>();
  Scraper scraper({source}, as_text, 24h);
  const auto first = scraper.scrape();
  EXPECT_EQ(scraper.scrape(), first);
  EXPECT_EQ(source->collected, 1);
}

TEST(ScraperTest, AFailureIsNotKept) {
  log::configure(log::Level::off, log::Format::logfmt);
  auto source = std::make_shared<Source>();
  source->broken = true;
  Scraper scraper({source}, as_text, 24h);
  EXPECT_EQ(scraper.scrape(), nullptr);
  source->broken = false;
  EXPECT_NE(scraper.scrape(), nullptr);
  log::configure(log::Level::info, log::Format::logfmt);
}

TEST(ScraperTest, AFailureIsNullAndTheNextScrapeWorks) {
  log::configure(log::Level::off, log::Format::logfmt);
  auto source = std::make_shared<Source>();
  Scraper scraper({source}, as_text);
  source->broken = true;
  EXPECT_EQ(scraper.scrape(), nullptr);
  source->broken = false;
  EXPECT_NE(scraper.scrape(), nullptr);
  log::configure(log::Level::info, log::Format::logfmt);
}

}  // namespace
}  // namespace zerogate
