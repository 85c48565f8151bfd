// The table of settings. One row says everything about a key: file, environment, flags, --help and
// /config are all driven by it, so that adding a key means adding a row. Any thread; the table
// never changes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"

namespace zerogate {

/// One word of the user's, and where it stands for error lines: "zerogate.yaml:7: limits.message",
/// "ZEROGATE_LIMITS_MESSAGE" or "--limits-message".
struct PlacedText {
  std::string text;
  std::string place;
};

/// A setting's value, before it is understood.
struct SettingValue {
  enum class Kind { off, text, list };
  Kind kind = Kind::text;
  std::string text;               ///< of kind text
  std::vector<PlacedText> items;  ///< of kind list
  std::string place;
};

/// What is wrong, and what would fix it; never with a password.
struct Problem {
  std::string place;
  std::string message;
};
using Problems = std::vector<Problem>;

/// The variable of a key: "ZEROGATE_LIMITS_MESSAGE" of "limits.message".
std::string environment_name(std::string_view path);

struct Setting {
  std::string_view path;         ///< of the key: "limits.message"
  std::string_view flag;         ///< of `serve`, or empty: "--listen-tcp"
  std::string_view placeholder;  ///< what --help calls the value: "ADDRESS"
  std::string_view help;         ///< a few words, lower case
  bool can_be_off = false;       ///< null in the file, `off` or nothing elsewhere
  bool is_list = false;          ///< its flag may stand several times
  bool in_file = true;           ///< false: a variable and a flag only
  bool live = false;             ///< a reload takes it over; the others need a restart
  /// Checks the value and puts it into the configuration, or reports at least one problem and
  /// leaves the configuration alone.
  std::function<void(const SettingValue&, Config&, Problems&)> set;
  /// The value as `set` would take it, with passwords masked.
  std::function<SettingValue(const Config&)> show;

  /// "ZEROGATE_LIMITS_MESSAGE"
  std::string environment_name() const { return zerogate::environment_name(path); }
  /// "limits", or empty for a key at the top.
  std::string_view section() const;
  /// "message"
  std::string_view key() const;
  /// The value that holds when nobody says anything, in one word.
  std::string default_text() const;
};

/// All settings, in the order of documentation; those of a section stand together.
const std::vector<Setting>& settings();

/// "backends" and "routes": keys of the file that are more than one value (bridge_settings.h).
/// Their variables hold the same YAML as the file.
inline constexpr std::string_view kBridgeKeys[] = {"backends", "routes"};

/// The setting with this path, or null.
const Setting* find_setting(std::string_view path);

/// Takes one word, as from the environment, a flag or a YAML scalar: `off` and nothing become off
/// where the setting can be, commas separate the items of a list.
SettingValue value_from_text(const Setting& setting, std::string_view text, std::string place);

}  // namespace zerogate
