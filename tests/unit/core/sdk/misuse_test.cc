// What a function of a team may get wrong, and what comes of it.
#include <gmock/gmock.h>

#include "core/testing/test_gateway.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Task<std::string> slow_text(Context& context) {
  co_await context.sleep(1);
  co_return "a text that does not stand in the string itself";
}

class MisuseTest : public ::testing::Test {
 protected:
  template <class F>
  static void expect_failure(F function, const char* text) {
    Functions functions;
    functions.add("f", "", std::move(function));
    TestGateway gateway(functions);
    gateway.redis.texts["key"] = "value";
    EXPECT_THAT([&] { gateway.call("f"); }, ThrowsMessage<RemoteException>(HasSubstr(text)));
  }
};

constexpr const char* kOperationOnce = "an operation is awaited once";
constexpr const char* kTaskOnce = "a task is awaited once";

TEST_F(MisuseTest, AnOperationIsAwaitedOnce) {
  expect_failure(
      [](Context& context) -> Task<> {
        auto value = context.redis.get("key");
        co_await value;
        co_await value;  // would be an empty text
      },
      kOperationOnce);
}

TEST_F(MisuseTest, TwoCoroutinesDoNotAwaitOneOperation) {
  expect_failure(
      [](Context& context) -> Task<> {
        auto nap = context.sleep(20);
        const auto wait = [](auto& operation) -> Task<> { co_await operation; };
        Task<> first = wait(nap);
        first.start();
        Task<> second = wait(nap);
        second.start();
        co_await second;  // the first would never go on
      },
      kOperationOnce);
}

TEST_F(MisuseTest, ATaskIsAwaitedOnce) {
  expect_failure(
      [](Context& context) -> Task<> {
        Task<std::string> text = slow_text(context);
        co_await text;
        co_await text;
      },
      kTaskOnce);
}

TEST_F(MisuseTest, ATaskThatWasMovedAwayIsNotAwaited) {
  expect_failure(
      [](Context& context) -> Task<> {
        Task<std::string> text = slow_text(context);
        const Task<std::string> other = std::move(text);
        co_await text;  // NOLINT(bugprone-use-after-move)
      },
      "the task that is awaited was moved away");
}

TEST_F(MisuseTest, ANegativeSleepIsNoShortOne) {
  expect_failure(
      [](Context& context) -> Task<> { co_await context.sleep(static_cast<uint64_t>(-1)); },
      "`f` has not ended within 30000 ms");
}

TEST_F(MisuseTest, AFailureIsNotCountedAsOk) {
  EXPECT_EQ(CallFailure(Outcome::ok, "text").outcome(), Outcome::error);
  EXPECT_EQ(CallFailure(Outcome::timeout, "text").outcome(), Outcome::timeout);
}

TEST_F(MisuseTest, TextsThatAreNoUtf8AreOfAnErrorToo) {
  expect_failure([]() -> int64_t { throw std::runtime_error("a\xff"); }, "RuntimeError('a\ufffd')");
}

}  // namespace
}  // namespace zerogate
