// TLS streams over real sockets of this process, turn by turn: nothing here waits.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <vector>

#include "core/io/event_loop.h"
#include "core/io/tcp_stream.h"
#include "core/io/tls_layer.h"
#include "tests/unit/core/security/authority.h"
#include "tests/unit/core/security/tls_ends.h"

namespace zerogate {
namespace {

struct CountingTlsObserver final : TlsObserver {
  void on_handshake(TlsResult result, uint64_t) override { results.push_back(result); }
  void on_end() override { ++ended; }
  std::vector<TlsResult> results;
  int ended = 0;
};

struct TlsOwner final : TcpStream::Owner {
  void on_connected() override { connected = true; }
  void on_bytes(ByteView bytes) override {
    if (refuses) {
      stream->stop_reading();
      stream->keep(bytes, 0);
      return;
    }
    got += bytes;
  }
  void on_writable() override { (void)stream->flush(); }
  void on_closed(int error) override { errors.push_back(error); }

  std::unique_ptr<TcpStream> stream;
  std::string got;
  std::vector<int> errors;
  bool connected = false;
  bool refuses = false;  ///< takes nothing, as a session does while its peer does not read
};

class TlsStreamTest : public ::testing::Test {
 protected:
  void SetUp() override { join(authority_.material({}), authority_.material({})); }
  void TearDown() override {
    for (TlsOwner* end : {&server_, &client_}) {
      if (end->stream != nullptr) {
        end->stream->close();
        end->stream.reset();
      }
    }
  }

  /// Two streams, the ends of one connection, begin their handshake.
  void join(const TlsMaterial& server, const TlsMaterial& client) {
    TearDown();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    begin(server_, TlsSide::listener, server, ends[0]);
    begin(client_, TlsSide::backend, client, ends[1]);
  }
  void begin(TlsOwner& owner, TlsSide side, const TlsMaterial& material, int fd) {
    owner.stream = std::make_unique<TcpStream>(loop_.uv(), owner, read_buffer_.data(), &totals_);
    owner.stream->secure({make_context(side, material), tls_, observer_});
    ASSERT_TRUE(owner.stream->adopt(UniqueFd(fd)));
    ASSERT_EQ(owner.stream->start_reading(), 0);
  }
  template <class Done>
  bool turn_until(Done done) {
    for (int turns = 0; turns < 2'000 && !done(); ++turns) {
      loop_.run_turn();
    }
    return done();
  }
  bool both_connected() { return server_.connected && client_.connected; }

  const Authority authority_;
  EventLoop loop_;
  TlsLoop tls_{loop_.uv()};
  CountingTlsObserver observer_;
  std::string read_buffer_ = std::string(FrameReader::kSharedBytes, '\0');
  TcpStream::Totals totals_;
  TlsOwner server_;
  TlsOwner client_;
};

TEST_F(TlsStreamTest, CarriesBytesBothWays) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  EXPECT_EQ(observer_.results, (std::vector{TlsResult::ok, TlsResult::ok}));
  EXPECT_EQ(tls_.unfinished(), 0u);
  client_.stream->out().append("question");
  EXPECT_EQ(client_.stream->flush(), 0);
  EXPECT_EQ(client_.stream->writer().gathered(), 0u);
  EXPECT_TRUE(turn_until([&] { return server_.got == "question"; }));
  server_.stream->out().append("answer");
  EXPECT_EQ(server_.stream->flush(), 0);
  EXPECT_TRUE(turn_until([&] { return client_.got == "answer"; }));
}

// A turn has one write, whatever else is read in it.
TEST_F(TlsStreamTest, WhatIsGatheredWaitsForItsFlush) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  server_.stream->out().append("answer");
  client_.stream->out().append("question");
  EXPECT_EQ(client_.stream->flush(), 0);
  EXPECT_TRUE(turn_until([&] { return server_.got == "question"; }));
  EXPECT_EQ(server_.stream->writer().gathered(), 6u);
  EXPECT_EQ(server_.stream->flush(), 0);
  EXPECT_TRUE(turn_until([&] { return client_.got == "answer"; }));
}

