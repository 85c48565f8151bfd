// Newcomers of a port, or of a Unix socket, that two workers share: each may have as many
// connections as its share says.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <utility>

#include "tests/unit/core/listener/stream_fixture.h"

namespace zerogate::testing {
namespace {

/// Both workers run on one loop, so neither tells of its connections while the other accepts. The
/// parameter: a port, or a Unix socket.
class SharedPortTest : public StreamTest, public ::testing::WithParamInterface<const char*> {
 protected:
  static constexpr uint32_t kShare = 2;
  static constexpr size_t kLimit = 2 * kShare;

  SharedPortTest() {
    options_.max_connections = kShare;
    options_.sharers = 2;
    options_.states = std::make_shared<StateLog>();
    char name[] = "/tmp/zerogate-test-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~SharedPortTest() override {
    for (Worker& worker : workers_) {
      worker.listener.reset();
    }
    std::filesystem::remove_all(folder_);
  }

  void listen() {
    const bool is_unix = GetParam() == std::string_view("unix");
    const Address address =
        is_unix ? Address{"", 0, folder_ + "/socket"} : Address{"127.0.0.1", 0, ""};
    sockets_ = ListenSocket::open_group(address, 2).value();
    for (size_t i = 0; i < workers_.size(); ++i) {
      Worker& worker = workers_[i];
      worker.listener =
          std::make_unique<StreamListener>(loop_, timers_, lines_, worker.metrics, options_);
      ASSERT_TRUE(worker.listener->listen(sockets_[i]));
    }
  }
  void come(int times) {
    for (int i = 0; i < times; ++i) {
      sockaddr_storage to{};
      socklen_t size = sizeof to;
      auto* const generic = reinterpret_cast<sockaddr*>(&to);
      ASSERT_EQ(getsockname(sockets_.front().fd(), generic, &size), 0);
      UniqueFd fd(::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(::connect(fd.get(), generic, size), 0);
      ASSERT_EQ(::send(fd.get(), "a\n", 2, MSG_NOSIGNAL), 2);
      clients_.push_back(std::move(fd));
    }
  }
  /// Until nothing more happens by itself. No worker has more than its share at any time.
  void settle() {
    for (int i = 0; i < 40; ++i) {
      turn();
      for (const Worker& worker : workers_) {
        EXPECT_LE(worker.metrics.connections.value(), kShare);
      }
    }
  }
  /// All connections that are there.
  uint64_t connections() const {
    return workers_[0].metrics.connections.value() + workers_[1].metrics.connections.value();
  }
  uint64_t rejected_by_both() const {
    const size_t limit = index_of(Rejected::limit);
    return workers_[0].metrics.rejected[limit].value() +
           workers_[1].metrics.rejected[limit].value();
  }
  uint64_t accepted_by_both() const {
    return workers_[0].metrics.accepted.value() + workers_[1].metrics.accepted.value();
  }
  void end_those_who_were_served() {
    for (; taken_ < lines_.lines.size(); ++taken_) {
      const LineProtocol::Line& line = lines_.lines[taken_];
      for (Worker& worker : workers_) {
        StreamSession* session = worker.listener->find(line.caller);
        if (session != nullptr) {
          session->close();
        }
      }
    }
  }

  struct Worker {
    ListenerMetrics metrics;
    std::unique_ptr<StreamListener> listener;
  };
  std::string folder_;
  std::vector<ListenSocket> sockets_;
  std::array<Worker, 2> workers_;
  std::vector<UniqueFd> clients_;
};

// Its connections are the fewest then.
TEST_P(SharedPortTest, WhoHasPausedGetsNoNewcomersAlsoWhenItsConnectionsEnd) {
  listen();
  come(kLimit);
  settle();
  ASSERT_EQ(connections(), kLimit);
  workers_[0].listener->pause();
  end_those_who_were_served();
  settle();
  ASSERT_EQ(connections(), 0u);
  come(kShare);
  settle();
  EXPECT_EQ(workers_[1].metrics.connections.value(), kShare);
}

TEST_P(SharedPortTest, HoldsTheLimitInABurstAndServesAllInTheEnd) {
  std::vector<std::string> log_lines;
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&log_lines](std::string_view line) { log_lines.emplace_back(line); });
  options_.newcomers_wait = true;
  listen();
  come(20);
  settle();
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_EQ(connections(), kLimit);
  EXPECT_EQ(lines_.lines.size(), kLimit);
  ASSERT_FALSE(log_lines.empty());
  EXPECT_NE(log_lines.front().find("event=\"connection limit reached\" protocol=tcp limit=4"),
            std::string::npos)
      << log_lines.front();
  for (int rounds = 0; rounds < 40 && lines_.lines.size() < 20; ++rounds) {
    end_those_who_were_served();
    wait_ms(StreamListener::kHeldAgainMs);
    settle();
  }
  EXPECT_EQ(lines_.lines.size(), 20u);
}

// The worker with room does not tell the one that holds it back.
TEST_P(SharedPortTest, WhoIsHeldBackHereIsServedWhereRoomComesFirst) {
  options_.newcomers_wait = true;
  listen();
  come(static_cast<int>(kLimit));
  settle();
  ASSERT_EQ(connections(), kLimit);
  come(1);
  settle();
  const bool held_by_first = workers_[0].metrics.rejected[index_of(Rejected::limit)].value() != 0;
  Worker& other = workers_[held_by_first ? 1 : 0];
  for (int looks = 0; looks < 5; ++looks) {
    wait_ms(StreamListener::kHeldAgainMs);
    settle();
    EXPECT_EQ(lines_.lines.size(), kLimit) << "all are full";
    EXPECT_EQ(accepted_by_both(), kLimit);
  }
  bool ended = false;
  other.listener->for_each([&ended](StreamSession& session) {
    if (!std::exchange(ended, true)) {
      session.close();
    }
  });
  settle();
  EXPECT_EQ(lines_.lines.size(), kLimit);
  wait_ms(StreamListener::kHeldAgainMs);
  settle();
  EXPECT_EQ(lines_.lines.size(), kLimit + 1);
  EXPECT_EQ(other.metrics.accepted.value(), kShare + 1);
}

TEST_P(SharedPortTest, RefusesNobodyWhileAnyWorkerHasRoom) {
  listen();
  for (size_t there = 0; there <= kLimit; ++there) {
    come(1);
    settle();
    EXPECT_EQ(rejected_by_both(), there < kLimit ? 0u : 1u);
  }
  EXPECT_EQ(connections(), kLimit);
  end_those_who_were_served();
  settle();
  EXPECT_EQ(connections(), 0u);
  come(20);
  for (int i = 0; i < 40; ++i) {
    turn();
  }
  EXPECT_EQ(connections(), kLimit);
  EXPECT_EQ(rejected_by_both(), 1 + 20 - kLimit);
}

TEST_P(SharedPortTest, EachGetsAboutAsManyAsTheOther) {
  options_.max_connections = 100;
  listen();
  come(20);
  for (int i = 0; i < 40; ++i) {
    turn();
  }
  EXPECT_NEAR(static_cast<double>(workers_[0].metrics.connections.value()), 10, 1);
  EXPECT_EQ(connections(), 20u);
}

// Who has asked something waits for a part of the burst only.
TEST_P(SharedPortTest, ABurstIsAcceptedTurnByTurn) {
  constexpr uint64_t kInATurn = 2 * StreamListener::kAcceptedAtOnce;
  options_.max_connections = 1'000;
  listen();
  come(kInATurn + 10);
  turn();
  EXPECT_LE(accepted_by_both(), kInATurn);
  for (int i = 0; i < 40; ++i) {
    turn();
  }
  EXPECT_EQ(accepted_by_both(), kInATurn + 10);
  EXPECT_EQ(lines_.lines.size(), kInATurn + 10);
}

TEST_P(SharedPortTest, ADrainTakesAllWhoHaveBegun) {
  constexpr uint64_t kInATurn = 2 * StreamListener::kAcceptedAtOnce;
  options_.max_connections = 1'000;
  listen();
  come(kInATurn + 10);
  for (Worker& worker : workers_) {
    worker.listener->drain();
  }
  wait_ms(StreamListener::kAcceptGraceMs);
  EXPECT_FALSE(workers_[0].listener->accepts());
  EXPECT_EQ(accepted_by_both(), kInATurn + 10);
}

// Of a Unix socket's peer the kernel tells no reset.
TEST_P(SharedPortTest, WhoHasResetBeforeHeIsAcceptedIsNotServed) {
  listen();
  come(1);
  const linger at_once = {1, 0};
  setsockopt(clients_.back().get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  clients_.clear();
  settle();
  const bool is_unix = GetParam() == std::string_view("unix");
  EXPECT_EQ(lines_.lines.size(), is_unix ? 1u : 0u);
  EXPECT_EQ(connections(), lines_.lines.size());
  EXPECT_EQ(accepted_by_both(), 1u);
}

// The socket stays ready: the loop would turn for nothing.
TEST_P(SharedPortTest, RestsWhenThereIsNoDescriptorForANewcomer) {
  listen();
  come(1);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  turn();
  turn();
  wait_ms(StreamListener::kAcceptAgainMs);
  turn();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  const size_t reason = index_of(Rejected::descriptors);
  EXPECT_EQ(
      workers_[0].metrics.rejected[reason].value() + workers_[1].metrics.rejected[reason].value(),
      GetParam() == std::string_view("unix") ? 4u : 2u)
      << "counted each time, by each who tries";
  EXPECT_EQ(connections(), 0u);
  wait_ms(StreamListener::kAcceptAgainMs);
  settle();
  EXPECT_EQ(lines_.lines.size(), 1u);
}

TEST_P(SharedPortTest, WhoWasPassedOnToOneThatAcceptsNoMoreIsServed) {
  listen();
  come(1);
  UniqueFd connection;
  while (!connection) {
    connection.reset(accept(sockets_[0].fd(), nullptr, nullptr));
    if (!connection) {
      connection.reset(accept(sockets_[1].fd(), nullptr, nullptr));
    }
  }
  const AcceptMember& first = sockets_[0].member();
  first.balancer->update(0, 2);
  ASSERT_TRUE(first.balancer->place(0, connection));
  ASSERT_FALSE(connection);
  workers_[1].listener->stop_accepting();
  settle();
  EXPECT_EQ(lines_.lines.size(), 1u);
  EXPECT_EQ(workers_[1].metrics.connections.value(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Of, SharedPortTest, ::testing::Values("tcp", "unix"),
                         [](const auto& tried) { return std::string(tried.param); });

}  // namespace
}  // namespace zerogate::testing
