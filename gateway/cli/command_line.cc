#include "gateway/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <type_traits>

#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "core/base/units.h"
#include "core/redis/redis_url.h"
#include "gateway/cli/command_line_help.h"
#include "gateway/config/settings.h"
#include "gateway/version.h"

namespace zerogate {
namespace {

using Arguments = std::vector<std::string>;

/// One line with its fix; without one it says where help is to be found.
UsageError usage_error(std::string_view command, std::string_view what, std::string_view fix = "") {
  const std::string name = command.empty() ? "zerogate" : fmt::format("zerogate {}", command);
  if (!fix.empty()) {
    return {plain_line(fmt::format("{}: {}; {}", name, what, fix)) + '\n'};
  }
  return {plain_line(fmt::format("{0}: {1}; see '{0} --help'", name, what)) + '\n'};
}

/// "did you mean ...?", or nothing. A file by itself is surely the configuration.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const bool is_file = word.ends_with(".yaml") || word.ends_with(".yml");
  const std::string near = nearest(is_file ? "--config" : word, known);
  return near.empty() ? "" : fmt::format("did you mean {}?", near);
}

/// "--flag=value" as two words: CLI11 2.1 takes the next flag for the value of "--flag=".
Arguments split_values(const Arguments& arguments) {
  Arguments words;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {  // positional words only from here on
      words.insert(words.end(), arguments.begin() + static_cast<ptrdiff_t>(i), arguments.end());
      break;
    }
    const size_t equals = argument.find('=');
    if (argument.starts_with("--") && equals != std::string::npos) {
      words.push_back(argument.substr(0, equals));
      words.push_back(argument.substr(equals + 1));
    } else {
      words.push_back(argument);
    }
  }
  return words;
}

