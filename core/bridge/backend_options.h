// Where calls are forwarded to, and with what limits: the configuration's `backends` and `routes`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/security/curve_certificate.h"
#include "core/security/tls_material.h"
#include "core/wire/server_url.h"

namespace zerogate {

struct BackendOptions {
  static constexpr uint32_t kMaxInFlight = 4'096;  ///< on one connection

  std::string name;
  std::vector<ServerUrl> urls;  ///< at least one
  /// Connections to each endpoint. The real TCP server serves one request at a time on each, and
  /// the kernel spreads connections over its workers by chance: 24 reach 7.7 of 8 on average. 0 is
  /// the protocol's default: 24 for TCP, 1 for ZeroMQ, whose server spreads requests itself.
  uint32_t connections = 0;
  /// Requests under way on each connection. 0 is `auto`: to TCP as many as a call may stand behind
  /// within pipeline_wait_ms, for the real server works on one at a time; 1000 to ZeroMQ.
  uint32_t in_flight = 0;
  uint32_t pipeline_wait_ms = 1;        ///< with `auto`: work that a call may be put behind
  uint32_t queue = 1024;                ///< requests waiting for a connection; more are refused
  uint32_t timeout_ms = 5'000;          ///< of a call, waiting included; a route may say another
  uint32_t connect_timeout_ms = 1'000;  ///< until the endpoint has answered `connect`
  uint32_t resolve_ms = 5'000;          ///< host names are looked up again this often
  uint32_t eject_after = 5;             ///< failures in a row after which an endpoint is set aside
  std::vector<std::string> idempotent;  ///< globs: functions that may be sent a second time
  std::string timeout_key{};            ///< which sets timeout_ms; empty: backends.NAME.timeout
  CurveKeyFile curve_server_key{};  ///< of URLs by zmq://: the server's public key; none: no CURVE
  CurveKeyFile curve_secret_key{};  ///< with which the gateway shows who it is there
  // Of URLs by tls://:
  std::string tls_ca{};    ///< files in PEM; empty: the system's CAs
  std::string tls_cert{};  ///< empty: the gateway shows none
  std::string tls_key{};
  std::string tls_name{};                ///< that the certificate must have; empty: the URL's
  std::vector<std::string> tls_allow{};  ///< instead of the URL's name: see TlsAllow
  /// What these files say; null without a URL by tls://.
  std::shared_ptr<const TlsMaterial> tls_material{};

  bool speaks_tls() const {
    return std::ranges::any_of(urls, [](const ServerUrl& url) { return url.tls; });
  }
  bool operator==(const BackendOptions&) const = default;
};

struct RouteOptions {
  std::vector<std::string> functions;  ///< globs; `*` stands for any characters
  std::string backend;                 ///< the name of one
  uint32_t timeout_ms = 0;             ///< 0: the backend's
  bool operator==(const RouteOptions&) const = default;
};

}  // namespace zerogate
