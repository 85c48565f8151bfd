#include "gateway/cli/check_command.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <sstream>

#include "gateway/ask/exit_status.h"
#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CheckCommandTest : public ::testing::Test {
 protected:
  int check(const std::string& text) {
    write("zerogate.yaml", text);
    out_.str("");
    err_.str("");
    return run_check({.config_file = file_, .flags = {}}, Environment(Variables()), out_, err_);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
  }

  const Directory directory_;
  const std::string file_ = directory_ / "zerogate.yaml";
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CheckCommandTest, ReadsTheTokensFileAsServeDoes) {
  const std::string token = directory_ / "token";
  const std::string text = fmt::format("admin_token_file: {}\n", token);
  EXPECT_EQ(check(text), kUsage);
  EXPECT_THAT(err_.str(), AllOf(StartsWith(file_ + ": admin_token_file: "), HasSubstr("No such")));
  EXPECT_EQ(out_.str(), "");
  write("token", "short");
  EXPECT_EQ(check(text), kUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("16 to 1024 visible"), Not(HasSubstr("short"))));
  write("token", "0123456789abcdef");
  EXPECT_EQ(check(text), kOk);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(CheckCommandTest, WarnsOfAGroupThatThisHostDoesNotKnow) {
  const std::string groups =
      "listen: {{tcp: {}, group: no-such-group}}\nadmin_group: no-such-group\n";
  EXPECT_EQ(check(fmt::format(fmt::runtime(groups), "\"unix:/run/zerogate.sock\"")), kOk);
  EXPECT_EQ(out_.str(), fmt::format("{0}: warning: {0}:2: admin_group: does nothing while admin is "
                                    "no unix:/path\n"
                                    "{0}: warning: listen.group: there is no group "
                                    "'no-such-group' on this host\n{0}: ok\n",
                                    file_));
  EXPECT_EQ(check(fmt::format(fmt::runtime(groups), "127.0.0.1:5559")), kOk);
  EXPECT_THAT(out_.str(), Not(HasSubstr("there is no group"))) << "no socket is given to it";
  EXPECT_THAT(out_.str(), HasSubstr(":1: listen.group: does nothing while listen has no unix:"));
}

}  // namespace
}  // namespace zerogate