/// A command's arguments on their way through CLI11. Each command has an App of its own, not a
/// subcommand of one: `zerogate call URL serve` must call a function of that name.
class Parser {
 public:
  explicit Parser(std::string_view command) : command_(command) {
    app_.set_help_flag();  // ours is written from the table of settings
    app_.allow_extras();   // to name the unknown flag in our own words
    app_.add_flag("-h,--help", help_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  CLI::Option* add(const std::string& name, std::string& value) {
    CLI::Option* option = app_.add_option(name, value);
    // Of a flag given twice the last one counts, so that scripts can append to a command line.
    return option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  void add_flag(const std::string& name, bool& value) { app_.add_flag(name, value); }

  /// One flag for each setting that has one.
  void add_settings(const SettingsTable& table) {
    for (const Setting& setting : table) {
      if (setting.flag.empty()) {
        continue;
      }
      values_.push_back({std::string(setting.path), std::make_unique<std::string>(), nullptr});
      values_.back().option = add(std::string(setting.flag), *values_.back().text);
      // value_from_text() takes it apart again.
      if (setting.is_list) {
        values_.back().option->join(',');
      }
    }
  }

  /// False when `error` says what was wrong.
  bool parse(const Arguments& arguments) {
    try {
      Arguments words = split_values(arguments);
      std::ranges::reverse(words);  // as CLI11 wants them
      app_.parse(std::move(words));
    } catch (const CLI::ArgumentMismatch& mismatch) {
      error = usage_error(command_, in_our_words(mismatch));
      return false;
    } catch (const CLI::ParseError& failure) {
      error = usage_error(command_, failure.what());
      return false;
    }
    if (help_) {
      return true;
    }
    return no_flag_is_a_value() && nothing_left();
  }

  bool help() const { return help_; }
  static bool given(const CLI::Option* option) { return option->count() > 0; }

  Overrides overrides() const {
    Overrides flags;
    for (const Value& value : values_) {
      if (given(value.option)) {
        flags[value.path] = *value.text;
      }
    }
    return flags;
  }

  UsageError error;

 private:
  struct Value {
    std::string path;
    std::unique_ptr<std::string> text;  ///< CLI11 keeps a reference
    CLI::Option* option;
  };

  /// "--listen-tcp: 1 required TEXT missing" and the like.
  static std::string in_our_words(const CLI::ArgumentMismatch& mismatch) {
    const std::string text = mismatch.what();
    const std::string flag = text.substr(0, text.find_first_of(": "));
    return flag.starts_with("-") ? fmt::format("{} needs a value", flag) : text;
  }

  bool nothing_left() {
    Arguments left = app_.remaining();
    std::erase(left, "--");
    if (left.empty()) {
      return true;
    }
    const std::string& argument = left.front();
    const std::string what = argument.starts_with('-')
                                 ? "unknown flag " + argument
                                 : "unexpected argument " + quote(mask_password(argument));
    error = usage_error(command_, what, did_you_mean(argument, flags()));
    return false;
  }

  /// CLI11 takes `--redis` for the address in `--admin --redis URL`.
  bool no_flag_is_a_value() {
    const std::vector<std::string> known = flags();
    for (const CLI::Option* option : app_.get_options()) {
      if (option->get_positional() || option->count() == 0) {
        continue;
      }
      for (const std::string& value : option->results()) {
        if (std::ranges::find(known, value) == known.end()) {
          continue;
        }
        error = usage_error(command_, option->get_name() + " needs a value");
        return false;
      }
    }
    return true;
  }

  std::vector<std::string> flags() const {
    std::vector<std::string> names = {"--help"};
    for (const CLI::Option* option : app_.get_options()) {
      if (!option->get_positional()) {
        names.push_back(option->get_name());
      }
    }
    return names;
  }

  std::string command_;
  CLI::App app_;
  std::vector<Value> values_;
  bool help_ = false;
};

/// A command that takes a configuration, as `serve` does.
template <class Taking>
Command parse_configured(std::string_view name, const Arguments& arguments,
                         const SettingsTable& table, const std::string& help) {
  Parser parser(name);
  Taking command;
  const CLI::Option* config = parser.add("--config", command.config_file);
  if constexpr (std::is_same_v<Taking, FunctionsCommand>) {
    parser.add_flag("--json", command.as_json);
  }
  if constexpr (std::is_same_v<Taking, CheckCommand>) {
    parser.add_flag("--diff", command.diff);
  }
  parser.add_settings(table);
  if (!parser.parse(arguments)) {
    return parser.error;
  }
  if (parser.help()) {
    return PrintCommand{help};
  }
  if (Parser::given(config) && command.config_file.empty()) {
    return usage_error(name, "--config needs the name of a file");
  }
  command.flags = parser.overrides();
  return command;
}

/// Puts a --timeout into `timeout_ms`, or says what is wrong with it.
std::optional<UsageError> take_timeout(std::string_view command, const std::string& text,
                                       uint32_t& timeout_ms) {
  const auto parsed = parse_duration_ms(text);
  if (!parsed) {
    return usage_error(command, "--timeout: " + parsed.error());
  }
  if (parsed.value() < 1 || parsed.value() > kHourMs) {
    return usage_error(command, "--timeout: write 1ms to 1h");
  }
  timeout_ms = parsed.value();
  return std::nullopt;
}

Command parse_call(const Arguments& arguments) {
  Parser parser("call");
  CallCommand call;
  std::string timeout;
  parser.add("URL", call.url);
  parser.add("FUNCTION", call.function);
  parser.add("JSON", call.json);
  const CLI::Option* timeout_flag = parser.add("--timeout", timeout);
  if (!parser.parse(arguments)) {
    return parser.error;
  }
  if (parser.help()) {
    return PrintCommand{call_help()};
  }
  if (call.url.empty()) {
    return usage_error("call", "the URL is missing");
  }
  if (call.function.empty()) {
    return usage_error("call", "the function's name is missing");
  }
  if (!Parser::given(timeout_flag)) {
    return call;
  }
  if (const auto error = take_timeout("call", timeout, call.timeout_ms)) {
    return *error;
  }
  return call;
}

Command parse_bench(const Arguments& arguments) {
  Parser parser("bench");
  BenchCommand bench;
  parser.add("URL", bench.url);
  parser.add("FUNCTION", bench.function);
  parser.add("JSON", bench.json);
  parser.add("--expect", bench.expect);
  parser.add("--connections", bench.connections);
  parser.add("--depth", bench.depth);
  parser.add("--rate", bench.rate);
  parser.add("--duration", bench.duration);
  parser.add("--warmup", bench.warmup);
  parser.add("--timeout", bench.timeout);
  parser.add("--ca", bench.ca);
  parser.add("--cert", bench.cert);
  parser.add("--key", bench.key);
  parser.add_flag("--json", bench.as_json);
  if (!parser.parse(arguments)) {
    return parser.error;
  }
  if (parser.help()) {
    return PrintCommand{bench_help()};
  }
  if (bench.url.empty()) {
    return usage_error("bench", "the URL is missing");
  }
  if (bench.function.empty()) {
    return usage_error("bench", "the function's name is missing");
  }
  return bench;
}

/// Of a command that asks a running gateway: --admin, --config and --timeout, besides what `parser`
/// knows already.
template <class Ask>
Command parse_ask(std::string_view name, const Arguments& arguments, Parser& parser, Ask& ask,
                  const std::string& help) {
  std::string admin, timeout;
  const CLI::Option* config_flag = parser.add("--config", ask.config_file);
  const CLI::Option* admin_flag = parser.add("--admin", admin);
  const CLI::Option* timeout_flag = parser.add("--timeout", timeout);
  if (!parser.parse(arguments)) {
    return parser.error;
  }
  if (parser.help()) {
    return PrintCommand{help};
  }
  if (Parser::given(config_flag) && ask.config_file.empty()) {
    return usage_error(name, "--config needs the name of a file");
  }
  if (Parser::given(admin_flag)) {
    ask.flags["admin"] = admin;
  }
  if (!Parser::given(timeout_flag)) {
    return ask;
  }
  if (const auto error = take_timeout(name, timeout, ask.timeout_ms)) {
    return *error;
  }
  return ask;
}

Command parse_healthcheck(const Arguments& arguments) {
  Parser parser("healthcheck");
  HealthcheckCommand check;
  return parse_ask("healthcheck", arguments, parser, check, healthcheck_help());
}

Command parse_clients(const Arguments& arguments) {
  Parser parser("clients");
  ClientsCommand clients;
  parser.add_flag("--watch", clients.watch);
  return parse_ask("clients", arguments, parser, clients, clients_help());
}

Command parse_backends(const Arguments& arguments) {
  Parser parser("backends");
  BackendsCommand backends;
  parser.add("ACTION", backends.action);
  parser.add("NAME", backends.backend);
  parser.add("ENDPOINT", backends.endpoint);
  parser.add("--reason", backends.reason);
  return parse_ask("backends", arguments, parser, backends, backends_help());
}

Command parse_keys(const Arguments& arguments) {
  Parser parser("keys");
  KeysCommand keys;
  parser.add("KIND", keys.kind);
  parser.add("NAME", keys.name);
  if (!parser.parse(arguments) || parser.help()) {
    return parser.help() ? Command(PrintCommand{keys_help()}) : parser.error;
  }
  if (keys.kind == "curve" && !keys.name.empty()) {
    return keys;
  }
  return usage_error("keys", "kind or name is missing; write zerogate keys curve NAME");
}

}  // namespace

Command parse_command_line(const std::vector<std::string>& arguments, const SettingsTable& table) {
  if (arguments.empty()) {
    return UsageError{program_help()};
  }
  const std::string& first = arguments.front();
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (first == "serve") {
    return parse_configured<ServeCommand>(first, rest, table, serve_help(table));
  }
  if (first == "check") {
    return parse_configured<CheckCommand>(first, rest, table, check_help());
  }
  if (first == "functions") {
    return parse_configured<FunctionsCommand>(first, rest, table, functions_help());
  }
  constexpr std::pair<std::string_view, Command (*)(const Arguments&)> kOthers[] = {
      {"call", parse_call},       {"bench", parse_bench},       {"healthcheck", parse_healthcheck},
      {"clients", parse_clients}, {"backends", parse_backends}, {"keys", parse_keys}};
  for (const auto& [name, parse] : kOthers) {
    if (first == name) {
      return parse(rest);
    }
  }
  if (first == "--version") {
    return PrintCommand{fmt::format("zerogate {} ({})\n", version(), revision())};
  }
  if (first == "--help" || first == "-h" || first == "help") {
    return PrintCommand{program_help()};
  }
  if (first.starts_with('-')) {
    return usage_error("", "unknown flag " + first, did_you_mean(first, {"--help", "--version"}));
  }
  return usage_error("", "unknown command " + quote(first),
                     did_you_mean(first, {"serve", "check", "functions", "call", "bench",
                                          "healthcheck", "clients", "backends", "keys"}));
}

}  // namespace zerogate
