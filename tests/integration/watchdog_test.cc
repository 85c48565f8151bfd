#include "gateway/runtime/watchdog.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "core/log/log.h"
#include "core/metrics/function_labels.h"
#include "tests/unit/core/base/beside.h"

namespace zerogate {
namespace {

constexpr uint64_t kIntervalMs = 60;

/// The socket of a service manager, at an abstract address that the kernel has picked.
class Manager {
 public:
  Manager() : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    bind(socket_.get(), any, sizeof(sa_family_t));
    socklen_t size = sizeof address;
    getsockname(socket_.get(), any, &size);
    name_ = "@" + std::string(address.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
  }

  Environment environment() const {
    return Environment(
        {{"NOTIFY_SOCKET", name_}, {"WATCHDOG_USEC", std::to_string(kIntervalMs * 1'000)}});
  }

  std::string received() {
    char text[1024];
    const ssize_t size = recv(socket_.get(), text, sizeof text, 0);
    return std::string(text, static_cast<size_t>(std::max<ssize_t>(size, 0)));
  }

 private:
  UniqueFd socket_;
  std::string name_;
};

class WatchdogTest : public ::testing::Test {
 protected:
  WatchdogTest() {
    log::set_level(log::Level::off);
    uv_loop_init(&loop_);
    WorkerOptions options;
    options.routing.handlers = {"hello_world"};
    for (int i = 0; i < 2; ++i) {
      workers_.push_back(std::make_unique<Worker>(options, labels_));
    }
  }
  ~WatchdogTest() override {
    watchdog_.reset();
    for (const auto& worker : workers_) {
      worker->stop();
    }
    workers_.clear();
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }

  void watch() { watchdog_ = std::make_unique<Watchdog>(&loop_, sender_, workers_); }

  /// Runs the main loop until the watchdog has looked `times` times.
  void run(int times) {
    for (int i = 0; i < times; ++i) {
      uv_run(&loop_, UV_RUN_ONCE);
    }
  }

  uv_loop_t loop_;
  FunctionLabels labels_{{}};
  std::vector<std::unique_ptr<Worker>> workers_;
  Manager manager_;
  SystemdNotifier sender_{manager_.environment()};
  std::unique_ptr<Watchdog> watchdog_;
};

TEST_F(WatchdogTest, IsFedWhileEveryLoopComesRound) {
  for (const auto& worker : workers_) {
    worker->start([] {});
  }
  watch();
  std::string received;
  while (received.empty()) {  // the test's time limit ends it
    run(1);
    received = manager_.received();
  }
  EXPECT_EQ(received, "WATCHDOG=1");
}

TEST_F(WatchdogTest, IsNotFedWhileOneLoopDoesNot) {
  workers_[0]->start([] {});
  watch();  // nobody runs the second
  run(5);
  EXPECT_EQ(manager_.received(), "");
  workers_[1]->start([] {});
  while (manager_.received().empty()) {
    run(1);
  }
}

TEST_F(WatchdogTest, NeedsNoAnswerOfAWorkerThatHasEnded) {
  for (const auto& worker : workers_) {
    worker->start([] {});
  }
  workers_[1]->drain();
  watch();
  for (int fed = 0; fed < 3;) {
    run(1);
    if (!manager_.received().empty()) {
      ++fed;
    }
  }
}

TEST_F(WatchdogTest, AProbeSeesALoopThatDoesNotComeRound) {
  workers_[0]->start([] {});
  LivenessCheck check(workers_, std::chrono::seconds(0));
  EXPECT_TRUE(check.alive());  // asked for the first time, nobody is late
  while (check.alive()) {      // nobody runs the second worker
  }
  LivenessCheck patient(workers_, std::chrono::hours(1));
  EXPECT_TRUE(patient.alive());
  EXPECT_TRUE(patient.alive());
  workers_[1]->start([] {});
  while (!check.alive()) {  // the test's time limit ends it
  }
}

TEST_F(WatchdogTest, TwoProbesAtOnce) {
  LivenessCheck check(workers_, std::chrono::hours(1));
  const auto probe = [&check] { EXPECT_TRUE(check.alive()); };
  testing::beside(probe, probe);
}

}  // namespace
}  // namespace zerogate
