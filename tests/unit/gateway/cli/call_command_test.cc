#include "gateway/cli/call_command.h"

#include <gmock/gmock.h>

#include "core/wire/zerror.h"
#include "tests/unit/core/client/test_peer.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kPatientMs = 20'000;

struct Outputs {
  int status = 0;
  std::string out;
  std::string err;
};

Outputs call(const std::string& url, const std::string& json) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outputs outputs;
  outputs.status = run_call(url, "f", json, kPatientMs);
  outputs.out = testing::internal::GetCapturedStdout();
  outputs.err = testing::internal::GetCapturedStderr();
  return outputs;
}

/// Answers one call with `reply`, or with its own argument when that is empty.
auto answering(bool error, std::string reply) {
  return [error, reply](int fd) {
    std::string buffer, out;
    const auto request = read_frame(fd, buffer);
    const auto argument = wire::t3::parse_envelope(request.payload).argument;
    wire::t3::write_frame(out, request.id, error, reply.empty() ? argument : ByteView(reply));
    write_all(fd, out);
  };
}

TEST(CallCommandTest, PrintsTheResultAsJson) {
  TcpPeer peer(answering(false, ""));
  const Outputs outputs = call(peer.url(), R"({"a": [1, 2.5, null, true, "x"]})");
  EXPECT_EQ(outputs.status, 0);
  EXPECT_EQ(outputs.out, "{\"a\":[1,2.5,null,true,\"x\"]}\n");
  EXPECT_EQ(outputs.err, "");
}

TEST(CallCommandTest, PrintsAnErrorReplyWithItsKind) {
  std::string error;
  wire::write_error(error, wire::ErrorKey::function_not_found, "Function `f`\nnot found!");
  TcpPeer peer(answering(true, error));
  const Outputs outputs = call(peer.url(), "null");
  EXPECT_EQ(outputs.status, 1);
  EXPECT_EQ(outputs.out, "");
  EXPECT_EQ(outputs.err, "zerogate: function_not_found: Function `f` not found!\n");
}

TEST(CallCommandTest, ShowsNothingThatATerminalObeysOrHides) {
  TcpPeer peer(answering(false, "\xa6\xc2\x9b\x7f\xe2\x80\xae"));
  EXPECT_EQ(call(peer.url(), "null").out, "\"\\u009b\\u007f\\u202e\"\n");
}

TEST(CallCommandTest, PrintsAnErrorOfAnotherShapeAsJson) {
  TcpPeer peer(answering(true, "\x82\x01\x02\xaa__zerror__\x03"));
  const Outputs outputs = call(peer.url(), "null");
  EXPECT_EQ(outputs.status, 1);
  EXPECT_EQ(outputs.err, "zerogate: error: {\"1\":2,\"__zerror__\":3}\n");
}

TEST(CallCommandTest, TellsUsageFromFailure) {
  const Outputs bad_url = call("http://x", "null");
  EXPECT_EQ(bad_url.status, 2);
  EXPECT_THAT(bad_url.err, HasSubstr("write tcp://host:port"));
  const Outputs bad_json = call("tcp://127.0.0.1:1", "{");
  EXPECT_EQ(bad_json.status, 2);
  EXPECT_THAT(bad_json.err, HasSubstr("the argument is not valid JSON: "));

  std::string url;
  {
    url = TcpPeer([](int) {}).url();
  }
  const Outputs refused = call(url, "null");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("is the gateway running?"));
}

}  // namespace
}  // namespace zerogate
