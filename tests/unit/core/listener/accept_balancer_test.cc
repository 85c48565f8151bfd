#include "core/listener/accept_balancer.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <vector>

#include "core/listener/listen_socket.h"
#include "tests/unit/core/base/beside.h"

namespace zerogate::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;

class AcceptBalancerTest : public ::testing::Test {
 protected:
  static std::vector<int> fds_of(const std::vector<ListenSocket>& sockets) {
    std::vector<int> fds;
    for (const ListenSocket& socket : sockets) {
      fds.push_back(socket.fd());
    }
    return fds;
  }
  void connect(int times) {
    for (int i = 0; i < times; ++i) {
      sockaddr_in where{};
      where.sin_family = AF_INET;
      where.sin_port = htons(sockets_.front().bound().port);
      where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
      ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
      clients_.push_back(std::move(fd));
    }
  }
  /// How many each socket got.
  std::vector<int> accept_all() {
    std::vector<int> accepted;
    for (const ListenSocket& socket : sockets_) {
      accepted.push_back(0);
      while (UniqueFd(::accept(socket.fd(), nullptr, nullptr))) {
        ++accepted.back();
      }
    }
    return accepted;
  }

  void open_inbox(size_t index, uint64_t most) {
    balancer_.open_inbox(index, most, [this, index] { woken_ = index; });
  }
  /// Who gets a connection that `index` has accepted.
  std::optional<size_t> taker(size_t index) {
    UniqueFd connection(::socket(AF_INET, SOCK_STREAM, 0));
    if (!balancer_.place(index, connection)) {
      return std::nullopt;
    }
    return connection ? index : woken_;
  }
  void pause() { now_ += std::chrono::seconds(1); }
  /// Of a socket that had none: they have come one by one.
  void tell_slowly(size_t index, uint64_t connections) {
    for (uint64_t i = 1; i <= connections; ++i) {
      pause();
      EXPECT_TRUE(balancer_.update(index, i));
    }
  }

  std::vector<ListenSocket> sockets_ = ListenSocket::open_group({"127.0.0.1", 0, ""}, 3).value();
  std::vector<UniqueFd> clients_;
  std::optional<size_t> woken_;  ///< whose inbox got something last
  AcceptBalancer::Clock::time_point now_ = AcceptBalancer::Clock::now();
  AcceptBalancer balancer_{fds_of(sockets_), [this] { return now_; }};
};

TEST_F(AcceptBalancerTest, TheOneWithTheFewestGetsTheNext) {
  tell_slowly(0, 3);
  tell_slowly(1, 1);
  tell_slowly(2, 3);
  connect(4);
  EXPECT_THAT(accept_all(), ElementsAre(0, 4, 0)) << "nobody has told of the new ones yet";
  balancer_.update(1, 5);
  pause();
  balancer_.update(2, 1);
  connect(4);
  EXPECT_THAT(accept_all(), ElementsAre(0, 0, 4));
}

TEST_F(AcceptBalancerTest, EquallyLowOnesShare) {
  tell_slowly(1, 2);
  connect(64);
  const std::vector<int> accepted = accept_all();
  EXPECT_EQ(accepted[1], 0);
  EXPECT_GE(accepted[0], 8);
  EXPECT_GE(accepted[2], 8);
}

TEST_F(AcceptBalancerTest, WhenAllHaveTheSameEachGetsItsThird) {
  tell_slowly(0, 1);
  pause();
  balancer_.update(0, 0);
  connect(300);
  EXPECT_THAT(accept_all(), Each(Ge(60)));
}

// Or a burst, which comes before anybody can tell of its first connection, would all go to one.
TEST_F(AcceptBalancerTest, OneLessOnlyWeighs) {
  tell_slowly(0, 1);
  tell_slowly(2, 1);
  connect(400);
  const std::vector<int> accepted = accept_all();
  EXPECT_GT(accepted[1], accepted[0]);
  EXPECT_GT(accepted[1], accepted[2]);
  EXPECT_THAT(accepted, Each(Ge(1)));
}

