#include "core/rpc/access_log.h"

#include <gmock/gmock.h>

#include "core/log/log.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kMs = 1'000'000;

class CallLogTest : public CallTest {
 protected:
  CallLogTest() { log_from(log::Level::info); }
  ~CallLogTest() override { log::configure(log::Level::info, log::Format::logfmt); }

  void log_from(log::Level level) {
    log::configure(level, log::Format::logfmt,
                   [this](std::string_view line) { lines_.emplace_back(line); });
  }
  /// What is on from the next turn on.
  void set(double share, uint32_t slow_ms) {
    call_log_.set(share, slow_ms);
    calls_.on_turn_end(now_ns_);
  }
  void call(FunctionLabel function, ByteView name, uint64_t took_ms = 1, Wire wire = Wire::t3) {
    calls_.begin(path_of("0001", wire), function, {now_ns_ - took_ms * kMs, name, 5}).reply("\xc3");
  }
  void end_turn() { calls_.on_turn_end(now_ns_); }

  const uint64_t now_ns_ = uv_hrtime() + 1'000'000 * kMs;
  std::vector<std::string> lines_;
};

TEST_F(CallLogTest, IsOffByItself) {
  call(first_, "first", 100'000);
  end_turn();
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(CallLogTest, ALineTellsWhatIsKnownOfACall) {
  set(1, 0);
  call(first_, "first", 3);
  calls_.refuse(path_of("0001", Wire::w5), second_, {now_ns_, "second", 70}, Outcome::overloaded,
                wire::ErrorKey::server_exception, "no");
  EXPECT_THAT(lines_, IsEmpty()) << "not before the turn's end";
  end_turn();
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(lines_[0],
              EndsWith(" level=info event=call function=first protocol=tcp wire=T3 outcome=ok "
                       "duration_ms=3 request_bytes=5 reply_bytes=1 peer=10.0.0.7:4031"));
  EXPECT_THAT(lines_[1], AllOf(HasSubstr("function=second protocol=zmq wire=W5 outcome=overloaded "
                                         "duration_ms=0 request_bytes=70")));
}

TEST_F(CallLogTest, ACallerThatHasGoneMakesItAbandoned) {
  set(1, 0);
  sink_.delivery = Delivery::gone;
  call(first_, "first");
  end_turn();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("outcome=abandoned")));
}

// The metrics know it as _other only: the log shows what was asked for, cut and quoted.
TEST_F(CallLogTest, AFunctionWithoutLabelIsCalledByItsName) {
  set(1, 0);
  const std::string evil = "x\n" + std::string(10'000, 'y');
  call(labels_.other(), "invented");
  call(labels_.other(), evil);
  call(first_, "first");
  calls_.refuse(path_of("0001"), labels_.other(), {now_ns_, "refused"}, Outcome::not_found,
                wire::ErrorKey::function_not_found, "no");
  end_turn();
  ASSERT_THAT(lines_, SizeIs(4));
  EXPECT_THAT(lines_[0], HasSubstr("function=invented "));
  EXPECT_THAT(lines_[1], HasSubstr("function=\"x\\nyy"));
  EXPECT_LT(lines_[1].size(), 400u);
  EXPECT_THAT(lines_[2], HasSubstr("function=first "));
  EXPECT_THAT(lines_[3], HasSubstr("function=refused "));
}

// Slots are used again at once: a name must not stay behind for the next call there.
TEST_F(CallLogTest, ANameBelongsToItsCallOnly) {
  set(1, 0);
  Call kept = calls_.begin(path_of("0001"), labels_.other(), {now_ns_, "kept"});
  call(labels_.other(), "between");
  end_turn();
  call_log_.set(0, 0);
  end_turn();
  Call unnamed = calls_.begin(path_of("0002"), labels_.other(), {now_ns_, "while off"});
  set(1, 0);
  std::move(unnamed).reply("\xc0");
  std::move(kept).reply("\xc0");
  lines_.clear();
  end_turn();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("function=_other"), HasSubstr("function=kept")));
}

