#include "gateway/runtime/questions.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace zerogate {
namespace {

constexpr std::chrono::milliseconds kLong{20'000};
constexpr std::chrono::milliseconds kShort{1};

TEST(QuestionsTest, AnswersComeFromTheThreadThatIsAsked) {
  Questions questions;
  std::thread::id answered_by;
  std::thread worker;
  const auto wake = [&] { worker = std::thread([&] { questions.answer_all(); }); };
  EXPECT_TRUE(questions.ask([&] { answered_by = std::this_thread::get_id(); }, wake, kLong));
  EXPECT_EQ(answered_by, worker.get_id());
  worker.join();
}

TEST(QuestionsTest, AQuestionThatWaitedInVainNeverRuns) {
  Questions questions;
  bool ran = false;
  EXPECT_FALSE(questions.ask([&] { ran = true; }, [] {}, kShort));
  questions.answer_all();
  EXPECT_FALSE(ran) << "what it refers to is gone";
}

TEST(QuestionsTest, AQuestionThatThrowsIsNotAnswered) {
  Questions questions;
  std::thread worker;
  const auto wake = [&] { worker = std::thread([&] { questions.answer_all(); }); };
  EXPECT_FALSE(questions.ask([] { throw std::runtime_error("no memory"); }, wake, kShort));
  worker.join();
}

}  // namespace
}  // namespace zerogate
