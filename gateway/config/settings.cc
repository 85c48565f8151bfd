#include "gateway/config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "core/base/units.h"
#include "gateway/config/bridge_settings.h"
#include "gateway/host/cpu_count.h"
#include "handlers/registry.h"

namespace zerogate {
namespace {

constexpr uint32_t kMaxThreads = 256;
constexpr uint32_t kMaxConnections = 1'000'000;  // descriptors end long before
constexpr uint32_t kMaxInFlight = 10'000'000;
constexpr uint32_t kMaxRedisConnections = 256;  // per event loop
constexpr uint64_t kMinBytes = kKiB;
constexpr uint64_t kMaxBytes = kGiB;

/// What a row says about the kind of its value.
struct Codec {
  decltype(Setting::set) set;
  decltype(Setting::show) show;
  bool can_be_off = false;
  bool is_list = false;
};

SettingValue text_value(std::string text) {
  return {SettingValue::Kind::text, std::move(text), {}, ""};
}

/// A codec of one word: `parse` takes it and gives Result<T>, `store` puts the T into the
/// configuration, `show` gives the word back.
template <class Parse, class Store, class Show>
Codec word(Parse parse, Store store, Show show) {
  return {[parse, store](const SettingValue& value, Config& config, Problems& problems) {
            auto parsed = parse(value.text);
            if (!parsed) {
              return problems.push_back({value.place, parsed.error()});
            }
            store(config, std::move(parsed).value());
          },
          [show](const Config& config) { return text_value(show(config)); }};
}

Codec count(uint32_t Config::*field, uint32_t max) {
  return word([max](const std::string& text) { return parse_count(text, 1, max); },
              [field](Config& config, uint32_t number) { config.*field = number; },
              [field](const Config& config) { return std::to_string(config.*field); });
}

Codec thread_count() {
  Codec numbers = count(&Config::threads, kMaxThreads);
  const auto set = [numbers](const SettingValue& value, Config& config, Problems& problems) {
    if (value.text == "auto") {
      config.threads = std::min(cpu_count(), kMaxThreads);
      return;
    }
    const size_t before = problems.size();
    numbers.set(value, config, problems);
    if (problems.size() > before) {
      problems.back().message += ", or auto";
    }
  };
  return {set, numbers.show};
}

Codec size(uint64_t Config::*field) {
  const auto parse = [](const std::string& text) -> Result<uint64_t> {
    auto bytes = parse_size(text);
    if (bytes && (bytes.value() < kMinBytes || bytes.value() > kMaxBytes)) {
      return out_of_range(text, show_size(kMinBytes) + " to " + show_size(kMaxBytes));
    }
    return bytes;
  };
  return word(
      parse, [field](Config& config, uint64_t bytes) { config.*field = bytes; },
      [field](const Config& config) { return show_size(config.*field); });
}

Codec duration(uint32_t Config::*field) {
  return word(
      parse_timeout_ms, [field](Config& config, uint32_t ms) { config.*field = ms; },
      [field](const Config& config) { return show_duration_ms(config.*field); });
}

/// A duration; off is 0.
Codec duration_or_off(uint32_t Config::*field) {
  Codec codec = duration(field);
  const auto set = [field, on = codec.set](const SettingValue& value, Config& config,
                                           Problems& problems) {
    if (value.kind != SettingValue::Kind::off) {
      return on(value, config, problems);
    }
    config.*field = 0;
  };
  const auto show = [field, on = codec.show](const Config& config) {
    if (config.*field != 0) {
      return on(config);
    }
    return SettingValue{SettingValue::Kind::off, "", {}, ""};
  };
  codec.set = set;
  codec.show = show;
  codec.can_be_off = true;
  return codec;
}

/// The share of calls that get a line: off is 0, all is 1.
Codec share_or_off(double Config::*field) {
  const auto parse = [](const std::string& text) -> Result<double> {
    if (text == "all") {
      return 1.0;
    }
    double share = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (error == std::errc() && end == text.data() + text.size() && share > 0 && share <= 1) {
      return share;
    }
    return Error{
        fmt::format("{} is no share of calls; write off, all, or a number above 0 and up "
                    "to 1 such as 0.01",
                    quote(text))};
  };
  Codec codec = word(
      parse, [field](Config& config, double share) { config.*field = share; },
      [field](const Config& config) {
        return config.*field == 1 ? std::string("all") : fmt::format("{}", config.*field);
      });
  const auto set = [field, on = codec.set](const SettingValue& value, Config& config,
                                           Problems& problems) {
    if (value.kind != SettingValue::Kind::off) {
      return on(value, config, problems);
    }
    config.*field = 0;
  };
  const auto show = [field, on = codec.show](const Config& config) {
    if (config.*field > 0) {
      return on(config);
    }
    return SettingValue{SettingValue::Kind::off, "", {}, ""};
  };
  return {.set = set, .show = show, .can_be_off = true};
}

/// An address, or off. civetweb as Debian builds it cannot listen on a Unix socket, so the admin
/// server's must not be a path.
Codec address(std::optional<Address> Config::*field, bool may_be_path) {
  const auto set = [=](const SettingValue& value, Config& config, Problems& problems) {
    if (value.kind == SettingValue::Kind::off) {
      config.*field = std::nullopt;
      return;
    }
    auto parsed = Address::parse(value.text);
    if (!parsed) {
      return problems.push_back({value.place, parsed.error()});
    }
    if (parsed.value().is_path() && !may_be_path) {
      const std::string what = quote(value.text);
      return problems.push_back({value.place, what + " is a socket's path, which only listen.tcp "
                                                     "and listen.zmq take; write host:port"});
    }
    config.*field = std::move(parsed).value();
  };
  const auto show = [field](const Config& config) {
    if (!(config.*field)) {
      return SettingValue{SettingValue::Kind::off, "", {}, ""};
    }
    return text_value((config.*field)->display());
  };
  return {.set = set, .show = show, .can_be_off = true};
}

/// One of a few names, which stand in the order of the enumeration's values.
template <class Enum>
Codec choice(Enum Config::*field, const std::vector<std::string>& names) {
  const auto parse = [names](const std::string& text) -> Result<Enum> {
    const auto found = std::ranges::find(names, text);
    if (found != names.end()) {
      return static_cast<Enum>(found - names.begin());
    }
    return Error{fmt::format("{} is not known; write {}", quote(text), listed(names))};
  };
  return word(
      parse, [field](Config& config, Enum value) { config.*field = value; },
      [field, names](const Config& config) { return names[static_cast<size_t>(config.*field)]; });
}

Codec redis_url() {
  const auto set = [](const SettingValue& value, Config& config, Problems& problems) {
    auto url = RedisUrl::parse(value.text);
    if (!url) {
      return problems.push_back({value.place, url.error()});
    }
    config.redis = value.text;
    config.redis_url = std::move(url).value();
  };
  return {set, [](const Config& config) { return text_value(mask_password(config.redis)); }};
}

std::string unknown_handler(const std::string& name) {
  const std::string near = nearest(name, handler_names());
  const std::string fix = near.empty() ? fmt::format("known are {}", listed(handler_names(), "and"))
                                       : fmt::format("did you mean '{}'?", near);
  return fmt::format("unknown handler {}; {}", quote(name), fix);
}

Codec handler_list() {
  const auto set = [](const SettingValue& value, Config& config, Problems& problems) {
    const size_t before = problems.size();
    std::vector<std::string> names;
    for (const PlacedText& item : value.items) {
      if (std::ranges::find(handler_names(), item.text) == handler_names().end()) {
        problems.push_back({item.place, unknown_handler(item.text)});
      } else if (std::ranges::find(names, item.text) != names.end()) {
        problems.push_back({item.place, quote(item.text) + " stands twice; keep one"});
      } else {
        names.push_back(item.text);
      }
    }
    if (problems.size() == before) {
      config.handlers = std::move(names);
    }
  };
  const auto show = [](const Config& config) {
    SettingValue value{SettingValue::Kind::list, "", {}, ""};
    for (const std::string& name : config.handlers) {
      value.items.push_back({name, ""});
    }
    return value;
  };
  return {.set = set, .show = show, .is_list = true};
}

Codec bridge_urls() {
  const auto set = [](const SettingValue& value, Config& config, Problems& problems) {
    std::vector<ServerUrl> urls;
    if (parse_backend_urls(value, urls, problems)) {
      config.bridge = std::move(urls);
    }
  };
  const auto show = [](const Config& config) {
    SettingValue value{SettingValue::Kind::list, "", {}, ""};
    for (const ServerUrl& url : config.bridge) {
      value.items.push_back({url.display(), ""});
    }
    return value;
  };
  return {.set = set, .show = show, .is_list = true};
}

/// What a row says about where its key stands and when it is taken over.
struct Scope {
  bool in_file = true;
  bool live = false;
};
constexpr Scope kLive = {.live = true};

struct Row {
  std::string_view path, flag, placeholder, help;
  Codec codec;
  Scope scope = {};
};

std::vector<Setting> make_settings() {
  const std::vector<std::string> levels = {"debug", "info", "warn", "error", "off"};
  const std::vector<std::string> formats = {"logfmt", "json"};
  // clang-format off
  const Row rows[] = {
      {"threads", "--threads", "N", "event loops; auto: as many as the cgroup grants CPUs",
       thread_count()},
      {"listen.tcp", "--listen-tcp", "ADDRESS", "raw TCP: host:port, [v6]:port or unix:/path",
       address(&Config::listen_tcp, true)},
      {"listen.zmq", "--listen-zmq", "ADDRESS", "ZeroMQ: host:port, [v6]:port or ipc:/path",
       address(&Config::listen_zmq, true)},
      {"admin", "--admin", "ADDRESS", "/metrics, /healthz, /readyz and /config",
       address(&Config::admin, false)},
      {"log.level", "--log-level", "LEVEL", "debug, info, warn, error or off",
       choice(&Config::log_level, levels), kLive},
      {"log.format", "--log-format", "FORMAT", "logfmt or json",
       choice(&Config::log_format, formats), kLive},
      {"log.access", "", "SHARE", "a line for calls: off, all, or a share of them such as 0.01",
       share_or_off(&Config::log_access), kLive},
      {"log.slow", "", "DURATION", "a call that took this long always gets a line; or off",
       duration_or_off(&Config::log_slow_ms), kLive},
      {"limits.message", "", "SIZE", "largest message of a client", size(&Config::max_message)},
      {"limits.connections", "", "N", "clients' connections, for each protocol",
       count(&Config::max_connections, kMaxConnections)},
      {"limits.in_flight", "", "N", "calls under way, over all clients",
       count(&Config::max_in_flight, kMaxInFlight)},
      {"limits.write_buffer", "", "SIZE", "replies that may wait for one slow reader",
       size(&Config::write_buffer)},
      {"zmq_keep_alive", "", "DURATION", "ZeroMQ peers that were sent nothing this long get a frame",
       duration_or_off(&Config::zmq_keep_alive_ms)},
      {"drain_timeout", "", "DURATION", "how long SIGTERM waits for calls under way",
       duration(&Config::drain_timeout_ms)},
      {"redis.url", "--redis", "URL",
       "redis://[user:password@]host[:port][/db] or unix:/path[?db=N]",
       redis_url()},
      {"redis.connections", "", "N", "connections to Redis, for each event loop",
       count(&Config::redis_connections, kMaxRedisConnections)},
      {"redis.timeout", "", "DURATION", "deadline of a command to Redis",
       duration(&Config::redis_timeout_ms)},
      {"handlers", "", "NAMES", "functions served here",
       handler_list(), kLive},
      {"bridge", "--bridge", "URL", "forward to this Zero server; once for each endpoint",
       bridge_urls(), {.in_file = false, .live = true}},
  };
  // clang-format on
  std::vector<Setting> made;
  for (const Row& row : rows) {
    made.push_back({row.path, row.flag, row.placeholder, row.help, row.codec.can_be_off,
                    row.codec.is_list, row.scope.in_file, row.scope.live, row.codec.set,
                    row.codec.show});
  }
  return made;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

std::string environment_name(std::string_view path) {
  std::string name = "ZEROGATE_";
  for (const char c : path) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::string_view Setting::section() const {
  const size_t dot = path.find('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view Setting::key() const {
  return section().empty() ? path : path.substr(section().size() + 1);
}

std::string Setting::default_text() const {
  const SettingValue value = show(Config{});
  switch (value.kind) {
    case SettingValue::Kind::off:
      return "off";
    case SettingValue::Kind::text:
      return value.text;
    case SettingValue::Kind::list:
      break;
  }
  std::string joined;
  for (const PlacedText& item : value.items) {
    joined += (joined.empty() ? "" : ", ") + item.text;
  }
  return joined.empty() ? "none" : joined;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kTable = make_settings();
  return kTable;
}

const Setting* find_setting(std::string_view path) {
  const auto found = std::ranges::find(settings(), path, &Setting::path);
  return found == settings().end() ? nullptr : &*found;
}

SettingValue value_from_text(const Setting& setting, std::string_view text, std::string place) {
  SettingValue value{SettingValue::Kind::text, std::string(text), {}, std::move(place)};
  if (setting.can_be_off && (text.empty() || text == "off")) {
    value.kind = SettingValue::Kind::off;
  } else if (setting.is_list) {
    value.kind = SettingValue::Kind::list;
    for (std::string_view rest = text; !rest.empty();) {
      const size_t comma = std::min(rest.find(','), rest.size());
      value.items.push_back({std::string(trim(rest.substr(0, comma))), value.place});
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return value;
}

}  // namespace zerogate
