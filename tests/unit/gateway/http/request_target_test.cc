#include "gateway/http/request_target.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate {
namespace {

TEST(RequestTarget, EveryForm) {
  const auto parts = [](std::string_view text) {
    const RequestTarget target = parse_target(text);
    return std::string(target.authority) + " " + std::string(target.path) + " " +
           std::string(target.query);
  };
  EXPECT_EQ(parts("/log?level=debug"), " /log level=debug");
  EXPECT_EQ(parts("/a?b?c"), " /a b?c");
  EXPECT_EQ(parts("http://h:1/log?x"), "h:1 /log x");
  EXPECT_EQ(parts("https://h"), "h / ");
  EXPECT_EQ(parts("http://h?x"), "h / x");
  EXPECT_EQ(parts("http://a.b@evil/x"), "evil /x ");
  EXPECT_EQ(parts("*"), " * ");
  EXPECT_EQ(parts(""), "  ");
}

}  // namespace
}  // namespace zerogate
