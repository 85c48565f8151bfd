// The configuration, as a plain struct of values: load_config.h makes one, settings.h has its keys.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/address.h"
#include "core/base/address_range.h"
#include "core/bridge/backend_options.h"
#include "core/log/log.h"
#include "core/rpc/rate_limit_options.h"
#include "core/security/curve_certificate.h"
#include "core/security/curve_clients.h"
#include "core/security/tls_material.h"
#include "handlers/registry.h"

namespace zerogate {

/// Bytes that limits.memory takes at least: the program alone is 9 MiB with one thread, and a few
/// clients' messages and connections need what is left (memory_budget.cc).
inline constexpr uint64_t kMinMemory = uint64_t{16} << 20;
/// And at most: one that says more has miscounted, or wants no limit.
inline constexpr uint64_t kMaxMemory = uint64_t{1} << 40;

/// Where the values come from: a reload judges by it (reload_rules.h).
struct ConfigSource {
  std::string file = {};     ///< its name, or empty: there was none
  bool has_keys = false;     ///< the file says something
  bool says_routes = false;  ///< routes were written, if only as []
  /// Configurations are equal when they say the same, wherever it stands.
  bool operator==(const ConfigSource&) const { return true; }
};

/// For lines that no key's place stands before.
inline std::string name_of(const ConfigSource& source) {
  return source.file.empty() ? "configuration" : source.file;
}

struct Config {
  uint32_t threads = 1;  ///< event loops; "auto" in the file is resolved to what the cgroup grants
  std::optional<Address> listen_tcp = Address{"127.0.0.1", 5559, ""};
  std::optional<Address> listen_zmq = Address{"127.0.0.1", 5560, ""};
  std::optional<Address> listen_zmq_curve;  ///< ZeroMQ with CURVE; nothing: off
  CurveKeyFile curve_secret_key;            ///< of that port
  CurveClientKeys curve_clients;            ///< whose keys may call there
  std::optional<Address> listen_tls;        ///< raw TCP's protocol over TLS; nothing: off
  std::string tls_cert;                     ///< files in PEM
  std::string tls_key;
  std::string tls_ca;
  TlsClients tls_clients = TlsClients::required;
  std::vector<std::string> tls_allow;  ///< see TlsAllow
  bool tls_allows_12 = false;          ///< TLS 1.3 only otherwise
  uint32_t tls_handshake_timeout_ms = 5'000;
  uint32_t tls_watch_ms = 30'000;  ///< the files are looked at so often; 0: off
  /// What the files of listen.tls say; null when it is off.
  std::shared_ptr<const TlsMaterial> tls_material;
  std::optional<uint32_t> listen_mode;  ///< of Unix sockets; nothing: as the umask leaves it
  std::string listen_group;             ///< of Unix sockets, name or number; empty: the process'
  AddressRanges listen_allow;           ///< who may connect; empty: everyone
  std::optional<Address> admin = Address{"127.0.0.1", 9464, ""};
  std::optional<uint32_t> admin_mode;    ///< as listen_mode
  std::string admin_group;               ///< as listen_group
  std::vector<std::string> admin_hosts;  ///< names by which it may be asked, with globs
  std::string admin_token;               ///< that all but probes need; empty: none
  std::string admin_token_file;          ///< the file with that token; empty: none
  std::string admin_tls_cert;            ///< files in PEM; empty: the port speaks HTTP
  std::string admin_tls_key;
  /// What those files said when they were read last; null: HTTP.
  std::shared_ptr<const TlsMaterial> admin_tls_material;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::logfmt;
  double log_access = 0;                           ///< the share of calls that get a line
  uint32_t log_slow_ms = 1'000;                    ///< a call this slow gets a line; 0: off
  uint64_t max_message = 16 << 20;                 ///< bytes
  uint32_t max_connections = 10'000;               ///< per protocol
  uint32_t max_in_flight = 20'000;                 ///< calls, over all clients
  uint64_t write_buffer = 1 << 20;                 ///< bytes waiting for one slow reader
  uint32_t max_handshakes = 256;                   ///< of TLS, not done yet, of each event loop
  uint64_t memory = 0;                             ///< bytes of the process; 0: what its cgroup has
  uint32_t zmq_keep_alive_ms = 1'000;              ///< 0: off; see ZmqOptions::keep_alive_ms
  uint32_t drain_delay_ms = 0;                     ///< not ready, yet at work; 0: off
  uint32_t drain_timeout_ms = 8'000;               ///< below docker's 10 s kill
  std::string redis = "redis://127.0.0.1:6379/0";  ///< as written, with its password
  std::string redis_tls_ca;    ///< of rediss://: files in PEM; empty: the system's CAs
  std::string redis_tls_cert;  ///< empty: the gateway shows none
  std::string redis_tls_key;
  std::string redis_tls_name;  ///< that the certificate must have; empty: the URL's
  /// What these files say; null without rediss://.
  std::shared_ptr<const TlsMaterial> redis_tls_material;
  uint32_t redis_connections = 1;
  uint32_t redis_timeout_ms = 1'000;
  /// load_config empties it when there are routes, no list of handlers was given, and the functions
  /// are the gateway's own.
  std::vector<std::string> handlers = handler_names();
  std::vector<BackendOptions> backends;
  std::vector<RateLimitOptions> rate_limits;
  std::vector<RouteOptions> routes;  ///< the first match wins; each names one of `backends`
  /// What --bridge says; load_config has made it the last of `backends` and of `routes`.
  std::vector<ServerUrl> bridge;
  uint32_t bridge_timeout_ms = BackendOptions{}.timeout_ms;  ///< of calls through that backend
  std::vector<std::string> notes;  ///< what load_config decided by itself: a line each, for the log
  std::vector<std::string> warnings;  ///< what is surely not meant, though it can be done: likewise
  ConfigSource source;

  bool operator==(const Config&) const = default;
};

/// The name of the backend that --bridge makes.
inline constexpr std::string_view kBridgeName = "bridge";
inline constexpr std::string_view kBridgeTimeoutFlag = "--bridge-timeout";

}  // namespace zerogate
