// What connections of the CURVE port's kind take: those that have made many calls take more.
#include <gtest/gtest.h>

#include <list>
#include <optional>
#include <string>

#include "core/wire/w5.h"
#include "tests/integration/transport_fixture.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

class ZmqConnectionMemoryTest : public TransportTest {
 protected:
  /// Room for two connections, unless one of them is used much.
  ZmqConnectionMemoryTest() {
    ZmqOptions options;
    options.connection_memory =
        2 * ZmqOptions::kConnectionBytes + ZmqOptions::kUsedConnectionBytes / 2;
    fill_.body = value_of_size(20'000);
    listen_zmq(options);
  }
  /// Answers that are counted one by one: of short ones many are counted together.
  void connect_and_call(uint64_t calls) {
    ZmqClient& client = clients_.emplace_back(context_.get(), socket_->bound());
    std::string body;
    wire::w5::write_request(body, std::string(wire::w5::kIdBytes, '1'), "fill", "\xc0");
    for (; calls > 0; --calls) {
      ASSERT_TRUE(client.send(body));
      ASSERT_TRUE(run_until([&] { return client.receive().has_value(); }));
    }
    settle();
  }
  /// Newcomers wait from now on.
  bool full() const { return rejected(Protocol::zmq, Rejected::limit) != 0; }

  ZmqContext context_{zmq_ctx_new()};
  std::list<ZmqClient> clients_;
};

TEST_F(ZmqConnectionMemoryTest, TwoThatHardlyCallHaveRoomAndAThirdMakesItFull) {
  connect_and_call(1);
  connect_and_call(ZmqOptions::kManyCalls - 1);
  EXPECT_FALSE(full());
  connect_and_call(1);
  EXPECT_TRUE(full());
}

TEST_F(ZmqConnectionMemoryTest, OneThatCallsOnAndOnTakesTheRoomOfAnother) {
  connect_and_call(ZmqOptions::kManyCalls + 1);
  EXPECT_FALSE(full());
  connect_and_call(1);
  EXPECT_TRUE(full());
}

}  // namespace
}  // namespace zerogate::testing
