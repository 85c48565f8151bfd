// One key of the configuration, as a row of a table (settings.h), and the values that it takes.
#pragma once

#include <algorithm>
#include <cassert>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// How a value of type V is written.
template <class V>
struct Codec {
  /// Understands the value, or gives nothing and reports at least one problem.
  std::function<std::optional<V>(const SettingValue&, Problems&)> parse;
  /// The value as `parse` would take it, with passwords masked; nothing when V says nothing.
  std::function<std::optional<SettingValue>(const V&)> show;
  bool can_be_off = false;  ///< null in the file, `off` elsewhere
  bool is_list = false;
};

/// What is written about a key.
struct SettingText {
  std::string_view path;       ///< "limits.message"; of a backend or route its key: "timeout"
  std::string_view flag = {};  ///< of `serve`, or empty: "--listen-tcp"
  std::string_view placeholder = {};  ///< what --help calls the value: "ADDRESS"
  std::string_view help = {};         ///< a few words, lower case
  std::string_view example = {};      ///< a value, for error lines; empty: the default
};

/// Where a key may stand, and when it is taken over.
struct SettingScope {
  bool in_file = true;        ///< false: a variable and a flag only
  bool live = false;          ///< a reload takes it over; the others need a restart
  bool is_structure = false;  ///< more than one value: maps or lists of them, in YAML everywhere
  /// Of a live key that says how this listener serves, the path of its address: where that comes or
  /// goes, which needs a restart, the key waits for the restart, too.
  std::string_view listener = {};
};

/// The variable of a key: "ZEROGATE_LIMITS_MESSAGE" of "limits.message".
std::string environment_name(std::string_view path);

/// The value in one word, as --help shows it.
std::string one_word(const std::optional<SettingValue>& value);

/// A key of a T, which is Config or the options of a backend, route or rate limit. row() makes one.
/// Any thread; it never changes.
template <class T>
struct SettingOf : SettingText, SettingScope {
  bool can_be_off = false;
  bool is_list = false;  ///< its flag may stand several times
  /// Checks the value and puts it into the T, or reports at least one problem and leaves the T
  /// alone. A structure has neither this nor `show`.
  std::function<void(const SettingValue&, T&, Problems&)> set;
  /// The value as `set` would take it, with passwords masked; nothing when it says nothing.
  std::function<std::optional<SettingValue>(const T&)> show;
  /// True when both have the same value, which is more than to show the same: passwords count.
  std::function<bool(const T&, const T&)> same;
  /// Copies the value: a reload does so with those that are live.
  std::function<void(const T& from, T& to)> take_over;

  std::string environment_name() const { return zerogate::environment_name(path); }
  /// "limits", or empty for a key at the top.
  std::string_view section() const {
    const size_t dot = path.find('.');
    return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
  }
  /// "message"
  std::string_view key() const {
    return section().empty() ? path : path.substr(path.find('.') + 1);
  }
  /// The value that holds when nothing is said, in one word.
  std::string default_text() const { return show ? one_word(show(T{})) : "none"; }
  /// A value, for error lines; of a list its items, without brackets.
  std::string example_text() const {
    return example.empty() ? default_text() : std::string(example);
  }
};

/// A key whose value is one member of T.
template <class T, class V>
SettingOf<T> row(const SettingText& text, V T::*member, const Codec<V>& codec,
                 const SettingScope& scope = {}) {
  return {text,
          scope,
          codec.can_be_off,
          codec.is_list,
          [member, parse = codec.parse](const SettingValue& value, T& options, Problems& problems) {
            if (auto parsed = parse(value, problems)) {
              options.*member = *std::move(parsed);
            }
          },
          [member, show = codec.show](const T& options) { return show(options.*member); },
          [member](const T& a, const T& b) { return a.*member == b.*member; },
          [member](const T& from, T& to) { to.*member = from.*member; }};
}

/// A key whose value is a structure, which a reader of its own takes from YAML.
template <class T, class V>
SettingOf<T> structure(const SettingText& text, V T::*member, SettingScope scope) {
  SettingOf<T> made;
  scope.is_structure = true;
  static_cast<SettingText&>(made) = text;
  static_cast<SettingScope&>(made) = scope;
  made.same = [member](const T& a, const T& b) { return a.*member == b.*member; };
  made.take_over = [member](const T& from, T& to) { to.*member = from.*member; };
  return made;
}

/// True when keys of a map of this name are in the table: "tls" of "tls.cert".
template <class T>
bool is_section(const std::vector<SettingOf<T>>& table, std::string_view key) {
  return std::ranges::any_of(table, [key](const auto& row) { return row.section() == key; });
}

/// The keys, a section by its name alone.
template <class T>
std::vector<std::string> names_of(const std::vector<SettingOf<T>>& table) {
  std::vector<std::string> names;
  for (const SettingOf<T>& setting : table) {
    std::string name(setting.section().empty() ? setting.path : setting.section());
    if (names.empty() || names.back() != name) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

}  // namespace zerogate