// The workers tell of the first connections of a burst, and do not get to run before it is over.
TEST_F(AcceptBalancerTest, ABurstIsSharedThoughItBeginsUnevenly) {
  for (const auto come_within :
       {std::chrono::microseconds(90), std::chrono::microseconds(900'000)}) {
    now_ += come_within;
    EXPECT_FALSE(balancer_.update(0, 3)) << "it is to be told again: calm comes back";
    connect(200);
    EXPECT_THAT(accept_all(), Each(Ge(12))) << come_within.count();
    balancer_.update(0, 0);
    pause();
    EXPECT_TRUE(balancer_.update(0, 0));
  }
}

TEST_F(AcceptBalancerTest, AfterABurstTheEmptiestAreFilledUp) {
  now_ += std::chrono::microseconds(500);
  uint64_t told = 1;
  for (; !balancer_.update(0, 30); ++told) {
    ASSERT_LT(told, 20u) << "each is a wake-up";
    now_ += std::chrono::milliseconds(1);
  }
  connect(8);
  EXPECT_EQ(accept_all().front(), 0);
}

TEST_F(AcceptBalancerTest, WhatWaitsToBeAcceptedCounts) {
  tell_slowly(0, 3);
  tell_slowly(1, 3);
  connect(5);  // wait at 2
  pause();
  balancer_.update(1, 3);
  pause();
  balancer_.update(1, 3);
  connect(8);
  const std::vector<int> accepted = accept_all();
  EXPECT_EQ(accepted[2], 5);
  EXPECT_EQ(accepted[0] + accepted[1], 8);
}

TEST_F(AcceptBalancerTest, AFullOneGetsNoneUnlessAllAreFull) {
  balancer_.update(0, AcceptBalancer::kFull);
  balancer_.update(1, 700);
  balancer_.update(2, AcceptBalancer::kFull);
  connect(3);
  EXPECT_THAT(accept_all(), ElementsAre(0, 3, 0));
  balancer_.update(1, AcceptBalancer::kFull);
  connect(64);
  EXPECT_THAT(accept_all(), Each(Ge(1)));
}

TEST_F(AcceptBalancerTest, OfManyOneMoreOrLessDoesNotMatter) {
  for (size_t i = 0; i < 3; ++i) {
    balancer_.update(i, 1'000 + i);
  }
  connect(64);
  EXPECT_THAT(accept_all(), Each(Ge(1)));
}

TEST_F(AcceptBalancerTest, WhoHasMoreThanAnotherPassesOn) {
  balancer_.update(0, 1);
  EXPECT_EQ(taker(0), 0u) << "nobody has an inbox";
  balancer_.update(0, 1);
  open_inbox(1, 100);
  EXPECT_EQ(taker(1), 1u);
  EXPECT_FALSE(woken_);
  balancer_.update(1, 0);
  UniqueFd connection(::socket(AF_INET, SOCK_STREAM, 0));
  const int fd = connection.get();
  ASSERT_TRUE(balancer_.place(0, connection));
  EXPECT_FALSE(connection);
  EXPECT_EQ(woken_, 1u);
  EXPECT_EQ(taker(0), 0u) << "what waits in an inbox counts";
  const UniqueFd taken = balancer_.take(1);
  EXPECT_EQ(taken.get(), fd);
  EXPECT_FALSE(balancer_.take(1));
}

// A worker adopts them one by one. Would it seem to have none meanwhile, all others passed on
// theirs.
TEST_F(AcceptBalancerTest, WhatWasTakenStaysCounted) {
  open_inbox(1, 100);
  balancer_.update(0, 2);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(taker(0), 1u);
  }
  EXPECT_EQ(taker(0), 0u);
  balancer_.update(0, 2);
  const UniqueFd first = balancer_.take(1);
  EXPECT_EQ(taker(0), 0u) << "one is taken, one waits";
  balancer_.update(0, 2);
  balancer_.update(1, 1);
  const UniqueFd second = balancer_.take(1);
  EXPECT_EQ(taker(0), 0u) << "one has told, one is taken";
}

TEST_F(AcceptBalancerTest, AClosedInboxTakesNothing) {
  open_inbox(1, 100);
  balancer_.update(0, 5);
  ASSERT_EQ(taker(0), 1u);
  EXPECT_EQ(balancer_.close_inbox(1).size(), 1u);
  EXPECT_EQ(taker(0), 0u);
}

TEST_F(AcceptBalancerTest, NoWorkerGetsMoreThanItMayHaveHoweverLateItTells) {
  for (size_t i = 0; i < 3; ++i) {
    open_inbox(i, 2);
  }
  balancer_.update(0, AcceptBalancer::kFull);
  for (int i = 0; i < 4; ++i) {
    const auto to = taker(0);
    ASSERT_TRUE(to);
    EXPECT_NE(*to, 0u);
  }
  EXPECT_EQ(taker(0), std::nullopt);
  EXPECT_EQ(taker(1), std::nullopt) << "its own newcomers count alike";
  const UniqueFd first = balancer_.take(1);
  balancer_.update(1, 1);
  EXPECT_EQ(taker(0), std::nullopt) << "one is there, one waits";
  const UniqueFd second = balancer_.take(1);
  balancer_.update(1, 1);  // one of the two has left
  EXPECT_EQ(taker(0), 1u);
  EXPECT_EQ(taker(0), std::nullopt);
}

TEST_F(AcceptBalancerTest, APlaceIsGivenAwayOnce) {
  open_inbox(0, 1);
  open_inbox(1, 1);
  balancer_.update(0, 1);
  ASSERT_EQ(taker(1), 1u);
  EXPECT_EQ(taker(0), std::nullopt) << "it was its own";
  balancer_.update(1, 0);  // whose peer had gone
  EXPECT_EQ(taker(0), 1u);
  EXPECT_EQ(taker(1), std::nullopt) << "another has passed one on";
}

TEST_F(AcceptBalancerTest, AnotherSocketOfTheSamePortIsNotShared) {
  const auto second = ListenSocket::open_group(sockets_.front().bound(), 2);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), ::testing::HasSubstr("in use"));
}

