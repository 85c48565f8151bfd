#include "core/listener/refusal_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/testing/manual_clock.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RefusalLogTest : public ::testing::Test {
 protected:
  RefusalLogTest() {
    log::configure(log::Level::info, log::Format::logfmt,
                   [this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~RefusalLogTest() override { log::configure(log::Level::info, log::Format::logfmt); }

  void refuse(uint64_t times, Rejected reason = Rejected::limit) {
    for (; times > 0; --times) {
      refusals_->count(reason, [this] {
        ++addresses_;
        return std::string("10.0.0.7:40312");
      });
    }
  }
  void wait_ms(uint64_t ms) {
    clock_.advance_ms(ms);
    timers_.run_due();
  }

  ManualClock clock_;
  TimerQueue timers_{clock_};
  ListenerMetrics metrics_;
  std::unique_ptr<RefusalLog> refusals_ =
      std::make_unique<RefusalLog>(timers_, metrics_, Protocol::tcp);
  std::vector<std::string> lines_;
  int addresses_ = 0;  ///< asked for
};

TEST_F(RefusalLogTest, ALineSaysWhoAndWhy) {
  refuse(1);
  refusals_->count(Malformed::other_protocol, [] { return "10.0.0.8:1"; });
  EXPECT_THAT(
      lines_,
      ElementsAre(EndsWith("level=warn event=\"connection rejected\" protocol=tcp reason=limit "
                           "peer=10.0.0.7:40312"),
                  EndsWith("level=warn event=\"malformed input\" protocol=tcp "
                           "reason=other_protocol peer=10.0.0.8:1")));
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::limit)].value(), 1u);
  EXPECT_EQ(metrics_.malformed[index_of(Malformed::other_protocol)].value(), 1u);
}

TEST_F(RefusalLogTest, ManyPeersGetAFewLinesAndTheirNumber) {
  refuse(1'000);
  EXPECT_THAT(lines_, SizeIs(RefusalLog::kLines));
  EXPECT_EQ(addresses_, RefusalLog::kLines) << "a system call for each line, not for each peer";
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::limit)].value(), 1'000u);
  refuse(1, Rejected::stalled);
  ASSERT_THAT(lines_, SizeIs(RefusalLog::kLines + 1)) << "each reason has its own";
  lines_.clear();
  wait_ms(RefusalLog::kIntervalMs);
  EXPECT_THAT(lines_, ElementsAre(EndsWith("event=\"connection rejected\" protocol=tcp "
                                           "reason=limit suppressed=995")));
  EXPECT_EQ(timers_.next_ms(), UINT64_MAX) << "without ill peers nothing wakes the loop";
  lines_.clear();
  refuse(1);
  EXPECT_THAT(lines_, SizeIs(1)) << "a new interval";
}

TEST_F(RefusalLogTest, WhatWasLeftOutIsToldAtTheEnd) {
  refuse(RefusalLog::kLines + 2);
  lines_.clear();
  refusals_.reset();
  EXPECT_THAT(lines_, ElementsAre(EndsWith("suppressed=2")));
}

TEST_F(RefusalLogTest, OfAHandshakeItSaysWhoAndWhyAndCountsNothing) {
  const auto refuse_handshakes = [this](uint32_t times, TlsResult result) {
    for (; times > 0; --times) {
      refusals_->tell_handshake(result, "no shared cipher", [this] {
        ++addresses_;
        return std::string("10.0.0.9:7");
      });
    }
  };
  refuse_handshakes(RefusalLog::kLines + 3, TlsResult::protocol);
  refuse_handshakes(1, TlsResult::expired);
  ASSERT_THAT(lines_, SizeIs(RefusalLog::kLines + 1));
  EXPECT_THAT(lines_.front(), EndsWith("level=warn event=\"TLS handshake refused\" reason=protocol "
                                       "peer=10.0.0.9:7 error=\"no shared cipher\""));
  EXPECT_THAT(lines_.back(), ::testing::HasSubstr("reason=expired"));
  EXPECT_EQ(addresses_, RefusalLog::kLines + 1);
  for (const Counter& reason : metrics_.rejected) {
    EXPECT_EQ(reason.value(), 0u);
  }
  lines_.clear();
  wait_ms(RefusalLog::kIntervalMs);
  EXPECT_THAT(lines_, ElementsAre(EndsWith("event=\"TLS handshake refused\" protocol=tcp "
                                           "reason=protocol suppressed=3")));
}

TEST_F(RefusalLogTest, BelowTheLevelNothingIsAskedFor) {
  log::set_level(log::Level::error);
  refuse(1);
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_EQ(addresses_, 0);
}

}  // namespace
}  // namespace zerogate::testing
