#include "handlers/echo.h"

#include "handlers/hello_world.h"
#include "tests/unit/handlers/handler_fixture.h"

namespace zerogate {
namespace {

using namespace std::string_literals;

using EchoTest = HandlerTest;
using HelloWorldTest = HandlerTest;

TEST_F(EchoTest, AnswersWithTheVeryBytes) {
  Echo echo;
  // Nil; an int in a longer form than it needs; a map with a bin key; an ext; an error-like map.
  const std::vector<std::string> values = {"\xc0"s, "\xcd\x00\x01"s,
                                           "\x81\xc4\x01k\x93\x01\x02\x03"s, "\xd4\x05\x07"s,
                                           "\x81\xaa__zerror__\xc0"s};
  for (const std::string& value : values) {
    serve(echo, value);
  }
  EXPECT_EQ(answers_.bodies, values);
  EXPECT_EQ(ended(Outcome::ok), values.size());
}

TEST_F(HelloWorldTest, AnswersWhateverTheArgument) {
  HelloWorld hello;
  serve(hello, "\xc0");
  serve(hello, "\x01");
  EXPECT_EQ(answers_.bodies, (std::vector<std::string>{"\xabhello world", "\xabhello world"}));
}

}  // namespace
}  // namespace zerogate
