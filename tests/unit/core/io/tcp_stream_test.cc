// A stream over real sockets of this process, turn by turn: nothing here waits.
#include "core/io/tcp_stream.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

#include "core/io/event_loop.h"
#include "tests/unit/core/base/loopback.h"

namespace zerogate {
namespace {

struct RecordingOwner final : TcpStream::Owner {
  void on_connected() override { connected = true; }
  void on_bytes(ByteView bytes) override {
    reads.emplace_back(bytes);
    if (closes_at_bytes) {
      stream->close();
    } else if (keep_until > bytes.size()) {
      stream->keep(bytes, frame_size);
    }
  }
  void on_writable() override { ++writable; }
  void on_closed(int error) override { errors.push_back(error); }

  std::unique_ptr<TcpStream> stream;
  std::vector<std::string> reads;
  std::vector<int> errors;
  size_t keep_until = 0;  ///< fewer bytes are kept
  size_t frame_size = 0;
  int writable = 0;
  bool connected = false;
  bool closes_at_bytes = false;
};

class TcpStreamTest : public ::testing::Test {
 protected:
  TcpStreamTest() : read_buffer_(FrameReader::kSharedBytes, '\0') { make(owner_); }

  void make(RecordingOwner& owner) {
    owner.stream = std::make_unique<TcpStream>(loop_.uv(), owner, read_buffer_.data(), &totals_);
  }
  /// The stream has one end of a Unix connection, the test the other one.
  void adopt_unix() {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    peer_.reset(ends[0]);
    ASSERT_TRUE(owner_.stream->adopt(UniqueFd(ends[1])));
    ASSERT_EQ(owner_.stream->start_reading(), 0);
  }
  /// The same over TCP. Returns the peer's port.
  uint16_t adopt_tcp() {
    auto [accepted, connected] = testing::LoopbackPort().connect_both();
    peer_ = std::move(connected);
    EXPECT_TRUE(owner_.stream->adopt(std::move(accepted)));
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(peer_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  void send(ByteView bytes) {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    loop_.run_turn();
  }
  std::string receive() {
    std::string all(1 << 20, '\0');
    const ssize_t size = recv(peer_.get(), all.data(), all.size(), MSG_DONTWAIT);
    all.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return all;
  }

  EventLoop loop_;
  std::string read_buffer_;
  TcpStream::Totals totals_;
  RecordingOwner owner_;
  UniqueFd peer_;
};

/// Its kernel waits for no more bytes before it sends.
bool sends_at_once(int fd) {
  int on = 0;
  socklen_t size = sizeof on;
  return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && on != 0;
}

TEST_F(TcpStreamTest, ShortMessagesAreNotGatheredByTheKernel) {
  adopt_tcp();
  EXPECT_TRUE(sends_at_once(owner_.stream->fd()));
  const testing::LoopbackPort port;
  listen(port.fd(), 1);
  RecordingOwner dials;
  make(dials);
  ASSERT_EQ(dials.stream->connect(Address{"127.0.0.1", port.number(), ""}), 0);
  for (int turns = 0; turns < 100 && !dials.connected; ++turns) {
    loop_.run_turn();
  }
  ASSERT_TRUE(dials.connected);
  EXPECT_TRUE(sends_at_once(dials.stream->fd()));
  dials.stream->close();
}

TEST_F(TcpStreamTest, ReadsAndWritesOnAnAdoptedConnection) {
  adopt_unix();
  send("question");
  EXPECT_EQ(owner_.reads, std::vector<std::string>{"question"});
  owner_.stream->out().append("answer");
  EXPECT_EQ(receive(), "");
  EXPECT_EQ(owner_.stream->flush(), 0);
  EXPECT_EQ(receive(), "answer");
  EXPECT_EQ(totals_.received, 8u);
}

TEST_F(TcpStreamTest, WhatTheKernelHasTakenOfALongWriteIsWritten) {
  adopt_unix();
  const std::string text(4 << 20, 'x');
  owner_.stream->out().append(text);
  ASSERT_EQ(owner_.stream->flush(), 0);
  size_t received = 0;
  while (received < text.size()) {
    for (std::string more; !(more = receive()).empty();) {
      received += more.size();
    }
    ASSERT_EQ(owner_.stream->written(), received);
    ASSERT_EQ(owner_.stream->writer().waiting(), received < text.size() || owner_.writable == 0);
    loop_.run_turn();
  }
  loop_.run_turn();
  EXPECT_EQ(owner_.stream->written(), text.size());
  EXPECT_FALSE(owner_.stream->writer().waiting());
}

TEST_F(TcpStreamTest, BytesThatWereKeptComeAgainWithTheNext) {
  adopt_unix();
  owner_.keep_until = 6;
  send("abc");
  EXPECT_GT(totals_.kept, 0u);
  send("def");
  EXPECT_EQ(owner_.reads, (std::vector<std::string>{"abc", "abcdef"}));
  EXPECT_EQ(totals_.kept, 0u);
}

TEST_F(TcpStreamTest, ALongFrameIsCountedAsItGrows) {
  adopt_unix();
  owner_.frame_size = 4 * FrameReader::kSharedBytes;
  owner_.keep_until = owner_.frame_size;
  send("abc");
  const size_t begun = totals_.kept;
  send(std::string(2 * FrameReader::kSharedBytes, 'x'));
  EXPECT_GT(totals_.kept, begun + FrameReader::kSharedBytes);
  EXPECT_LE(totals_.kept, owner_.frame_size);
  owner_.stream->close();
  EXPECT_EQ(totals_.kept, 0u);
}

TEST_F(TcpStreamTest, ALongFrameClaimsItsMemoryOnceItsPeerHasShownThatItSends) {
  MemoryAccount memory(8 * FrameReader::kSharedBytes);
  owner_.stream->charge(memory, MemoryUse::requests);
  adopt_unix();
  owner_.frame_size = owner_.keep_until = 4 * FrameReader::kSharedBytes;
  send("head");
  send("more");
  EXPECT_EQ(totals_.unclaimed, 8u) << "it holds what has come";
  send(std::string(FrameReader::kSharedBytes - 9, 'x'));
  EXPECT_EQ(totals_.unclaimed, FrameReader::kSharedBytes - 1);
  EXPECT_EQ(memory.total(), 0u);
  send("x");
  EXPECT_EQ(memory.total(), owner_.frame_size);
  EXPECT_EQ(totals_.unclaimed, 0u);
  send(std::string(FrameReader::kSharedBytes, 'x'));
  send(std::string(FrameReader::kSharedBytes, 'x'));
  send(std::string(FrameReader::kSharedBytes, 'x'));
  EXPECT_EQ(owner_.reads.back().size(), owner_.frame_size);
  EXPECT_TRUE(owner_.reads.back().starts_with("headmorexx"));
  EXPECT_EQ(memory.total(), 0u);
  owner_.stream.reset();
}

TEST_F(TcpStreamTest, MayBeClosedWhileItTellsOfBytes) {
  adopt_unix();
  owner_.closes_at_bytes = true;
  send("last");
  loop_.run_turn();
  EXPECT_EQ(receive(), "");
  EXPECT_EQ(::send(peer_.get(), "x", 1, MSG_NOSIGNAL), -1) << "its end is closed";
  EXPECT_TRUE(owner_.errors.empty());
  owner_.stream.reset();
}

TEST_F(TcpStreamTest, AfterThePeersEndItCanStillWrite) {
  adopt_unix();
  shutdown(peer_.get(), SHUT_WR);
  loop_.run_turn();
  EXPECT_EQ(owner_.errors, std::vector<int>{UV_EOF});
  owner_.stream->out().append("answer");
  EXPECT_EQ(owner_.stream->flush(), 0);
  EXPECT_EQ(receive(), "answer");
}

TEST_F(TcpStreamTest, TellsWhenWhatWaitedIsWritten) {
  adopt_unix();
  const std::string large(4 << 20, 'x');
  owner_.stream->out().append(large);
  EXPECT_EQ(owner_.stream->flush(), 0);
  EXPECT_GT(owner_.stream->unread(), 0u);
  EXPECT_EQ(owner_.stream->writer().unsent(), owner_.stream->unread());
  size_t read = 0;
  for (size_t more = 1; more > 0; read += more) {
    more = receive().size();
    loop_.run_turn();
  }
  EXPECT_EQ(read, large.size());
  EXPECT_EQ(owner_.writable, 1);
  EXPECT_EQ(owner_.stream->written(), large.size());
}

TEST_F(TcpStreamTest, TheShortRestOfALongWriteHoldsLittle) {
  constexpr size_t kStep = 16 << 10;
  adopt_unix();
  for (size_t size = 4 * kStep; !owner_.stream->writer().waiting(); size += kStep) {
    receive();
    owner_.stream->out().append(std::string(size, 'x'));
    ASSERT_EQ(owner_.stream->flush(), 0);
  }
  const StreamWriter& writer = owner_.stream->writer();
  ASSERT_LE(writer.unsent(), 4 * kStep) << "the kernel takes most of it";
  EXPECT_EQ(writer.held(), writer.unsent());
}

TEST_F(TcpStreamTest, KnowsItsDescriptor) {
  adopt_tcp();
  EXPECT_GE(owner_.stream->fd(), 0);
  RecordingOwner other;
  make(other);
  EXPECT_EQ(other.stream->fd(), -1) << "not connected";
}

TEST_F(TcpStreamTest, SaysInWordsWhyAConnectionHasEnded) {
  EXPECT_EQ(TcpStream::reason(UV_EOF), "the connection was closed");
  EXPECT_EQ(TcpStream::reason(UV_ELOOP),
            "nobody listens there: the connection came back to itself");
  EXPECT_EQ(TcpStream::reason(UV_ECONNREFUSED), "connection refused");
}

TEST_F(TcpStreamTest, WhatIsNoAddressIsRefusedAtOnce) {
  EXPECT_EQ(owner_.stream->connect(Address{"localhost", 1, ""}), UV_EINVAL);
  EXPECT_EQ(owner_.stream->connect(Address{"", 0, '/' + std::string(107, 'x')}), UV_ENAMETOOLONG);
  EXPECT_EQ(owner_.stream->fd(), -1);
  EXPECT_EQ(owner_.stream->connect(Address{"", 0, '/' + std::string(106, 'x')}), 0);
  loop_.run_turn();
  EXPECT_EQ(owner_.errors, std::vector<int>{UV_ENOENT}) << "the longest path is tried";
}

// In a network of its own, which has one port for all who connect. Not every container lets a
// process have one.
TEST(TcpStreamDeathTest, AConnectionToItselfIsGivenBackAtOnce) {
  const auto connect = [](const char* host) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      std::fputs("no network of its own", stderr);
      _exit(0);
    }
    const UniqueFd control(socket(AF_INET, SOCK_DGRAM, 0));
    ifreq loopback{.ifr_ifrn = {.ifrn_name = "lo"}, .ifr_ifru = {.ifru_flags = IFF_UP}};
    if (ioctl(control.get(), SIOCSIFFLAGS, &loopback) != 0 ||
        !(std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40001 40001" << std::flush)) {
      std::fputs("no network of its own", stderr);
      _exit(0);
    }
    EventLoop loop;
    std::string buffer(FrameReader::kSharedBytes, '\0');
    RecordingOwner owner;
    for (int i = 0; i < 2; ++i) {
      owner.stream = std::make_unique<TcpStream>(loop.uv(), owner, buffer.data(), nullptr);
      if (owner.stream->connect(Address{host, 40'001, ""}) != 0) {
        std::fputs(i == 0 ? "no network of its own" : "its port is not free", stderr);
        _exit(0);
      }
      for (int turns = 0; turns < 100 && owner.errors.size() == static_cast<size_t>(i); ++turns) {
        loop.run_turn();
      }
      owner.stream.reset();
    }
    const bool came_back = owner.errors == std::vector<int>{UV_ELOOP, UV_ELOOP};
    std::fputs(came_back && !owner.connected ? "to itself" : "to another", stderr);
    _exit(0);
  };
  EXPECT_EXIT(connect("127.0.0.1"), ::testing::ExitedWithCode(0), "^(to itself|no network)");
  EXPECT_EXIT(connect("::1"), ::testing::ExitedWithCode(0), "^(to itself|no network)");
}

TEST_F(TcpStreamTest, DoesNotAdoptWhatIsNoSocket) {
  EXPECT_FALSE(owner_.stream->adopt(UniqueFd()));
}

}  // namespace
}  // namespace zerogate
