#include "core/bridge/backend_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(BackendUrl, TakesTheFourFormsAndShowsThemAgain) {
  const struct {
    const char* text;
    Protocol protocol;
  } forms[] = {{"tcp://orders:5559", Protocol::tcp},
               {"tcp://[::1]:5559", Protocol::tcp},
               {"zmq://127.0.0.1:5560", Protocol::zmq},
               {"unix:/run/z.sock", Protocol::tcp},
               {"ipc:/run/z.ipc", Protocol::zmq}};
  for (const auto& form : forms) {
    const auto url = BackendUrl::parse(form.text);
    ASSERT_TRUE(url.ok()) << url.error();
    EXPECT_EQ(url.value().protocol, form.protocol) << form.text;
    EXPECT_EQ(url.value().display(), form.text);
  }
  EXPECT_EQ(BackendUrl::parse("tcp://orders:5559").value().address, (Address{"orders", 5559, ""}));
  EXPECT_EQ(BackendUrl::parse("ipc:///run/z.ipc").value().address, (Address{"", 0, "/run/z.ipc"}));
}

TEST(BackendUrl, TellsOthersFromOneAnother) {
  const BackendUrl url = BackendUrl::parse("tcp://a:1").value();
  EXPECT_EQ(url, BackendUrl::parse("tcp://a:1").value());
  for (const char* other : {"zmq://a:1", "tcp://b:1", "tcp://a:2", "unix:/a"}) {
    EXPECT_NE(url, BackendUrl::parse(other).value()) << other;
  }
}

TEST(BackendUrl, RefusesOthersOnOneLine) {
  for (const char* bad : {"", "orders", "orders:5559", "http://a:1", "zmq+tcp://a:1", "tcp://",
                          "tcp://a", "tcp://a:0", "tcp://a:70000", "tcp:///run/z", "tcp://a:1\n"}) {
    const auto url = BackendUrl::parse(bad);
    ASSERT_FALSE(url.ok()) << bad;
    EXPECT_THAT(url.error(), testing::Not(testing::HasSubstr("\n")));
  }
}

}  // namespace
}  // namespace zerogate
