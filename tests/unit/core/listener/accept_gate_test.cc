#include "core/listener/accept_gate.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <vector>

#include "core/listener/listen_socket.h"

namespace zerogate {
namespace {

/// How long a connection through a closed gate is watched. On loopback an open one is complete when
/// connect() returns.
constexpr int kWatchMs = 100;
/// The kernel asks again 1, 3 and 7 seconds after the first SYN.
constexpr int kDeadlineMs = 20'000;

class AcceptGateTest : public ::testing::Test {
 protected:
  UniqueFd connect() {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(socket_.bound().port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    const int result = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where);
    EXPECT_TRUE(result == 0 || errno == EINPROGRESS);
    return fd;
  }
  static bool connected(const UniqueFd& fd, int timeout_ms) {
    pollfd entry{fd.get(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    return poll(&entry, 1, timeout_ms) == 1 &&
           getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  UniqueFd accept() const { return UniqueFd(::accept(socket_.fd(), nullptr, nullptr)); }

  ListenSocket socket_ = ListenSocket::open({"127.0.0.1", 0, ""}, false).value();
  AcceptGate gate_{socket_.fd()};
};

TEST_F(AcceptGateTest, IsOpenAtFirst) {
  EXPECT_FALSE(gate_.closed());
  EXPECT_TRUE(connected(connect(), kDeadlineMs));
}

TEST_F(AcceptGateTest, HoldsNewcomersBackUntilItOpens) {
  gate_.close();
  EXPECT_TRUE(gate_.closed());
  const UniqueFd fd = connect();
  EXPECT_FALSE(connected(fd, kWatchMs));
  EXPECT_FALSE(accept()) << "nor is there anything to accept";
  gate_.open();
  EXPECT_FALSE(gate_.closed());
  EXPECT_TRUE(connected(fd, kDeadlineMs)) << "it was held back, not refused";
  EXPECT_TRUE(accept());
}

TEST_F(AcceptGateTest, LeavesAcceptedConnectionsAlone) {
  const UniqueFd client = connect();
  ASSERT_TRUE(connected(client, kDeadlineMs));
  const UniqueFd server = accept();
  ASSERT_TRUE(server);
  gate_.close();
  char received = 0;
  for (const auto& [from, to] :
       {std::pair(client.get(), server.get()), std::pair(server.get(), client.get())}) {
    ASSERT_EQ(send(from, "x", 1, 0), 1);
    pollfd entry{to, POLLIN, 0};
    ASSERT_EQ(poll(&entry, 1, kDeadlineMs), 1);
    EXPECT_EQ(recv(to, &received, 1, 0), 1);
    EXPECT_EQ(received, 'x');
  }
}

// libzmq has a duplicate of the socket; the filter belongs to the socket itself.
TEST_F(AcceptGateTest, WorksThroughAnyDuplicate) {
  const UniqueFd duplicate(socket_.duplicate());
  AcceptGate gate(duplicate.get());
  gate.close();
  const UniqueFd fd = connect();
  EXPECT_FALSE(connected(fd, kWatchMs));
}

TEST_F(AcceptGateTest, OpensAndClosesAgain) {
  gate_.close();
  gate_.open();
  EXPECT_TRUE(connected(connect(), kDeadlineMs));
  gate_.close();
  EXPECT_FALSE(connected(connect(), kWatchMs));
}

TEST_F(AcceptGateTest, WithoutASocketItStaysOpen) {
  AcceptGate gate(-1);
  gate.close();
  EXPECT_FALSE(gate.closed()) << "it must not say that it holds anybody back";
}

}  // namespace
}  // namespace zerogate
