#include "gateway/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/cli/command_line.h"
#include "gateway/cli/command_line_help.h"
#include "gateway/config/codecs.h"
#include "gateway/config/show_config.h"
#include "gateway/control/reload_rules.h"
#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The tables' own rules.
TEST(Settings, SectionsStandTogetherAndPathsOnce) {
  std::vector<std::string_view> sections;
  std::vector<std::string_view> paths;
  for (const Setting& setting : settings()) {
    EXPECT_EQ(std::ranges::count(paths, setting.path), 0) << setting.path;
    paths.push_back(setting.path);
    if (sections.empty() || sections.back() != setting.section()) {
      const bool is_new =
          setting.section().empty() || std::ranges::count(sections, setting.section()) == 0;
      EXPECT_TRUE(is_new) << setting.path;
      sections.push_back(setting.section());
    }
  }
}

/// A key that is in no table but this: one row, and nothing else, makes it a setting. It borrows
/// the member of another one, whose row is away.
class ARowMore : public ConfigTest {
 protected:
  ARowMore() {
    std::erase_if(table_, [](const Setting& setting) { return setting.path == "drain_timeout"; });
    const auto limits = std::ranges::find(table_, "limits", &Setting::section);
    table_.insert(limits, row({"limits.patience", "--patience", "DURATION", "how long we wait"},
                              &Config::drain_timeout_ms, or_off(duration(), 0u), {.live = true}));
  }

  std::variant<Config, ConfigErrors> load_row(const std::string& text,
                                              const Variables& variables = {},
                                              const Overrides& flags = {}) {
    const std::string file = directory_ / "zerogate.yaml";
    std::ofstream(file, std::ios::binary) << text;
    return load_config(file, Environment(variables), flags, table_);
  }
  uint32_t patience(const std::string& text, const Variables& variables = {},
                    const Overrides& flags = {}) {
    const auto loaded = load_row(text, variables, flags);
    const auto* config = std::get_if<Config>(&loaded);
    return config != nullptr ? config->drain_timeout_ms : 12'345;
  }

  SettingsTable table_ = settings();
};

TEST_F(ARowMore, IsLoadedFromFileVariableAndFlag) {
  EXPECT_EQ(patience(""), 8'000u);
  EXPECT_EQ(patience("limits: {patience: 1s}"), 1'000u);
  EXPECT_EQ(patience("limits: {patience: off}"), 0u);
  EXPECT_EQ(patience("limits: {patience: 1s}", {{"ZEROGATE_LIMITS_PATIENCE", "2s"}}), 2'000u);
  const Command command = parse_command_line({"serve", "--patience", "3s"}, table_);
  ASSERT_TRUE(std::holds_alternative<ServeCommand>(command));
  EXPECT_EQ(patience("limits: {patience: 1s}", {}, std::get<ServeCommand>(command).flags), 3'000u);
}

TEST_F(ARowMore, HasErrorLinesWithPlaceAndHint) {
  EXPECT_THAT(shortened(load_row("limits: {patience: 5}\n")),
              ElementsAre(HasSubstr("zerogate.yaml:1: limits.patience: '5' ")));
  EXPECT_THAT(shortened(load_row("limits: {patiense: 5s}\n")),
              ElementsAre(HasSubstr("did you mean 'limits.patience'?")));
}

TEST_F(ARowMore, IsShown) {
  Config config;
  config.drain_timeout_ms = 4'000;
  EXPECT_THAT(to_yaml(config, table_), HasSubstr("\n  patience: 4s\n"));
  EXPECT_THAT(serve_help(table_), HasSubstr("  --patience DURATION     how long we wait\n"));
  EXPECT_THAT(serve_help(table_), HasSubstr("ZEROGATE_LIMITS_PATIENCE, default 8s; off: none"));
}

TEST_F(ARowMore, IsTakenOverAtReload) {
  Config running;
  Config next;
  next.drain_timeout_ms = 1;
  next.threads = 2;
  EXPECT_THAT(unreloadable_changes(running, next, table_), ElementsAre("threads"));
  take_over_live(next, running, table_);
  EXPECT_EQ(running.drain_timeout_ms, 1u);
  EXPECT_EQ(running.threads, 1u);
}

}  // namespace
}  // namespace zerogate
