#include "core/wire/server_url.h"

#include <gmock/gmock.h>

namespace zerogate {
namespace {

TEST(ClientUrlTest, TakesTheFourForms) {
  const auto tcp = ClientUrl::parse("tcp://127.0.0.1:5559");
  ASSERT_TRUE(tcp.ok()) << tcp.error();
  EXPECT_EQ(tcp.value().protocol, Protocol::tcp);
  EXPECT_EQ(tcp.value().address.host, "127.0.0.1");
  EXPECT_EQ(tcp.value().address.port, 5559);

  const auto zmq = ClientUrl::parse("zmq://[::1]:5560");
  ASSERT_TRUE(zmq.ok()) << zmq.error();
  EXPECT_EQ(zmq.value().protocol, Protocol::zmq);
  EXPECT_EQ(zmq.value().address.host, "::1");

  const auto unix_path = ClientUrl::parse("unix:/run/z.sock");
  ASSERT_TRUE(unix_path.ok()) << unix_path.error();
  EXPECT_EQ(unix_path.value().protocol, Protocol::tcp);
  EXPECT_EQ(unix_path.value().address.path, "/run/z.sock");

  const auto ipc = ClientUrl::parse("ipc:/run/z.ipc");
  ASSERT_TRUE(ipc.ok()) << ipc.error();
  EXPECT_EQ(ipc.value().protocol, Protocol::zmq);
  EXPECT_EQ(ipc.value().address.path, "/run/z.ipc");
}

TEST(ClientUrlTest, RefusesOthersOnOneLine) {
  for (const char* bad : {"", "127.0.0.1:5559", "http://a:1", "tcp://", "tcp://a", "tcp://a:0",
                          "tcp://a:70000", "zmq://:5560", "tcp://unix:/x\n", "unix:"}) {
    const auto url = ClientUrl::parse(bad);
    ASSERT_FALSE(url.ok()) << bad;
    EXPECT_THAT(url.error(), testing::Not(testing::HasSubstr("\n")));
  }
  EXPECT_THAT(ClientUrl::parse("127.0.0.1:5559").error(), testing::HasSubstr("write tcp://"));
}

}  // namespace
}  // namespace zerogate
