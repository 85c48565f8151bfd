// Who a peer of libzmq's ROUTER is: never who it says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <list>

#include "core/wire/big_endian.h"
#include "core/wire/w5.h"
#include "tests/integration/transport_fixture.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

class ZmqIdentityTest : public TransportTest {
 protected:
  ZmqIdentityTest() { listen_zmq(); }
  static std::string id_of(uint64_t number) { return fmt::format("{:016}", number); }
  static bool send(ZmqClient& client, ByteView function, uint64_t id) {
    std::string body;
    wire::w5::write_request(body, id_of(id), function, "\xc0");
    return client.send(body);
  }
  ZmqClient& connect(const std::string& identity) {
    return clients_.emplace_back(context_.get(), socket_->bound(),
                                 ZmqClient::Options{.identity = identity});
  }
  void expect_served(ZmqClient& client, uint64_t id) {
    ASSERT_TRUE(send(client, "echo", id));
    std::optional<std::string> message;
    ASSERT_TRUE(run_until([&] { return (message = client.receive()).has_value(); }));
    EXPECT_EQ(*message, id_of(id) + "\xc0");
  }

  ZmqContext context_{zmq_ctx_new()};
  std::list<ZmqClient> clients_;
};

// libzmq would keep the second of two from being served, or give it what the first has asked for.
TEST_F(ZmqIdentityTest, AnIdentityThatIsClaimedIsNoOnes) {
  ZmqClient& one = connect("orders");
  expect_served(one, 1);
  ZmqClient& two = connect("orders");
  expect_served(two, 2);
  ASSERT_TRUE(send(one, "hold", 3));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 1; }));
  one.close();
  ASSERT_TRUE(run_until([&] { return connections(Protocol::zmq) == 1; }));
  expect_served(connect("orders"), 4);
  hold_.take().reply("\xc0");
  settle();
  for (ZmqClient& client : clients_) {
    EXPECT_TRUE(&client == &one || !client.receive());
  }
  EXPECT_EQ(ended(Outcome::abandoned), 1u);
}

// libzmq 4.3.4 numbers its peers, and asserts that none has claimed the next number.
TEST_F(ZmqIdentityTest, APeerThatClaimsTheNextNumbersEndsNothing) {
  constexpr uint32_t kClaims = 64;
  expect_served(connect(""), 0);
  ClientList list;
  zmq_->list_clients(list);
  ASSERT_EQ(list.clients.size(), 1u);
  std::string number = list.clients[0].identity;
  ASSERT_EQ(number.size(), 5u);
  uint32_t last = wire::load_be32(number.data() + 1);
  for (uint64_t i = 0; i < kClaims; ++i) {
    wire::store_be<4>(number.data() + 1, ++last);
    expect_served(connect(number), i);
  }
  for (uint64_t i = 0; i < kClaims; ++i) {
    expect_served(connect(""), i);
  }
}

}  // namespace
}  // namespace zerogate::testing
