#include "gateway/ask/admin_client.h"

#include <gmock/gmock.h>

namespace zerogate {
namespace {

using ::testing::HasSubstr;

std::string refused(std::string_view bytes) {
  const auto answer = parse_admin_answer(bytes);
  return answer ? "taken" : answer.error();
}

TEST(AdminAnswerTest, HasStatusAndBody) {
  const auto answer = parse_admin_answer(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\ncontent-length:  6 \r\n\r\n"
      "no\r\n\r\n");
  ASSERT_TRUE(answer.ok()) << answer.error();
  EXPECT_EQ(answer.value().status, 503);
  EXPECT_EQ(answer.value().body, "no\r\n\r\n");
  EXPECT_EQ(parse_admin_answer("HTTP/1.0 200 OK\r\n\r\nto the end").value().body, "to the end");
}

TEST(AdminAnswerTest, APartOfItIsNone) {
  EXPECT_THAT(refused("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nready\n"),
              HasSubstr("has 6 bytes, and says '7'"));
  EXPECT_THAT(refused("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n"), HasSubstr("no HTTP"));
}

TEST(AdminAnswerTest, WhatIsNoHttpIsNone) {
  for (const char* const bytes :
       {"", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1 999 OK\r\n\r\n", "HTTP/1.1/200 OK\r\n\r\n"}) {
    EXPECT_THAT(refused(bytes), HasSubstr("no HTTP")) << bytes;
  }
}

TEST(AdminAnswerTest, ItsFirstLineHasNothingThatATerminalObeys) {
  EXPECT_EQ(first_line("a\x1b[2J\u009b2J\xff\nb"), "a [2J 2J\ufffd");
}

}  // namespace
}  // namespace zerogate
