// The limits that the raw-TCP port keeps, over real sockets: who is made to wait, who is closed,
// and that nobody else is.
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/integration/tcp_fixture.h"

namespace zerogate::testing {
namespace {

constexpr size_t kMiB = 1 << 20;
/// With a receive buffer of this size the kernel takes at most its send buffer (4 MiB by default)
/// of what a peer does not read.
constexpr int kSmallBuffer = 64 << 10;
constexpr size_t kMoreThanTheKernelTakes = 12 * kMiB;

class TcpLimitsTest : public TcpTest {
 protected:
  /// A client that has asked for a large reply and reads none of it: part of it waits with us.
  RawClient& connect_slow_reader(size_t reply_bytes = kMoreThanTheKernelTakes) {
    fill_.body = value_of_size(reply_bytes);
    RawClient& client = connect(kSmallBuffer);
    const uint64_t before = ended(Outcome::ok);
    client.send_all(request("fill", 1));
    EXPECT_TRUE(run_until([&] { return ended(Outcome::ok) == before + 1; }));
    settle();
    return client;
  }
};

TEST_F(TcpLimitsTest, APeerThatDoesNotReadIsNotReadFromUntilItDoes) {
  constexpr uint32_t kRequests = 300;
  constexpr size_t kReply = 100'000;
  StreamOptions options;
  options.write_buffer = kMiB;
  listen_tcp(options);
  fill_.body = value_of_size(kReply);
  RawClient& client = connect(kSmallBuffer);
  for (uint32_t id = 0; id < kRequests; ++id) {
    client.send_all(request("fill", id));
  }
  ASSERT_TRUE(run_until([&] { return begun() > 0 && !tcp_->flushed(); }));
  settle();
  const uint64_t answered = begun();
  EXPECT_LT(answered, kRequests);
  // What was answered and not sent is at most the buffer and the reply that went over it.
  EXPECT_LE(answered * (kReply + wire::t3::kHeaderBytes),
            tcp().sent_bytes.value() + 4 * kMiB + options.write_buffer + 2 * kReply);
  RawClient& other = connect();
  expect_served(other);

  const std::vector<TcpReply> replies = receive(client, kRequests);
  for (uint32_t id = 0; id < kRequests; ++id) {
    ASSERT_EQ(replies[id].id, id);
    ASSERT_EQ(replies[id].body.size(), kReply);
  }
  EXPECT_EQ(rejected(Rejected::slow_reader), 0u);
  EXPECT_TRUE(run_until([&] { return tcp_->flushed(); }));
  EXPECT_EQ(tcp().sent_bytes.value() - (wire::t3::kHeaderBytes + 1),
            kRequests * (kReply + wire::t3::kHeaderBytes))
      << "each byte is counted once";
}

TEST_F(TcpLimitsTest, TheConnectionBehindTheLimitIsClosedAndCounted) {
  StreamOptions options;
  options.max_connections = 2;
  listen_tcp(options);
  RawClient& one = connect_and_accept();
  RawClient& two = connect_and_accept();
  RawClient& three = connect();
  ASSERT_TRUE(run_until_ended(three));
  EXPECT_EQ(rejected(Rejected::limit), 1u);
  EXPECT_EQ(connections(), 2u);
  expect_served(one);
  expect_served(two);
  one.reset();
  ASSERT_TRUE(run_until([&] { return connections() == 1; }));
  expect_served(connect());
  EXPECT_EQ(rejected(Rejected::limit), 1u);
}

// With none left at all it would wait, and the gateway could not reach Redis.
TEST_F(TcpLimitsTest, AConnectionThatTakesTheLastDescriptorsIsClosedAndCounted) {
  listen_tcp();
  RawClient& served = connect_and_accept();
  RawClient& client = connect();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const UniqueFd next_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit few_left = before;
  few_left.rlim_cur = static_cast<rlim_t>(next_free.get() + StreamListener::kSpareDescriptors);
  setrlimit(RLIMIT_NOFILE, &few_left);
  const auto closed = run_until_ended(client);
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(closed);
  EXPECT_EQ(rejected(Rejected::descriptors), 1u);
  EXPECT_EQ(connections(), 1u);
  expect_served(served);
  expect_served(connect());
}

TEST_F(TcpLimitsTest, AFrameThatIsNotFinishedInTimeEndsTheConnection) {
  StreamOptions options;
  options.stall_timeout_ms = 200;
  listen_tcp(options);
  RawClient& idle = connect_and_accept();
  RawClient& waiting = connect();
  waiting.send_all(request("hold", 1));
  RawClient& stalled = connect();
  const std::string frame = request("echo", 1, value_of_size(60'000));
  // It dribbles: each byte is a sign of life, and none of them puts its end off.
  size_t sent = 0;
  const uint64_t begin_ms = loop_.now_ms();
  ASSERT_TRUE(run_until([&] {
    ByteView next = ByteView(frame).substr(sent, 1);
    stalled.send(next);
    ++sent;
    stalled.receive();
    return stalled.ended();
  }));
  ASSERT_LT(sent, frame.size());
  EXPECT_GE(loop_.now_ms() - begin_ms, options.stall_timeout_ms);
  EXPECT_EQ(rejected(Rejected::stalled), 1u);
  ASSERT_TRUE(run_for_ms(2 * options.stall_timeout_ms));
  hold_.take().reply("\x01");
  EXPECT_EQ(receive(waiting, 1)[0].body, "\x01") << "who waits for an answer has not stalled";
  expect_served(idle);
  EXPECT_EQ(rejected(Rejected::stalled), 1u);
}

TEST_F(TcpLimitsTest, ALongFrameHasMoreTime) {
  StreamOptions options;
  options.stall_timeout_ms = 100;
  listen_tcp(options);
  RawClient& client = connect();
  const std::string frame =
      request("echo", 1, value_of_size(2 * StreamSession::kSlowestBytesPerSecond));
  ASSERT_TRUE(pump(client, ByteView(frame).substr(0, 1'000)));
  ASSERT_TRUE(run_for_ms(5 * options.stall_timeout_ms));
  ASSERT_TRUE(pump(client, ByteView(frame).substr(1'000)));
  EXPECT_EQ(receive(client, 1)[0].body.size(), 2 * StreamSession::kSlowestBytesPerSecond);
  EXPECT_EQ(rejected(Rejected::stalled), 0u);
}

TEST_F(TcpLimitsTest, APeerThatReadsNothingForTooLongIsClosed) {
  StreamOptions options;
  options.stall_timeout_ms = 200;
  listen_tcp(options);
  const uint64_t begin_ms = loop_.now_ms();
  RawClient& client = connect_slow_reader();
  ASSERT_TRUE(run_until([&] { return rejected(Rejected::slow_reader) == 1; }));
  EXPECT_GE(loop_.now_ms() - begin_ms, options.stall_timeout_ms);
  EXPECT_EQ(connections(), 0u);
  EXPECT_TRUE(tcp_->flushed());
  ASSERT_TRUE(run_until_ended(client));
}

TEST_F(TcpLimitsTest, APeerThatReadsSlowlyIsNot) {
  StreamOptions options;
  options.stall_timeout_ms = 600;
  listen_tcp(options);
  RawClient& client = connect_slow_reader(15 * kMiB);
  // About 6 MiB a second, in small bites: several time-outs pass before it has read all.
  const uint64_t begin_ms = loop_.now_ms();
  size_t read = 0;
  ASSERT_TRUE(run_until([&] {
    const size_t due = (loop_.now_ms() - begin_ms) * 6 * kMiB / 1'000;
    if (read < due) {
      const size_t before = client.received().size();
      client.receive(due - read);
      read += client.received().size() - before;
    }
    return client.ended() || read > 15 * kMiB;
  }));
  EXPECT_FALSE(client.ended());
  EXPECT_GE(loop_.now_ms() - begin_ms, 3 * options.stall_timeout_ms);
  EXPECT_EQ(client.take_replies().size(), 1u);
  EXPECT_EQ(rejected(Rejected::slow_reader), 0u);
}

TEST_F(TcpLimitsTest, WhenUnfinishedFramesTakeTooMuchMemoryTheOldestGoes) {
  StreamOptions options;
  options.max_message = kMiB;
  options.receive_memory = 3 * kMiB / 2;  // room for two such frames, and one more at most
  options.write_buffer = kMoreThanTheKernelTakes;
  listen_tcp(options);
  // It waits for longest, but holds nothing of the memory in question.
  RawClient& slow_reader = connect_slow_reader();
  const std::string frame = request("echo", 1, value_of_size(kMiB - 100));
  const size_t most = 800 << 10;
  RawClient* clients[3];
  for (RawClient*& client : clients) {
    ASSERT_TRUE(run_for_ms(3));  // so that their ages differ
    client = &connect();
    const uint64_t before = tcp().received_bytes.value();
    ASSERT_TRUE(pump(*client, ByteView(frame).substr(0, most)));
    ASSERT_TRUE(run_until([&] { return tcp().received_bytes.value() >= before + most; }));
  }
  ASSERT_TRUE(run_until([&] { return rejected(Rejected::receive_memory) > 0; }));
  settle();
  EXPECT_EQ(rejected(Rejected::receive_memory), 1u);
  ASSERT_TRUE(run_until_ended(*clients[0]));
  for (RawClient* client : {clients[1], clients[2]}) {
    ASSERT_TRUE(pump(*client, ByteView(frame).substr(most)));
    EXPECT_EQ(receive(*client, 1)[0].body.size(), kMiB - 100);
  }
  EXPECT_EQ(receive(slow_reader, 1)[0].body.size(), kMoreThanTheKernelTakes);
}

TEST_F(TcpLimitsTest, WhenUnreadRepliesTakeTooMuchMemoryTheOneThatWaitsLongestGoes) {
  StreamOptions options;
  options.max_message = kMiB;
  options.send_memory = 4 * kMoreThanTheKernelTakes;
  options.write_buffer = kMoreThanTheKernelTakes;
  listen_tcp(options);
  // Its frame is older than any reply, but it holds nothing of the memory in question.
  RawClient& sender = connect_and_accept();
  const std::string frame = request("echo", 1, "\x2a");
  ASSERT_TRUE(pump(sender, ByteView(frame).substr(0, 10)));
  std::vector<RawClient*> readers{&connect_slow_reader()};
  // Two checks later it makes no progress any more, whatever the kernel still took at the first. Of
  // the others one may be caught while the kernel takes from it, and is not the slowest then.
  ASSERT_TRUE(run_for_ms(2 * StreamListener::kStallCheckMs + 100));
  while (rejected(Rejected::send_memory) == 0) {
    ASSERT_LT(readers.size(), 20u) << "nobody had to go";
    ASSERT_TRUE(run_for_ms(3));
    readers.push_back(&connect_slow_reader());
  }
  EXPECT_GE(readers.size(), 4u);
  EXPECT_EQ(rejected(Rejected::send_memory), 1u);
  ASSERT_TRUE(run_until_ended(*readers[0]));
  EXPECT_TRUE(readers[0]->take_replies().empty());
  for (size_t i = 1; i < readers.size(); ++i) {
    EXPECT_EQ(receive(*readers[i], 1)[0].body.size(), kMoreThanTheKernelTakes);
  }
  ASSERT_TRUE(pump(sender, ByteView(frame).substr(10)));
  EXPECT_EQ(receive(sender, 1)[0].body, "\x2a");
}

}  // namespace
}  // namespace zerogate::testing
