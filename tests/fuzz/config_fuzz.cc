// A configuration file's text, without the file: it becomes a configuration, which is shown in a
// form that becomes the same one, or lines that say where what is wrong and what would fix it. No
// line and no page shows a secret. Files that a text names are looked for, but no devices.

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/utf8.h"
#include "core/redis/redis_url.h"
#include "gateway/config/config_builder.h"
#include "gateway/config/config_file.h"
#include "gateway/config/show_config.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;

namespace {

constexpr std::string_view kName = "zerogate.yaml";
/// Written as a token and as a password.
constexpr std::string_view kSecret = "s3cret-0123456789";

ConfigBuilder build(const std::string& text) {
  ConfigBuilder builder(settings());
  read_config_text(std::string(kName), text, builder);
  builder.check_together();
  return builder;
}

bool is_line(const std::string& text) {
  return !text.empty() && is_utf8(text) && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

/// "zerogate.yaml:7: what; fix"
void check_error(const std::string& error, size_t lines) {
  check(is_line(error), "an error is one line");
  check(error.size() < 2'000, "it repeats a part of the text at most");
  check(error.starts_with(std::string(kName) + ":"), "it names the file");
  const std::string_view rest = std::string_view(error).substr(kName.size() + 1);
  size_t line = 0;
  const char* const end = std::from_chars(rest.data(), rest.data() + rest.size(), line).ptr;
  check(line >= 1 && line <= lines + 1, "and a line of it");
  const std::string_view what = rest.substr(static_cast<size_t>(end - rest.data()));
  check(what.starts_with(": ") && what.size() > 10, "it says what is wrong");
  const bool helps = what.find("; ") != what.npos || what.find('?') != what.npos ||
                     what.find(" has ") != what.npos || what.find(", or ") != what.npos;
  check(helps, "and what would fix it");
}

/// Shown and read again. What is masked is not looked at.
void check_shown(const ConfigBuilder& builder) {
  Config config = builder.config();
  config.admin_token.clear();
  config.redis = mask_password(config.redis);
  const std::string yaml = to_yaml(config);
  check(is_utf8(yaml), "it is shown in UTF-8");
  const ConfigBuilder again = build(yaml);
  check(again.errors().empty(), "what is shown is taken");
  check(to_yaml(again.config()) == yaml, "and shown as before");
  config.notes = again.config().notes;
  config.warnings = again.config().warnings;
  check(again.config() == config, "it is the same configuration");
}

/// A secret, well written or not, where one belongs.
void check_secrets(const std::string& text) {
  if (text.find(kSecret) != text.npos) {
    return;
  }
  const std::string secret(kSecret);
  ConfigBuilder builder(settings());
  for (const auto& [path, value] : {std::pair("admin_token", secret + text),
                                    std::pair("redis.url", "redis://bob:" + secret + "@" + text)}) {
    const Setting& setting = *find_setting(settings(), path);
    builder.apply(setting, value_from_text(setting, value, path));
  }
  for (const std::string& error : builder.errors()) {
    check(is_line(error) && error.find(kSecret) == error.npos, "no error shows a secret");
  }
  check(to_yaml(builder.config()).find(kSecret) == std::string::npos, "nor does a configuration");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(fuzz::view_of(data, size));
  if (text.find("/dev") != text.npos || text.find("/proc") != text.npos || size > 8'000) {
    return 0;
  }
  check_secrets(text);
  const ConfigBuilder builder = build(text);
  const auto lines = static_cast<size_t>(std::ranges::count(text, '\n'));
  for (const std::string& error : builder.errors()) {
    check_error(error, lines);
  }
  if (builder.errors().empty()) {
    check_shown(builder);
  }
  return 0;
}
