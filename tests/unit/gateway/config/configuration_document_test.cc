// docs/configuration.md and the man page zerogate.yaml(5) say what the tables of settings say. Both
// have a part that is made here; after a change of a row:
//   ZEROGATE_WRITE_DOCUMENTS=1 build/release/unit_tests --gtest_filter='ConfigurationDocument.*'
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "gateway/config/settings.h"

namespace zerogate {
namespace {

constexpr const char* kHow =
    "it is older than the settings: ZEROGATE_WRITE_DOCUMENTS=1 build/release/unit_tests "
    "--gtest_filter='ConfigurationDocument.*' writes it anew";

std::string read(const std::string& path) {
  const std::ifstream file(path);
  EXPECT_TRUE(file) << path << ": the test has to run in the project's folder";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// `text` as code; nothing of nothing.
std::string code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", text); }

/// What stands between the pipes of a Markdown table.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? "\\|" : c == '*' ? "\\*" : std::string(1, c);
  }
  return escaped;
}

std::string top_table() {
  std::string text =
      "| key | takes | default | reload | variable | flag | what "
      "|\n|---|---|---|---|---|---|---|\n";
  for (const Setting& setting : settings()) {
    text += fmt::format(
        "| {} | {}{} | {} | {} | {} | {} | {} |\n",
        setting.in_file ? code(setting.path) : "(none in the file)",
        setting.is_structure ? "YAML" : setting.placeholder, setting.can_be_off ? " or off" : "",
        setting.path == "handlers" ? "all, or none with routes" : code(setting.default_text()),
        setting.live ? "yes" : "restart", code(setting.environment_name()), code(setting.flag),
        cell(setting.help));
  }
  return text;
}

/// The default of a backend's, route's or rate limit's key; these four have none.
template <class T>
std::string default_of(const SettingOf<T>& setting) {
  const bool needed = setting.path == "url" || setting.path == "functions" ||
                      setting.path == "backend" || setting.path == "rate";
  return needed ? "needed" : code(setting.default_text());
}

template <class T>
std::string inner_table(const std::vector<SettingOf<T>>& table) {
  std::string text = "| key | takes | default | what |\n|---|---|---|---|\n";
  for (const auto& setting : table) {
    text += fmt::format("| {} | {} | {} | {} |\n", code(setting.path), setting.placeholder,
                        default_of(setting), cell(setting.help));
  }
  return text;
}

std::string markdown() {
  return fmt::format(
      "\n{}\n## Keys of a backend\n\n{}\n## Keys of a route\n\n{}\n## Keys of a rate limit\n\n{}\n",
      top_table(), inner_table(backend_settings()), inner_table(route_settings()),
      inner_table(rate_limit_settings()));
}

/// A dash would be taken for a hyphen.
std::string roff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '-' ? "\\-" : c == '\\' ? "\\e" : std::string(1, c);
  }
  return escaped;
}

template <class T>
std::string man_keys(const std::vector<SettingOf<T>>& table) {
  std::string text;
  for (const auto& setting : table) {
    const std::string text_of_default = default_of(setting);
    text += fmt::format(
        ".TP\n.B {}\n{} ({}).\n", roff(setting.path), roff(setting.help),
        text_of_default == "needed" ? "needed" : "default " + roff(setting.default_text()));
  }
  return text;
}

std::string man_page() {
  std::string text = "\n.SH KEYS\n";
  for (const Setting& setting : settings()) {
    if (!setting.in_file) {
      continue;
    }
    text +=
        fmt::format(".TP\n.B {}\n{} (default {}{}).\n", roff(setting.path), roff(setting.help),
                    roff(setting.default_text()), setting.live ? "; a reload takes it over" : "");
  }
  return fmt::format(
      "{}.SH KEYS OF A BACKEND\n{}.SH KEYS OF A ROUTE\n{}.SH KEYS OF A RATE LIMIT\n{}", text,
      man_keys(backend_settings()), man_keys(route_settings()), man_keys(rate_limit_settings()));
}

/// What stands in `path` between `begin` and `end` is `made`, or is made so when that is asked for.
void expect_part(const std::string& path, std::string_view begin, std::string_view end,
                 const std::string& made) {
  const std::string text = read(path);
  const size_t from = text.find(begin);
  const size_t to = text.find(end);
  ASSERT_TRUE(from != text.npos && to != text.npos && from < to) << path;
  const size_t after = from + begin.size();
  if (std::getenv("ZEROGATE_WRITE_DOCUMENTS") != nullptr) {
    std::ofstream(path) << text.substr(0, after) << made << text.substr(to);
    return;
  }
  EXPECT_EQ(text.substr(after, to - after), made) << path << ": " << kHow;
}

TEST(ConfigurationDocument, EveryKeyIsDescribed) {
  for (const auto& setting : backend_settings()) {
    EXPECT_FALSE(setting.help.empty()) << setting.path;
    EXPECT_FALSE(setting.placeholder.empty()) << setting.path;
  }
  for (const auto& setting : route_settings()) {
    EXPECT_FALSE(setting.help.empty()) << setting.path;
  }
}

TEST(ConfigurationDocument, ThePageOfKeysIsOfToday) {
  expect_part("docs/configuration.md", "<!-- keys: begin -->", "<!-- keys: end -->", markdown());
}

TEST(ConfigurationDocument, TheManPageIsOfToday) {
  expect_part("deploy/debian/zerogate.yaml.5", ".\\\" keys: begin", ".\\\" keys: end", man_page());
}

}  // namespace
}  // namespace zerogate
