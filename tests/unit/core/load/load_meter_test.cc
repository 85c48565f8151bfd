// Which calls are measured, by which of their times, and as what.
#include "core/load/load_meter.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "core/base/clock.h"
#include "core/wire/zerror.h"

namespace zerogate {
namespace {

class LoadMeterTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kFromNs = 1'000'000'000;
  static constexpr uint64_t kEndNs = 2'000'000'000;

  LoadMeterTest() {
    options_.timeout_ms = 100;
    meter_.set_window(kFromNs, kEndNs);
  }
  const LoadReport& report() const { return meter_.report(); }
  uint64_t count(CallError error) const { return report().errors[static_cast<size_t>(error)]; }
  std::string sample(CallError error) const { return report().samples[static_cast<size_t>(error)]; }
  void lose(uint64_t intended_ns, uint64_t sent_ns, uint64_t now_ns) {
    meter_.count_lost({intended_ns, sent_ns}, CallError::disconnected, "closed", now_ns);
  }

  LoadOptions options_;
  LoadMeter meter_{options_};
};

TEST_F(LoadMeterTest, TheWindowHasItsBeginAndNotItsEnd) {
  EXPECT_FALSE(meter_.in_window(kFromNs - 1));
  EXPECT_TRUE(meter_.in_window(kFromNs));
  EXPECT_TRUE(meter_.in_window(kEndNs - 1));
  EXPECT_FALSE(meter_.in_window(kEndNs));
  meter_.cut_window(kEndNs + 1);
  meter_.cut_window(kFromNs + 10);
  meter_.cut_window(kFromNs + 20);
  EXPECT_EQ(meter_.end_ns(), kFromNs + 10);
  meter_.finish();
  EXPECT_EQ(report().measured_ns, 10u);
}

TEST_F(LoadMeterTest, OneThatWasCutBeforeItsBeginHasMeasuredNothing) {
  meter_.cut_window(kFromNs - 1);
  meter_.finish();
  EXPECT_EQ(report().measured_ns, 0u);
}

/// Works until this thread has had so much time of a processor.
void burn(uint64_t ns) {
  const auto spent_ns = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<uint64_t>(now.tv_nsec);
  };
  for (const uint64_t end_ns = spent_ns() + ns; spent_ns() < end_ns;) {
  }
}

// Some kernels count in ticks.
TEST_F(LoadMeterTest, TheProcessorsTimeIsThatOfTheWindow) {
  constexpr uint64_t kWorkNs = 30 * kNsPerMs;
  constexpr uint64_t kTickNs = 20 * kNsPerMs;
  burn(2 * kWorkNs);
  meter_.begin_cpu();
  burn(kWorkNs);
  meter_.end_cpu();
  EXPECT_GE(report().cpu_ns, kWorkNs - kTickNs);
  EXPECT_LT(report().cpu_ns, 2 * kWorkNs);
}

TEST_F(LoadMeterTest, InAClosedLoopItIsTheAnswersTimeThatCounts) {
  meter_.count_answer({kFromNs - 5, kFromNs - 5}, {}, "\x01", 10, kFromNs);
  meter_.count_answer({kEndNs - 5, kEndNs - 5}, {}, "\x01", 10, kEndNs);
  meter_.count_sent({kFromNs, kFromNs}, kFromNs + 7);
  EXPECT_EQ(report().requests(), 1u);
  EXPECT_EQ(report().received_bytes, 10u);
  EXPECT_EQ(report().lateness.count(), 0u) << "of an open loop only";
}

TEST_F(LoadMeterTest, InAnOpenLoopItIsTheTimeAtWhichTheCallWasDue) {
  options_.rate = 100;
  meter_.count_answer({kFromNs - 1, kFromNs}, {}, "\x01", 10, kFromNs + 5);
  meter_.count_answer({kEndNs - 1, kEndNs}, {}, "\x01", 10, kEndNs + 5);
  meter_.count_sent({kFromNs - 1, kFromNs}, kFromNs);
  meter_.count_sent({kFromNs, kFromNs + 7}, kFromNs + 7);
  EXPECT_EQ(report().requests(), 1u);
  EXPECT_EQ(report().lateness.count(), 1u);
  lose(kFromNs - 1, kFromNs, kFromNs + 5);
  EXPECT_EQ(report().error_count(), 0u);
  lose(kEndNs - 1, 0, kEndNs + 5);
  EXPECT_EQ(count(CallError::disconnected), 1u);
}

TEST_F(LoadMeterTest, ALostCallCountsWhenItWasSentOrWasAboutToBe) {
  lose(kFromNs - 1, kFromNs - 1, kFromNs + 1);
  lose(kEndNs, kEndNs, kEndNs);
  lose(0, 0, kFromNs - 1);
  EXPECT_EQ(report().error_count(), 0u);
  lose(kFromNs, kFromNs, kFromNs + 1);
  lose(0, 0, kFromNs);
  EXPECT_EQ(count(CallError::disconnected), 2u);
  EXPECT_EQ(sample(CallError::disconnected), "closed");
}

TEST_F(LoadMeterTest, OneThatHasWaitedLongerThanItsTimeOutIsOne) {
  const uint64_t timeout_ns = options_.timeout_ms * kNsPerMs;
  lose(kFromNs, kFromNs, kFromNs + timeout_ns);
  EXPECT_EQ(count(CallError::disconnected), 1u);
  lose(kFromNs, kFromNs, kFromNs + timeout_ns + 1);
  EXPECT_EQ(count(CallError::timeout), 1u);
}

TEST_F(LoadMeterTest, OfEachKindOfErrorTheFirstTextIsKeptAndCut) {
  std::string body;
  wire::write_error(body, wire::ErrorKey::server_exception, std::string(300, 'x'));
  meter_.count_answer({kFromNs, kFromNs}, CallError::exception, body, 10, kFromNs);
  meter_.count_answer({kFromNs, kFromNs}, CallError::exception, "\x02", 10, kFromNs);
  EXPECT_EQ(count(CallError::exception), 2u);
  const std::string text = sample(CallError::exception);
  EXPECT_EQ(text.size(), 200 + std::string("…").size());
  EXPECT_TRUE(text.ends_with("xxx…")) << text;
  options_.expected = "\x07";
  meter_.count_answer({kFromNs, kFromNs}, {}, "\x07", 10, kFromNs);
  meter_.count_answer({kFromNs, kFromNs}, {}, "\xc1", 10, kFromNs);
  EXPECT_EQ(report().requests(), 1u);
  EXPECT_EQ(count(CallError::unexpected), 1u);
  EXPECT_TRUE(sample(CallError::unexpected).starts_with("bytes that are ")) << "no MessagePack";
  EXPECT_EQ(report().received_bytes, 10u) << "of right answers";
}

}  // namespace
}  // namespace zerogate