TEST_F(TlsStreamTest, ReadsWhatHasArrivedAtOnceThoughItIsNoTurn) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  constexpr size_t kMany = FrameReader::kSharedBytes * 3 / 2;
  for (const size_t most : {size_t{1}, 2 * kMany}) {
    client_.stream->out().append(std::string(kMany, 'x'));
    EXPECT_EQ(client_.stream->flush(), 0);
    ASSERT_FALSE(client_.stream->writer().waiting());
    server_.got.clear();
    server_.stream->read_now(most);
    if (most == 1) {
      EXPECT_GT(server_.got.size(), 0u);
      EXPECT_LE(server_.got.size(), FrameReader::kSharedBytes) << "one read";
      server_.stream->read_now(2 * kMany);
    }
    EXPECT_EQ(server_.got.size(), kMany);
  }
}

TEST_F(TlsStreamTest, BytesBeforeTheHandshakeWaitForIt) {
  client_.stream->out().append("early");
  EXPECT_EQ(client_.stream->flush(), 0);
  EXPECT_EQ(client_.stream->writer().gathered(), 5u);
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  EXPECT_EQ(client_.stream->flush(), 0);
  EXPECT_TRUE(turn_until([&] { return server_.got == "early"; }));
}

TEST_F(TlsStreamTest, MoreThanTheKernelTakesArrivesWhole) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  std::string sent;
  for (int i = 0; i < 3'000'000; ++i) {
    sent += static_cast<char>(i * 7 + i / 251);
  }
  client_.stream->out().append(sent);
  EXPECT_EQ(client_.stream->flush(), 0);
  EXPECT_TRUE(client_.stream->writer().waiting());
  EXPECT_TRUE(turn_until([&] { return server_.got.size() == sent.size(); }));
  EXPECT_EQ(server_.got, sent);
}

// Memory that had grown twofold would have replies that fit end clients that do read.
TEST_F(TlsStreamTest, WhatWaitsForThePeerTakesItsOwnSize) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  for (const size_t size : {600'000, 3'000'000, 4'500'000}) {
    server_.got.clear();
    client_.stream->out().append(std::string(size, 'x'));
    EXPECT_EQ(client_.stream->flush(), 0);
    ASSERT_TRUE(client_.stream->writer().waiting());
    EXPECT_LE(TlsSession::most_sealed(size), size + size / 100);
    EXPECT_LE(client_.stream->writer().held(), TlsSession::most_sealed(size));
    EXPECT_TRUE(turn_until([&] { return server_.got.size() == size; }));
  }
}

TEST_F(TlsStreamTest, AShortRestDoesNotHoldTheMemoryThatOthersUse) {
  constexpr size_t kPiece = 1'000;
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  tls_.spare().make_room(200 << 10);
  while (!client_.stream->writer().waiting()) {
    client_.stream->out().append(std::string(kPiece, 'x'));
    ASSERT_EQ(client_.stream->flush(), 0);
  }
  EXPECT_LE(client_.stream->writer().held(), 2 * kPiece);
  EXPECT_GE(tls_.spare().capacity(), size_t{200} << 10);
}

TEST_F(TlsStreamTest, BytesThatWereReadBeforeAPauseComeAfterIt) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  server_.refuses = true;
  const std::string sent(50'000, 'x');  // four records, in one read
  client_.stream->out().append(sent);
  EXPECT_EQ(client_.stream->flush(), 0);
  EXPECT_TRUE(turn_until([&] { return !server_.stream->reader().empty(); }));
  server_.refuses = false;
  server_.got = server_.stream->release_kept().view();
  EXPECT_EQ(server_.stream->start_reading(), 0);
  EXPECT_TRUE(turn_until([&] { return server_.got.size() == sent.size(); }));
}

TEST_F(TlsStreamTest, TheEndOfTheStreamArrives) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  client_.stream->end_writing();
  EXPECT_TRUE(turn_until([&] { return !server_.errors.empty(); }));
  EXPECT_EQ(server_.errors, std::vector<int>{UV_EOF});
  server_.stream->out().append("late answer");
  EXPECT_EQ(server_.stream->flush(), 0);
  EXPECT_TRUE(turn_until([&] { return client_.got == "late answer"; }));
}

