#include "gateway/config/settings.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "core/base/ascii.h"
#include "core/base/units.h"
#include "gateway/config/codecs.h"

namespace zerogate {
namespace {

constexpr uint32_t kMaxThreads = 256;
constexpr uint32_t kMaxConnections = 1'000'000;  // descriptors end long before
constexpr uint32_t kMaxInFlight = 10'000'000;
constexpr uint32_t kMaxRedisConnections = 256;  // per event loop

constexpr uint64_t kMinBuffer = kKiB;  // of one client: messages, and replies that wait
constexpr uint64_t kMaxBuffer = kGiB;

constexpr uint32_t kMaxBurst = 1'000'000;  // a burst of more than an hour's calls is no limit

constexpr SettingScope kLive = {.live = true};
constexpr SettingScope kLiveOfCurve = {.live = true, .listener = "listen.zmq_curve"};
constexpr SettingScope kLiveOfTls = {.live = true, .listener = "listen.tls"};
constexpr SettingScope kLiveNotInFile = {.in_file = false, .live = true};

/// A name or numeric address.
Codec<std::string> host_name() {
  const auto parse = [](const std::string& text) -> Result<std::string> {
    const auto is_odd = [](unsigned char c) {
      return c <= ' ' || c == 0x7f || c == '/' || c == '*';
    };
    if (text.empty() || std::ranges::any_of(text, is_odd)) {
      return Error{fmt::format("{} is no name; write a DNS name or an address", quote(text))};
    }
    return lower_case(text);
  };
  return word<std::string>(parse, [](const std::string& name) { return name; });
}

/// The least version of TLS: true is 1.2, false 1.3.
Codec<bool> tls_version() {
  const auto parse = [](const std::string& text) -> Result<bool> {
    if (text != "1.3" && text != "1.2") {
      return Error{
          fmt::format("{} is no version that is spoken; write \"1.3\" or \"1.2\"", quote(text))};
    }
    return text == "1.2";
  };
  return word<bool>(parse, [](bool is_12) { return std::string(is_12 ? "1.2" : "1.3"); });
}

/// On what it listens, and who may ask.
SettingsTable make_port_settings() {
  using C = Config;
  // clang-format off
  return {
      row({"threads", "--threads", "N", "event loops; auto: as many as the cgroup grants CPUs"},
          &C::threads, thread_count(kMaxThreads)),
      row({"listen.tcp", "--listen-tcp", "ADDRESS", "raw TCP: host:port, [v6]:port or unix:/path"},
          &C::listen_tcp, tcp_address()),
      row({"listen.zmq", "--listen-zmq", "ADDRESS", "ZeroMQ: host:port, [v6]:port or ipc:/path"},
          &C::listen_zmq, zmq_address()),
      row({.path = "listen.zmq_curve", .placeholder = "ADDRESS", .help = "ZeroMQ for clients with "
           "CURVE keys", .example = "0.0.0.0:5561"},
          &C::listen_zmq_curve, zmq_address()),
      row({"listen.tls", "--listen-tls", "ADDRESS", "raw TCP's protocol over TLS: host:port or "
           "[v6]:port"},
          &C::listen_tls, tcp_address()),
      row({.path = "listen.mode", .placeholder = "MODE", .help = "of Unix sockets, as in chmod; "
           "off: as the umask leaves it", .example = "0660"},
          &C::listen_mode, or_off(file_mode(), std::optional<uint32_t>())),
      row({.path = "listen.group", .placeholder = "GROUP", .help = "of Unix sockets; off: the "
           "gateway's own", .example = "www-data"},
          &C::listen_group, or_off(group_name(), std::string())),
      row({.path = "listen.allow", .placeholder = "RANGES", .help = "whose addresses may connect; "
           "off: everyone's", .example = "10.0.0.0/8, \"fd00::/8\""},
          &C::listen_allow, or_off(address_ranges(), AddressRanges())),
      row({.path = "curve.secret_key", .placeholder = "FILE", .help = "the gateway's own keys for "
           "listen.zmq_curve", .example = "/etc/zerogate/gateway.key_secret"},
          &C::curve_secret_key, curve_secret_key()),
      row({.path = "curve.clients", .placeholder = "FOLDER", .help = "of the clients' public keys; "
           "any: every key may call", .example = "/etc/zerogate/clients"},
          &C::curve_clients, curve_clients(), kLiveOfCurve),
      row({"admin", "--admin", "ADDRESS", "/metrics, /healthz, /readyz and /config"},
          &C::admin, address("127.0.0.1:9464")),
      row({.path = "admin_mode", .placeholder = "MODE", .help = "of the admin port's Unix "
           "socket", .example = "0600"},
          &C::admin_mode, or_off(file_mode(), std::optional<uint32_t>())),
      row({.path = "admin_group", .placeholder = "GROUP", .help = "of the admin port's Unix socket",
           .example = "adm"},
          &C::admin_group, or_off(group_name(), std::string())),
      row({.path = "admin_hosts", .placeholder = "NAMES", .help = "names with a dot that the admin "
           "port answers to; \"*\": any",
           .example = "zerogate.example.com, \"*.lan\""},
          &C::admin_hosts, host_names()),
      row({.path = "admin_token", .placeholder = "TOKEN", .help = "the bearer token that all "
           "but /healthz and /readyz need", .example = "off"},
          &C::admin_token, or_off(secret(), std::string())),
      row({.path = "admin_token_file", .placeholder = "FILE", .help = "the file with that token, "
           "read again for each request", .example = "/run/secrets/zerogate"},
          &C::admin_token_file, or_off(file_name(), std::string())),
      row({.path = "admin_tls.cert", .placeholder = "FILE", .help = "of the admin port, with its "
           "chain, in PEM: it speaks HTTPS",
           .example = "/etc/zerogate/tls/tls.crt"},
          &C::admin_tls_cert, or_off(file_name(), std::string())),
      row({.path = "admin_tls.key", .placeholder = "FILE", .help = "its key, in PEM, without a "
           "passphrase", .example = "/etc/zerogate/tls/tls.key"},
          &C::admin_tls_key, or_off(file_name(), std::string())),
  };
  // clang-format on
}

/// Who may speak over TLS.
SettingsTable make_tls_settings() {
  using C = Config;
  const auto file = or_off(file_name(), std::string());
  // clang-format off
  return {
      row({.path = "tls.cert", .placeholder = "FILE", .help = "the certificate of "
           "listen.tls, with its chain, in PEM", .example = "/etc/zerogate/tls/tls.crt"},
          &C::tls_cert, file, kLiveOfTls),
      row({.path = "tls.key", .placeholder = "FILE", .help = "its key, in PEM, without a "
           "passphrase", .example = "/etc/zerogate/tls/tls.key"},
          &C::tls_key, file, kLiveOfTls),
      row({.path = "tls.ca", .placeholder = "FILE", .help = "CAs of clients' "
           "certificates, roots or intermediates, in PEM", .example = "/etc/zerogate/tls/ca.crt"},
          &C::tls_ca, file, kLiveOfTls),
      row({.path = "tls.clients", .placeholder = "WHICH", .help = "clients' certificates: "
           "required, optional or none"},
          &C::tls_clients, choice<TlsClients>({"required", "optional", "none"}), kLiveOfTls),
      row({.path = "tls.allow", .placeholder = "NAMES", .help = "who may speak: "
           "spiffe://domain/path, dns:name, or \"*\": all",
           .example = "\"spiffe://prod/ns/*/sa/gateway\""},
          &C::tls_allow, certificate_names(), kLiveOfTls),
      row({.path = "tls.min_version", .placeholder = "VERSION", .help = "of TLS: 1.3 or 1.2"},
          &C::tls_allows_12, tls_version(), kLiveOfTls),
      row({.path = "tls.handshake_timeout", .placeholder = "DURATION", .help = "until a client's "
           "handshake is done"},
          &C::tls_handshake_timeout_ms, duration()),
      row({.path = "tls.watch", .placeholder = "DURATION", .help = "how often the files of "
           "certificates are read again"},
          &C::tls_watch_ms, or_off(duration(), 0u)),
  };
  // clang-format on
}

/// What it does, and within which limits.
SettingsTable make_work_settings() {
  using C = Config;
  const auto level = choice<log::Level>({"debug", "info", "warn", "error", "off"});
  const auto format = choice<log::Format>({"logfmt", "json"});
  const auto duration_or_off = or_off(duration(), 0u);
  // clang-format off
  return {
      row({"log.level", "--log-level", "LEVEL", "debug, info, warn, error or off"},
          &C::log_level, level, kLive),
      row({"log.format", "--log-format", "FORMAT", "logfmt or json"},
          &C::log_format, format, kLive),
      row({"log.access", "", "SHARE", "a line for calls: off, all, or a share such as 0.01"},
          &C::log_access, or_off(share(), 0.0), kLive),
      row({"log.slow", "", "DURATION", "a call that took this long always gets a line; or off"},
          &C::log_slow_ms, duration_or_off, kLive),
      row({"limits.message", "", "SIZE", "largest message of a client"},
          &C::max_message, size(kMinBuffer, kMaxBuffer)),
      row({"limits.connections", "", "N", "clients' connections, for each protocol"},
          &C::max_connections, count(1, kMaxConnections)),
      row({"limits.in_flight", "", "N", "calls under way, over all clients"},
          &C::max_in_flight, count(1, kMaxInFlight)),
      row({"limits.write_buffer", "", "SIZE", "replies that may wait for one slow reader"},
          &C::write_buffer, size(kMinBuffer, kMaxBuffer)),
      row({"limits.handshakes", "", "N", "TLS handshakes of clients under way, in each event loop"},
          &C::max_handshakes, count(1, kMaxConnections)),
      row({"limits.memory", "", "SIZE", "of the whole process; off: what its cgroup grants"},
          &C::memory, or_off(size(kMinMemory, kMaxMemory), uint64_t{0})),
      row({"zmq_keep_alive", "", "DURATION",
           "ZeroMQ peers that were sent nothing this long get a frame"},
          &C::zmq_keep_alive_ms, duration_or_off),
      row({"drain_delay", "", "DURATION",
           "how long after SIGTERM calls are still served"},
          &C::drain_delay_ms, duration_or_off),
      row({"drain_timeout", "", "DURATION", "how long SIGTERM waits for calls under way"},
          &C::drain_timeout_ms, duration()),
      row({"redis.url", "--redis", "URL",
           "redis[s]://[user:password@]host[:port][/db] or unix:/path[?db=N]"},
          &C::redis, redis_url()),
      row({.path = "redis.tls_ca", .placeholder = "FILE", .help = "of rediss://: its CAs, in PEM; "
           "off: the system's", .example = "/etc/zerogate/tls/ca.crt"},
          &C::redis_tls_ca, or_off(file_name(), std::string())),
      row({.path = "redis.tls_cert", .placeholder = "FILE", .help = "the certificate that Redis is "
           "shown, with its chain, in PEM", .example = "/etc/zerogate/tls/tls.crt"},
          &C::redis_tls_cert, or_off(file_name(), std::string())),
      row({.path = "redis.tls_key", .placeholder = "FILE", .help = "its key, in PEM, without a "
           "passphrase", .example = "/etc/zerogate/tls/tls.key"},
          &C::redis_tls_key, or_off(file_name(), std::string())),
      row({.path = "redis.tls_name", .placeholder = "NAME", .help = "that the certificate of Redis "
           "must have; off: that of the URL", .example = "redis.internal"},
          &C::redis_tls_name, or_off(host_name(), std::string())),
      row({"redis.connections", "", "N", "connections to Redis, for each event loop"},
          &C::redis_connections, count(1, kMaxRedisConnections)),
      row({"redis.timeout", "", "DURATION", "deadline of a command to Redis"},
          &C::redis_timeout_ms, duration()),
      row({"handlers", "", "NAMES", "functions served here"},
          &C::handlers, handler_list(), kLive),
      structure({"backends", "", "", "servers that calls are forwarded to, in YAML"},
                &C::backends, kLive),
      structure({"routes", "", "", "which functions go to which backend, in YAML"},
                &C::routes, kLive),
      structure({"rate_limits", "", "", "how many calls callers may make, in YAML"},
                &C::rate_limits, kLive),
      row({"bridge", "--bridge", "URL", "forward to this Zero server; once for each endpoint"},
          &C::bridge, server_urls(), kLiveNotInFile),
      row({"bridge_timeout", kBridgeTimeoutFlag, "DURATION", "of a call through --bridge"},
          &C::bridge_timeout_ms, duration(), kLiveNotInFile),
  };
}

std::vector<SettingOf<BackendOptions>> make_backend_settings() {
  using B = BackendOptions;
  return {
      row({.path = "url", .placeholder = "URLS", .help = "one server, or a list of servers of the "
           "same functions: tcp://host:port, tls://host:port, zmq://host:port, unix:/path or "
           "ipc:/path; every address of a host name is a server", .example = "tcp://orders:5559"},
          &B::urls, server_urls()),
      row({.path = "connections", .placeholder = "N", .help = "to each server, from each event "
           "loop; 0: 24 over TCP (2 to a gateway over TLS), 1 over ZeroMQ", .example = "24"},
          &B::connections, count(0, kMaxBackendConnections)),
      row({.path = "in_flight", .placeholder = "N", .help = "requests under way on each "
           "connection; auto: over TCP one, and behind it those that need not wait longer than "
           "pipeline_wait; over ZeroMQ 1000", .example = "1"},
          &B::in_flight, count_or_auto(kMaxBackendInFlight)),
      row({.path = "pipeline_wait", .placeholder = "DURATION", .help = "of in_flight: auto, how "
           "long the requests that a call is put behind may take"},
          &B::pipeline_wait_ms, duration()),
      row({.path = "queue", .placeholder = "N", .help = "calls that may wait for a connection, in "
           "each event loop; more are refused as overloaded"},
          &B::queue, count(0, kMaxBackendQueue)),
      row({.path = "timeout", .placeholder = "DURATION", .help = "of a call, waiting included, "
           "when its route does not say another"}, &B::timeout_ms, duration()),
      row({.path = "connect_timeout", .placeholder = "DURATION", .help = "until a server has "
           "answered on a new connection"}, &B::connect_timeout_ms, duration()),
      row({.path = "resolve", .placeholder = "DURATION", .help = "how often host names are looked "
           "up again"}, &B::resolve_ms, duration()),
      row({.path = "eject_after", .placeholder = "N", .help = "failures in a row that set a server "
           "aside for a while"}, &B::eject_after, count(1, kMaxEjectAfter)),
      row({.path = "idempotent", .placeholder = "PATTERNS", .help = "functions that may be sent to "
           "a second server when the first one failed", .example = "\"get_*\""},
          &B::idempotent, globs()),
      row({.path = "curve.server_key", .placeholder = "FILE", .help = "of a server by zmq:// with "
           "CURVE: its public key", .example = "/etc/zerogate/orders.key"},
          &B::curve_server_key, unless(CurveKeyFile(), curve_public_key_file())),
      row({.path = "curve.secret_key", .placeholder = "FILE", .help = "the keys with which the "
           "gateway calls it", .example = "/etc/zerogate/gateway.key_secret"},
          &B::curve_secret_key, unless(CurveKeyFile(), curve_secret_key())),
      row({.path = "tls.ca", .placeholder = "FILE", .help = "of a server by tls://: the CAs that "
           "sign its certificate, in PEM; the system's when nothing is said",
           .example = "/etc/zerogate/tls/ca.crt"},
          &B::tls_ca, unless(std::string(), file_name())),
      row({.path = "tls.cert", .placeholder = "FILE", .help = "the certificate that the gateway "
           "shows it, with its chain, in PEM", .example = "/etc/zerogate/tls/tls.crt"},
          &B::tls_cert, unless(std::string(), file_name())),
      row({.path = "tls.key", .placeholder = "FILE", .help = "its key, in PEM, without a "
           "passphrase", .example = "/etc/zerogate/tls/tls.key"},
          &B::tls_key, unless(std::string(), file_name())),
      row({.path = "tls.name", .placeholder = "NAME", .help = "the name or address that the "
           "server's certificate must have, when it is not that of the URL",
           .example = "orders.internal"},
          &B::tls_name, unless(std::string(), host_name())),
      row({.path = "tls.allow", .placeholder = "NAMES", .help = "instead of a name: "
           "spiffe://domain/path or dns:name of its certificate",
           .example = "\"spiffe://prod/orders\""},
          &B::tls_allow, unless(std::vector<std::string>(), certificate_names())),
  };
}

std::vector<SettingOf<RouteOptions>> make_route_settings() {
  using R = RouteOptions;
  return {
      row({.path = "functions", .placeholder = "PATTERNS", .help = "a name, a pattern in which * "
           "stands for any characters, or a list of them", .example = "\"save_*\", get_order"},
          &R::functions, globs()),
      row({.path = "backend", .placeholder = "NAME", .help = "a backend's name",
           .example = "orders"}, &R::backend, backend_name()),
      row({.path = "timeout", .placeholder = "DURATION", .help = "instead of the backend's",
           .example = "2s"}, &R::timeout_ms, unless(0u, duration())),
  };
}
std::vector<SettingOf<RateLimitOptions>> make_rate_limit_settings() {
  using L = RateLimitOptions;
  return {
      row({.path = "functions", .placeholder = "PATTERNS", .help = "a name, a pattern in which * "
           "stands for any characters, or a list of them", .example = "\"save_*\", get_order"},
          &L::functions, globs()),
      row({.path = "per", .placeholder = "WHAT", .help = "caller, function or all: what is "
           "counted by itself"},
          &L::per, choice<L::Per>({"caller", "function", "all"})),
      row({.path = "rate", .placeholder = "RATE", .help = "calls in a second, minute or hour, on "
           "the average, as in 100/s, 600/m or 1000/h", .example = "100/s"},
          &L::rate, unless(Rate(), rate())),
      row({.path = "burst", .placeholder = "N", .help = "calls that may come at once; 0: what the "
           "rate grants in a second, and at least 1"},
          &L::burst, count(0, kMaxBurst)),
      row({.path = "mode", .placeholder = "MODE", .help = "enforce: a call over the limit gets an "
           "error; observe: it is only counted"},
          &L::mode, choice<L::Mode>({"observe", "enforce"})),
  };
}
// clang-format on

}  // namespace

std::string environment_name(std::string_view path) {
  std::string name = "ZEROGATE_";
  for (const char c : path) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::string one_word(const std::optional<SettingValue>& value) {
  if (!value) {
    return "none";
  }
  switch (value->kind) {
    case SettingValue::Kind::off:
      return "off";
    case SettingValue::Kind::text:
      return value->text;
    case SettingValue::Kind::list:
      break;
  }
  std::string joined;
  for (const PlacedText& item : value->items) {
    joined += (joined.empty() ? "" : ", ") + item.text;
  }
  return joined.empty() ? "none" : joined;
}

const SettingsTable& settings() {
  static const SettingsTable kTable = [] {
    SettingsTable table = make_port_settings();
    std::ranges::copy(make_tls_settings(), std::back_inserter(table));
    std::ranges::copy(make_work_settings(), std::back_inserter(table));
    return table;
  }();
  return kTable;
}

const std::vector<SettingOf<BackendOptions>>& backend_settings() {
  static const std::vector<SettingOf<BackendOptions>> kTable = make_backend_settings();
  return kTable;
}

const std::vector<SettingOf<RouteOptions>>& route_settings() {
  static const std::vector<SettingOf<RouteOptions>> kTable = make_route_settings();
  return kTable;
}

const std::vector<SettingOf<RateLimitOptions>>& rate_limit_settings() {
  static const std::vector<SettingOf<RateLimitOptions>> kTable = make_rate_limit_settings();
  return kTable;
}

const Setting* find_setting(const SettingsTable& table, std::string_view path) {
  const auto found = std::ranges::find(table, path, &Setting::path);
  return found == table.end() ? nullptr : &*found;
}

SettingValue value_from_text(const Setting& setting, std::string_view text, std::string place) {
  SettingValue value{SettingValue::Kind::text, std::string(text), {}, std::move(place)};
  if (setting.can_be_off && text == "off") {
    value.kind = SettingValue::Kind::off;
  } else if (setting.is_list && !text.empty()) {
    value.kind = SettingValue::Kind::list;
    // Behind the last comma, too: a flag or template whose second variable is not set ends in one.
    for (size_t begin = 0; text != "off" && begin <= text.size();) {
      const size_t end = std::min(text.find(',', begin), text.size());
      value.items.push_back(
          {std::string(trim(text.substr(begin, end - begin), " \t")), value.place});
      begin = end + 1;
    }
  }
  return value;
}

}  // namespace zerogate