TEST_F(CallLogTest, ACallFromBeforeTheLogWasOnHasNoName) {
  Call unnamed = calls_.begin(path_of("0001"), labels_.other(), {now_ns_, "while off"});
  set(1, 0);
  std::move(unnamed).reply("\xc0");
  end_turn();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("function=_other ")));
}

/// A transport whose only caller has shown a key.
struct ProvenCaller final : ReplySink {
  Delivery deliver(const ReturnPath&, ByteView, BodyKind) override { return Delivery::queued; }
  std::string peer(CallerKey) const override { return "10.0.0.8:1"; }
  const Caller& caller(CallerKey) const override { return ops; }

  const Caller ops{"ops", true};
};

TEST_F(CallLogTest, WhoHasProvenItsNameIsCalledByIt) {
  ProvenCaller sink;
  set(1, 50);
  const auto call_at = [&](uint64_t now_ns, uint64_t took_ms) {
    const RequestInfo arrival(now_ns - took_ms * kMs, "first");
    calls_.begin({&sink, {7, 3}, Wire::t3, RequestId("0001")}, first_, arrival).reply("\xc3");
  };
  call_at(now_ns_, 1);
  end_turn();
  EXPECT_THAT(lines_, ElementsAre(EndsWith(" peer=10.0.0.8:1 caller=ops")));
  for (uint32_t i = 0; i < AccessLog::kSlowPerSecond + 2; ++i) {
    call_at(now_ns_, 50);
  }
  end_turn();
  lines_.clear();
  call_at(now_ns_ + 1'000 * kMs, 50);
  call_at(now_ns_ + 1'000 * kMs, 50);
  calls_.on_turn_end(now_ns_ + 1'000 * kMs);
  EXPECT_THAT(lines_, ElementsAre(EndsWith(" peer=10.0.0.8:1 caller=ops left_out=2"),
                                  EndsWith(" peer=10.0.0.8:1 caller=ops")));
}

TEST_F(CallLogTest, AShareOfTheCallsIsChosenAtRandom) {
  set(0.25, 0);
  for (int turn = 0; turn < 100; ++turn) {
    for (int i = 0; i < 100; ++i) {
      call(first_, "first");
    }
    end_turn();
  }
  // 2500 expected, the standard deviation is 43.
  EXPECT_GT(lines_.size(), 2'100u);
  EXPECT_LT(lines_.size(), 2'900u);
}

TEST_F(CallLogTest, SlowCallsAreWarningsWhateverTheShare) {
  set(0, 50);
  call(first_, "first", 49);
  call(second_, "second", 50);
  end_turn();
  EXPECT_THAT(lines_, ElementsAre(AllOf(HasSubstr("level=warn event=\"slow call\" function=second"),
                                        HasSubstr("duration_ms=50 "))));
  set(1, 50);
  lines_.clear();
  call(second_, "second", 50);
  end_turn();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("slow call"))) << "one line, not two";
}

TEST_F(CallLogTest, WhenEverythingIsSlowTheLinesAreBoundedAndTheRestCounted) {
  set(0, 50);
  const uint64_t dropped = log::dropped();
  for (int i = 0; i < 1'000; ++i) {
    call(first_, "first", 60);
  }
  end_turn();
  EXPECT_EQ(lines_.size(), AccessLog::kSlowPerSecond);
  EXPECT_EQ(log::dropped(), dropped + 1'000 - AccessLog::kSlowPerSecond);
  lines_.clear();
  calls_.begin(path_of("0001"), first_, {now_ns_ + 1'000 * kMs - 60 * kMs, "first"}).reply("\xc3");
  calls_.on_turn_end(now_ns_ + 1'000 * kMs);  // a second later
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(" left_out=900")));
}

TEST_F(CallLogTest, LinesHaveTheirLevel) {
  log_from(log::Level::warn);
  set(1, 50);
  call(first_, "first", 1);
  call(second_, "second", 60);
  end_turn();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("slow call")));
}

}  // namespace
}  // namespace zerogate
