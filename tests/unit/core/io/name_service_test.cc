#include "core/io/name_service.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/core/base/refuse_call.h"

namespace zerogate::testing {
namespace {

/// A resolver whose look-ups end when the test says so. Shared with threads that outlive the test.
class Gate {
 public:
  NameAnswer resolve(const std::string& host) {
    std::unique_lock lock(mutex_);
    begun_.push_back(host);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_.contains(host); });
    return {NameAnswer::Kind::found, {"10.0.0." + std::to_string(begun_.size())}, {}};
  }
  void open(const std::string& host) {
    const std::lock_guard lock(mutex_);
    open_.insert(host);
    changed_.notify_all();
  }
  void wait_for_begun(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_.size() >= count; });
  }
  size_t begun() {
    const std::lock_guard lock(mutex_);
    return begun_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> open_;
  std::vector<std::string> begun_;
};

class Asker final : public NameService::Asker {
 public:
  void on_answer(NameService::Answer answer) override {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    ++answers_;
    changed_.notify_all();
  }
  std::string wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answer_ != nullptr; });
    return answer_->addresses.empty() ? answer_->error : answer_->addresses[0];
  }
  int answers() {
    const std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  NameService::Answer answer_;
  int answers_ = 0;
};

class NameServiceTest : public ::testing::Test {
 protected:
  /// One of many names, whose answer may be an hour old; until it is there.
  void ask_for(size_t i) {
    const std::string name = "n" + std::to_string(i);
    gate_->open(name);
    Asker asker;
    service_.ask(name, 3'600'000, asker);
    asker.wait();
  }

  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  NameService service_{[gate = gate_](const std::string& host) { return gate->resolve(host); }};
};

TEST_F(NameServiceTest, AllWhoAskForANameShareOneLookUp) {
  Asker one, two, three;
  service_.ask("a", 0, one);
  service_.ask("a", 0, two);
  gate_->wait_for_begun(1);
  service_.ask("a", 0, three);
  gate_->open("a");
  EXPECT_EQ(one.wait(), "10.0.0.1");
  EXPECT_EQ(two.wait(), "10.0.0.1");
  EXPECT_EQ(three.wait(), "10.0.0.1");
  EXPECT_EQ(gate_->begun(), 1u);
}

TEST_F(NameServiceTest, AFreshAnswerServesThoseThatTakeIt) {
  gate_->open("a");
  Asker first, patient, anew;
  service_.ask("a", 0, first);
  EXPECT_EQ(first.wait(), "10.0.0.1");
  service_.ask("a", 3'600'000, patient);
  EXPECT_EQ(patient.wait(), "10.0.0.1");
  service_.ask("a", 0, anew);
  EXPECT_EQ(anew.wait(), "10.0.0.2");
}

TEST_F(NameServiceTest, ANameThatHangsHoldsNoOther) {
  Asker stuck, other;
  service_.ask("stuck", 0, stuck);
  gate_->wait_for_begun(1);
  gate_->open("b");
  service_.ask("b", 0, other);
  EXPECT_EQ(other.wait(), "10.0.0.2");
  EXPECT_EQ(stuck.answers(), 0);
  service_.forget(stuck);
  gate_->open("stuck");
}

TEST_F(NameServiceTest, ThoseThatHaveForgottenHearNothing) {
  Asker gone, there;
  service_.ask("a", 0, gone);
  service_.ask("a", 0, there);
  service_.forget(gone);
  gate_->open("a");
  there.wait();
  EXPECT_EQ(gone.answers(), 0);
}

TEST_F(NameServiceTest, MoreNamesThanThreadsWaitTheirTurn) {
  std::vector<Asker> askers(NameService::kMaxThreads + 3);
  const auto name = [](size_t i) { return "n" + std::to_string(i); };
  for (size_t i = 0; i < askers.size(); ++i) {
    service_.ask(name(i), 0, askers[i]);
  }
  gate_->wait_for_begun(NameService::kMaxThreads);
  EXPECT_EQ(gate_->begun(), NameService::kMaxThreads);
  for (size_t i = 0; i < askers.size(); ++i) {
    gate_->open(name(i));
  }
  for (Asker& asker : askers) {
    asker.wait();
  }
}

TEST_F(NameServiceTest, OfTooManyNamesOnlyThoseUnderWayAreRemembered) {
  Asker stuck;
  service_.ask("stuck", 0, stuck);
  for (size_t i = 1; i < NameService::kMaxNames; ++i) {
    ask_for(i);
  }
  ask_for(1);  // there are as many as may be: it makes room
  const size_t begun = NameService::kMaxNames + 1;
  EXPECT_EQ(gate_->begun(), begun);
  ask_for(1);
  EXPECT_EQ(gate_->begun(), begun) << "it is remembered anew";
  Asker joins;
  service_.ask("stuck", 0, joins);
  gate_->open("stuck");
  EXPECT_EQ(joins.wait(), "10.0.0." + std::to_string(begun));
  EXPECT_EQ(stuck.answers(), 1) << "one look-up is for both";
  EXPECT_EQ(gate_->begun(), begun);
}

TEST_F(NameServiceTest, UpToTheLimitAllAreRemembered) {
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 1; i < NameService::kMaxNames; ++i) {
      ask_for(i);
    }
  }
  EXPECT_EQ(gate_->begun(), NameService::kMaxNames - 1);
}

TEST(NameServiceEndTest, ItsEndDoesNotWaitForLookUps) {
  auto gate = std::make_shared<Gate>();
  Asker asker;
  {
    NameService service([gate](const std::string& host) { return gate->resolve(host); });
    service.ask("a", 0, asker);
    gate->wait_for_begun(1);
    service.forget(asker);
  }
  EXPECT_EQ(asker.answers(), 0);
  gate->open("a");
}

TEST(NameServiceDeathTest, WithoutAThreadTheAnswerSaysWhy) {
  const auto ask = [] {
    refuse_call(SYS_clone3, ENOSYS);
    refuse_call(SYS_clone, EAGAIN);
    NameService service([](const std::string&) { return NameAnswer{}; });
    Asker asker;
    service.ask("a", 0, asker);
    std::fputs(asker.wait().c_str(), stderr);
    _exit(0);
  };
  EXPECT_EXIT(ask(), ::testing::ExitedWithCode(0),
              "^no thread to look the name up: Resource temporarily unavailable$");
}

TEST(NameServiceDeathTest, WithoutAnotherThreadANameWaitsForTheOneThatIsThere) {
  const auto ask = [] {
    Gate gate;
    NameService service([&gate](const std::string& host) { return gate.resolve(host); });
    Asker first, second;
    service.ask("a", 0, first);
    gate.wait_for_begun(1);
    refuse_call(SYS_clone3, ENOSYS);
    refuse_call(SYS_clone, EAGAIN);
    service.ask("b", 0, second);
    gate.open("b");
    gate.open("a");
    std::fputs((first.wait() + ' ' + second.wait()).c_str(), stderr);
    _exit(0);
  };
  EXPECT_EXIT(ask(), ::testing::ExitedWithCode(0), "^10.0.0.1 10.0.0.2$");
}

TEST(NameServiceSystemTest, TellsANameWithAddressesFromOneWithout) {
  const NameAnswer local = NameService::resolve_by_system("localhost");
  EXPECT_EQ(local.kind, NameAnswer::Kind::found);
  EXPECT_FALSE(local.addresses.empty());
  const NameAnswer none = NameService::resolve_by_system("no name at all");
  EXPECT_NE(none.kind, NameAnswer::Kind::found);
  EXPECT_FALSE(none.error.empty());
}

}  // namespace
}  // namespace zerogate::testing