TEST(AcceptMember, OfASocketThatStandsAloneTellsNobody) {
  const auto sockets = ListenSocket::open_group({"127.0.0.1", 0, ""}, 1);
  ASSERT_TRUE(sockets);
  ASSERT_EQ(sockets.value().size(), 1u);
  EXPECT_EQ(sockets.value().front().member().balancer, nullptr);
  EXPECT_TRUE(sockets.value().front().member().tell(1)) << "there is nothing to tell again";
}

TEST(AcceptBalancerOfOneSocket, TheInboxesKeepTheBalance) {
  AcceptBalancer balancer(2);
  balancer.open_inbox(0, 100, [] {});
  balancer.open_inbox(1, 100, [] {});
  EXPECT_TRUE(balancer.update(0, 3)) << "there is no filter that could come too late";
  for (uint64_t i = 1; i <= 3; ++i) {
    UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_TRUE(balancer.place(0, connection));
    EXPECT_FALSE(connection);
  }
  UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_TRUE(balancer.place(0, connection));
  EXPECT_TRUE(connection);
}

// Choices change faster than the kernel may be told of them. The last one must reach it all the
// same: nothing else would change it once the storm is over.
TEST_F(AcceptBalancerTest, ChoiceThatCameTooFastIsMadeLater) {
  bool told = true;
  for (uint64_t i = 0; told; ++i) {
    ASSERT_LT(i, 1'000u) << "it is never too fast";
    told = balancer_.update(0, i % 2 == 0 ? AcceptBalancer::kFull : 0);
    if (!told && i % 2 != 0) {  // go on until it is the choice "not the first" that was put off
      now_ += std::chrono::milliseconds(1);
      told = true;
    }
  }
  while (!balancer_.update(0, AcceptBalancer::kFull)) {
    now_ += std::chrono::milliseconds(1);
  }
  connect(8);
  EXPECT_EQ(accept_all().front(), 0);
}

TEST_F(AcceptBalancerTest, WorkersTellAndAskAtTheSameTime) {
  const auto place = [this] {
    UniqueFd connection(::socket(AF_INET, SOCK_STREAM, 0));
    balancer_.place(0, connection);
  };
  const std::vector<std::function<void()>> all = {
      [this] { balancer_.update(0, 3); }, [this] { balancer_.open_inbox(0, 9, [] {}); }, place,
      [this] { balancer_.take(0); },      [this] { balancer_.close_inbox(0); },
  };
  uint64_t connections = 30;
  open_inbox(0, 20);
  balancer_.update(1, connections);
  for (size_t i = 0; i < all.size(); ++i) {  // for take()
    UniqueFd connection(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_TRUE(balancer_.place(1, connection));
    ASSERT_FALSE(connection) << "it was passed on";
  }
  for (const auto& work : all) {
    beside(work, [&] { balancer_.update(1, ++connections); });
  }
}

}  // namespace
}  // namespace zerogate::testing
