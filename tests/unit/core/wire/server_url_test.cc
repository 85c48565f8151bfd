#include "core/wire/server_url.h"

#include <gmock/gmock.h>

namespace zerogate {
namespace {

TEST(ServerUrlTest, TakesTheFourForms) {
  const auto tcp = ServerUrl::parse("tcp://127.0.0.1:5559");
  ASSERT_TRUE(tcp.ok()) << tcp.error();
  EXPECT_EQ(tcp.value().protocol, Protocol::tcp);
  EXPECT_EQ(tcp.value().address.host, "127.0.0.1");
  EXPECT_EQ(tcp.value().address.port, 5559);

  const auto zmq = ServerUrl::parse("zmq://[::1]:5560");
  ASSERT_TRUE(zmq.ok()) << zmq.error();
  EXPECT_EQ(zmq.value().protocol, Protocol::zmq);
  EXPECT_EQ(zmq.value().address.host, "::1");

  const auto unix_path = ServerUrl::parse("unix:/run/z.sock");
  ASSERT_TRUE(unix_path.ok()) << unix_path.error();
  EXPECT_EQ(unix_path.value().protocol, Protocol::tcp);
  EXPECT_EQ(unix_path.value().address.path, "/run/z.sock");

  const auto ipc = ServerUrl::parse("ipc:/run/z.ipc");
  ASSERT_TRUE(ipc.ok()) << ipc.error();
  EXPECT_EQ(ipc.value().protocol, Protocol::zmq);
  EXPECT_EQ(ipc.value().address.path, "/run/z.ipc");
}

TEST(ServerUrlTest, RefusesOthersOnOneLine) {
  for (const char* bad : {"", "127.0.0.1:5559", "http://a:1", "tcp://", "tcp://a", "tcp://a:0",
                          "tcp://a:70000", "zmq://:5560", "tcp://unix:/x\n", "unix:", "orders",
                          "orders:5559", "zmq+tcp://a:1", "tcp:///run/z"}) {
    const auto url = ServerUrl::parse(bad);
    ASSERT_FALSE(url.ok()) << bad;
    EXPECT_THAT(url.error(), ::testing::Not(::testing::HasSubstr("\n")));
  }
  EXPECT_THAT(ServerUrl::parse("127.0.0.1:5559").error(), ::testing::HasSubstr("write tcp://"));
  EXPECT_EQ(ServerUrl::parse("zmq://a").error(),
            "'a' has no port; write host:port, as in zmq://127.0.0.1:5559");
}

TEST(ServerUrlTest, OnlyBackendsMayHaveTls) {
  const ServerUrl url = ServerUrl::parse("tls://orders:5559").value();
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.protocol, Protocol::tcp);
  EXPECT_EQ(url.display(), "tls://orders:5559");
  EXPECT_EQ(ServerUrl::parse_plain("tls://orders:5559").error(),
            "'tls://orders:5559' is for backends of a gateway alone; call the gateway, or the "
            "server's port without TLS, by tcp://host:port");
  EXPECT_EQ(ServerUrl::parse_plain("tcp://a:1").value(), ServerUrl::parse("tcp://a:1").value());
  EXPECT_EQ(ServerUrl::parse_plain("tcp://a").error(), ServerUrl::parse("tcp://a").error());
  EXPECT_THAT(ServerUrl::parse("a:1").error(), ::testing::HasSubstr("tls://host:port"));
  EXPECT_EQ(ServerUrl::parse_plain("a:1").error(),
            "'a:1' is no URL of a Zero server; write tcp://host:port, zmq://host:port, unix:/path "
            "or ipc:/path");
}

TEST(ServerUrlTest, ShowsItsFormsAgain) {
  const struct {
    const char* text;
    Protocol protocol;
  } forms[] = {{"tcp://orders:5559", Protocol::tcp},
               {"tcp://[::1]:5559", Protocol::tcp},
               {"zmq://127.0.0.1:5560", Protocol::zmq},
               {"unix:/run/z.sock", Protocol::tcp},
               {"ipc:/run/z.ipc", Protocol::zmq}};
  for (const auto& form : forms) {
    const auto url = ServerUrl::parse(form.text);
    ASSERT_TRUE(url.ok()) << url.error();
    EXPECT_EQ(url.value().protocol, form.protocol) << form.text;
    EXPECT_EQ(url.value().display(), form.text);
  }
  EXPECT_EQ(ServerUrl::parse("tcp://orders:5559").value().address, (Address{"orders", 5559, ""}));
  EXPECT_EQ(ServerUrl::parse("ipc:///run/z.ipc").value().address, (Address{"", 0, "/run/z.ipc"}));
}

TEST(ServerUrlTest, TellsOthersFromOneAnother) {
  const ServerUrl url = ServerUrl::parse("tcp://a:1").value();
  EXPECT_EQ(url, ServerUrl::parse("tcp://a:1").value());
  for (const char* other : {"zmq://a:1", "tcp://b:1", "tcp://a:2", "unix:/a"}) {
    EXPECT_NE(url, ServerUrl::parse(other).value()) << other;
  }
}

}  // namespace
}  // namespace zerogate
