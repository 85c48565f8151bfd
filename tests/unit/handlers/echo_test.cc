#include "handlers/echo.h"

#include "tests/unit/handlers/handler_fixture.h"

namespace zerogate {
namespace {

using namespace std::string_literals;

using EchoTest = HandlerTest;
using HelloWorldTest = HandlerTest;

TEST_F(EchoTest, AnswersWithTheVeryBytes) {
  // Nil; an int in a longer form than it needs; a map with a bin key; an ext; an error-like map.
  for (const std::string& value : {"\xc0"s, "\xcd\x00\x01"s, "\x81\xc4\x01k\x93\x01\x02\x03"s,
                                   "\xd4\x05\x07"s, "\x81\xaa__zerror__\xc0"s}) {
    call_with_bytes("echo", value);
    EXPECT_EQ(answer_bytes(), value);
  }
  EXPECT_EQ(ended(Outcome::ok), 5u);
}

TEST_F(HelloWorldTest, AnswersWhateverTheArgument) {
  for (const std::string argument : {"\xc0", "\x01"}) {
    call_with_bytes("hello_world", argument);
    EXPECT_EQ(answer_bytes(), "\xabhello world");
  }
}

}  // namespace
}  // namespace zerogate
