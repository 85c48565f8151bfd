#include "gateway/ask/config_diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "gateway/config/show_config.h"

namespace zerogate {
namespace {

TEST(ConfigDiff, OfTheSameIsNothing) {
  EXPECT_EQ(diff_yaml("", ""), "");
  const std::string text = to_yaml(Config());
  EXPECT_EQ(diff_yaml(text, text), "");
}

TEST(ConfigDiff, ShowsWhatGoesAndWhatComesBelowItsKeys) {
  const std::string running =
      "threads: 1\n"
      "backends:\n"
      "  orders:\n"
      "    url: [tcp://a:1]\n"
      "    timeout: 5s\n"
      "  mail:\n"
      "    url: [tcp://b:1]\n"
      "    timeout: 5s\n"
      "routes:\n"
      "  - functions: [f]\n"
      "    backend: orders\n";
  const std::string written =
      "threads: 1\n"
      "backends:\n"
      "  orders:\n"
      "    url: [tcp://a:1]\n"
      "    timeout: 5s\n"
      "  mail:\n"
      "    url: [tcp://b:1]\n"
      "    timeout: 7s\n"
      "routes:\n"
      "  - functions: [f]\n"
      "    backend: mail\n"
      "  - functions: [g]\n"
      "    backend: mail\n";
  EXPECT_EQ(diff_yaml(running, written),
            "  backends:\n"
            "    mail:\n"
            "-     timeout: 5s\n"
            "+     timeout: 7s\n"
            "  routes:\n"
            "    - functions: [f]\n"
            "-     backend: orders\n"
            "+     backend: mail\n"
            "+   - functions: [g]\n"
            "+     backend: mail\n");
}

TEST(ConfigDiff, OfOneThatIsEmptyIsTheOther) {
  EXPECT_EQ(diff_yaml("a: 1\n", ""), "- a: 1\n");
  EXPECT_EQ(diff_yaml("", "a:\n  b: 1\n"), "+ a:\n+   b: 1\n");
}

TEST(ConfigDiff, OfTextsThatAreTooLongIsAllOfBoth) {
  std::string one, two;
  for (int i = 0; i < 2'500; ++i) {
    one += "a" + std::to_string(i) + ": 1\n";
    two += "a" + std::to_string(i) + ": 2\n";
  }
  const std::string diff = diff_yaml(one, two);
  EXPECT_EQ(std::count(diff.begin(), diff.end(), '\n'), 5'000);
}

TEST(ConfigDiff, HasNothingThatATerminalObeys) {
  EXPECT_EQ(diff_yaml("a: \x1b[2J\n", ""), "- a:  [2J\n");
}

}  // namespace
}  // namespace zerogate
