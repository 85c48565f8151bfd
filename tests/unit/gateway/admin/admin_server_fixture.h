// What the tests of the admin server stand on: peers on loopback, and a server with fake sources.
#pragma once

#include "gateway/admin/admin_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <prometheus/metric_family.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/log/log.h"

namespace zerogate {

/// A peer on loopback. Nothing it waits for takes longer than kPatience.
class AdminPeer {
 public:
  static constexpr timeval kPatience = {.tv_sec = 20, .tv_usec = 0};

  explicit AdminPeer(uint16_t port, int family = AF_INET)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    connected_ = family == AF_INET
                     ? connect(fd_.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0
                     : connect(fd_.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
  }
  bool connected() const { return connected_; }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return;  // the server may close before it has read everything
      }
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  /// Everything until the server closes; false when it did not do so in time.
  bool read_all(std::string& into) {
    char buffer[65536];
    while (true) {
      const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) {
        return true;
      }
      if (got < 0) {
        return false;
      }
      into.append(buffer, static_cast<size_t>(got));
    }
  }

 private:
  UniqueFd fd_;
  bool connected_ = false;
};

inline std::string http_ask(uint16_t port, const std::string& request, int family = AF_INET) {
  AdminPeer peer(port, family);
  if (!peer.connected()) {
    return "not connected";
  }
  peer.send(request + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string reply;
  return peer.read_all(reply) ? reply : "no end of the reply";
}

inline std::string http_body(const std::string& reply) {
  const size_t end = reply.find("\r\n\r\n");
  return end == reply.npos ? "" : reply.substr(end + 4);
}

class FakeMetrics final : public prometheus::Collectable {
 public:
  explicit FakeMetrics(std::string name, size_t series = 1) : name_(std::move(name)), n_(series) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    if (broken) {
      throw std::runtime_error("broken");
    }
    prometheus::MetricFamily family{name_, "Help.", prometheus::MetricType::Gauge, {}};
    for (size_t i = 0; i < n_; ++i) {
      family.metric.emplace_back().label = {{"series", std::to_string(i)}};
    }
    return {family};
  }
  std::atomic<bool> broken{false};

 private:
  std::string name_;
  size_t n_;
};

class AdminServerTest : public ::testing::Test {
 protected:
  AdminSources sources() {
    AdminSources result;
    result.metrics = {first, second};
    result.readiness = [this] {
      return ready ? Readiness{true, "ready"} : Readiness{false, "waiting for redis"};
    };
    result.config = [this] {
      if (config_broken) {
        throw std::runtime_error("no config");
      }
      return std::string("threads: 1\n");
    };
    result.reload = [this]() -> Result<std::string> {
      if (reload_waits_for.valid()) {
        reload_waits_for.wait();
      }
      if (config_broken) {
        return Error{"zerogate.yaml:1: no\nzerogate.yaml:2: neither"};
      }
      return std::string("reloaded");
    };
    result.set_log_level = [](std::string_view level) -> Result<std::string> {
      if (level != "debug") {
        return Error{"'" + std::string(level) + "' is no level"};
      }
      return std::string("info -> debug");
    };
    result.version = "1.2.3";
    result.access = access;
    return result;
  }
  void start(const Address& address = {"127.0.0.1", 0, ""}) {
    auto started = AdminServer::start(address, sources());
    ASSERT_TRUE(started.ok()) << started.error();
    server = std::move(started).value();
    ASSERT_TRUE(address.is_path() || server->port() > 0);
  }
  std::string error_of(const Address& address) {
    auto started = AdminServer::start(address, sources());
    return started.ok() ? "started" : started.error();
  }
  std::string get(const std::string& path) { return http_ask(server->port(), "GET " + path); }

  std::shared_ptr<FakeMetrics> first = std::make_shared<FakeMetrics>("first");
  std::shared_ptr<FakeMetrics> second = std::make_shared<FakeMetrics>("second", 20'000);
  std::atomic<bool> ready{false};
  std::atomic<bool> config_broken{false};
  std::shared_future<void> reload_waits_for;
  AdminAccess access;
  std::unique_ptr<AdminServer> server;
};

}  // namespace zerogate