// The end came with the last bytes, and a session that had calls of its peer to take ended.
TEST_F(TlsStreamTest, TheEndWaitsUntilItsOwnerReads) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  server_.refuses = true;
  client_.stream->out().append("question");
  EXPECT_EQ(client_.stream->flush(), 0);
  client_.stream->say_end();  // in the same read, and the connection stays open
  EXPECT_TRUE(turn_until([&] { return !server_.stream->reader().empty(); }));
  for (int turns = 0; turns < 5; ++turns) {
    loop_.run_turn();
  }
  EXPECT_TRUE(server_.errors.empty());
  server_.refuses = false;
  server_.got = server_.stream->release_kept().view();
  EXPECT_EQ(server_.stream->start_reading(), 0);
  EXPECT_TRUE(turn_until([&] { return !server_.errors.empty(); }));
  EXPECT_EQ(server_.errors, std::vector<int>{UV_EOF});
  EXPECT_EQ(server_.got, "question");
}

TEST_F(TlsStreamTest, WhatIsSaidAtTheEndIsWrittenOnce) {
  ASSERT_TRUE(turn_until([&] { return both_connected(); }));
  const uint64_t before = server_.stream->written();
  server_.stream->say_end();
  const uint64_t after = server_.stream->written();
  EXPECT_GT(after, before);
  server_.stream->end_writing();
  EXPECT_EQ(server_.stream->written(), after);  // no second time
  EXPECT_TRUE(turn_until([&] { return !client_.errors.empty(); }));
  EXPECT_EQ(client_.errors, std::vector<int>{UV_EOF});
}

TEST_F(TlsStreamTest, ARefusedPeerIsNamedAndHearsOfIt) {
  const TlsMaterial strict = authority_.material({}, TlsAllow({"spiffe://prod/gateway"}));
  join(strict, authority_.material({.names = "URI:spiffe://prod/other"}));
  ASSERT_TRUE(turn_until([&] { return !server_.errors.empty() && !client_.errors.empty(); }));
  EXPECT_EQ(server_.errors, std::vector<int>{TcpStream::kTlsFailed});
  EXPECT_NE(server_.stream->why(TcpStream::kTlsFailed).find("spiffe://prod/other"),
            std::string::npos);
  EXPECT_EQ(client_.errors.size(), 1u);
  EXPECT_FALSE(server_.connected);
  EXPECT_EQ(tls_.unfinished(), 0u);
}

TEST_F(TlsStreamTest, APeerThatHasLeftBeforeItIsAnsweredEndsItsHandshake) {
  TearDown();
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  begin(server_, TlsSide::listener, authority_.material({}), ends[0]);
  tls_ends::End leaves(make_context(TlsSide::backend, authority_.material({})));
  leaves.session.shake_hands();
  const std::string hello = tls_ends::take_sealed(leaves.session);
  ASSERT_EQ(write(ends[1], hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
  close(ends[1]);
  ASSERT_TRUE(turn_until([&] { return !server_.errors.empty(); }));
  EXPECT_EQ(server_.errors.front(), UV_EPIPE) << "an owner closes it then";
  EXPECT_EQ(observer_.results, std::vector{TlsResult::protocol});
  EXPECT_EQ(tls_.unfinished(), 0u);
}

TEST_F(TlsStreamTest, ATurnDoesTwoHandshakesAndNotMore) {
  TearDown();
  constexpr size_t kPairs = 20;
  std::array<TlsOwner, kPairs> servers;
  std::array<TlsOwner, kPairs> clients;
  for (size_t i = 0; i < kPairs; ++i) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    begin(servers[i], TlsSide::listener, authority_.material({}), ends[0]);
    begin(clients[i], TlsSide::backend, authority_.material({}), ends[1]);
  }
  size_t done = 0;
  const auto all_done = [&] { return observer_.results.size() == 2 * kPairs; };
  for (int turns = 0; turns < 200 && !all_done(); ++turns) {
    loop_.run_turn();
    EXPECT_LE(observer_.results.size() - done, size_t{TlsLoop::kStepsPerTurn});
    done = observer_.results.size();
  }
  EXPECT_TRUE(all_done());
  for (size_t i = 0; i < kPairs; ++i) {
    EXPECT_TRUE(servers[i].connected && clients[i].connected) << i;
    servers[i].stream->close();
    clients[i].stream->close();
  }
  // A copy of each stays until its end: streams are destroyed before the loop.
  for (size_t i = 0; i < kPairs; ++i) {
    servers[i].stream.reset();
    clients[i].stream.reset();
  }
  EXPECT_EQ(observer_.ended, static_cast<int>(2 * kPairs));
}

}  // namespace
}  // namespace zerogate
