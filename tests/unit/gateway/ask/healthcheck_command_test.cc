#include "gateway/ask/healthcheck_command.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "gateway/admin/admin_server.h"
#include "gateway/host/admin_beacon.h"
#include "tests/unit/core/client/test_peer.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kPatienceMs = 20'000;

class HealthcheckTest : public ::testing::Test {
 protected:
  void start(Readiness readiness) {
    AdminSources sources;
    sources.readiness = [readiness] { return readiness; };
    auto started = AdminServer::start({"127.0.0.1", 0, ""}, std::move(sources));
    ASSERT_TRUE(started.ok()) << started.error();
    server_ = std::move(started).value();
  }
  std::string port() const { return std::to_string(server_->port()); }

  int check(const HealthcheckCommand& command, const std::string& admin_variable = "") {
    Environment::Variables variables;
    if (!admin_variable.empty()) {
      variables["ZEROGATE_ADMIN"] = admin_variable;
    }
    out_.str("");
    err_.str("");
    return run_healthcheck(command, Environment(variables), out_, err_);
  }
  int check_at(const std::string& admin, uint32_t timeout_ms = kPatienceMs) {
    return check({"", {{"admin", admin}}, timeout_ms});
  }

  std::unique_ptr<AdminServer> server_;
  std::ostringstream out_, err_;
};

TEST_F(HealthcheckTest, AReadyGatewayIsHealthy) {
  start({true, "ready"});
  EXPECT_EQ(check_at("127.0.0.1:" + port()), 0) << err_.str();
  EXPECT_EQ(out_.str(), "127.0.0.1:" + port() + ": ready\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(HealthcheckTest, ItShowsNothingThatATerminalObeysOrHides) {
  EXPECT_EQ(check_at("unix:/none/\u202e\u009b1"), 1);
  EXPECT_THAT(err_.str(), StartsWith("zerogate healthcheck: unix:/none/  1: "));
}

TEST_F(HealthcheckTest, OneThatDrainsIsNot) {
  start({false, "draining"});
  EXPECT_EQ(check_at("127.0.0.1:" + port()), 1);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(),
            "zerogate healthcheck: 127.0.0.1:" + port() + ": not ready (503): draining\n");
}

TEST_F(HealthcheckTest, AsksWhereServeWouldListenByItsEnvironment) {
  start({true, "ready"});
  EXPECT_EQ(check({"", {}, kPatienceMs}, "0.0.0.0:" + port()), 0) << err_.str();
  EXPECT_THAT(out_.str(), StartsWith("127.0.0.1:"));
}

TEST_F(HealthcheckTest, AMistakeElsewhereDoesNotFailTheGatewayThatRuns) {
  start({true, "ready"});
  const std::string file = ::testing::TempDir() + "healthcheck_broken.yaml";
  std::ofstream(file) << "admin: 127.0.0.1:" << port() << "\nlistn: {}\n";
  EXPECT_EQ(check({file, {}, kPatienceMs}), 0) << err_.str();
  EXPECT_EQ(err_.str(), "");
  EXPECT_EQ(check({::testing::TempDir() + "nowhere.yaml", {}, kPatienceMs}, "127.0.0.1:" + port()),
            0);
  server_.reset();
  EXPECT_EQ(check({file, {}, kPatienceMs}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("unknown key 'listn'"));
  std::ofstream(file) << "admin: nonsense\n";
  EXPECT_EQ(check({file, {}, kPatienceMs}), 2);
  std::remove(file.c_str());
}

TEST_F(HealthcheckTest, FindsTheGatewayThatRunsWhateverItsFileSaysByNow) {
  start({true, "ready"});
  const std::string file =
      ::testing::TempDir() + "healthcheck_moved." + std::to_string(getpid()) + ".yaml";
  const AdminBeacon beacon(BeaconScope::here(file), "0.0.0.0:" + port());
  std::ofstream(file) << "admin: 127.0.0.1:1\n";
  EXPECT_EQ(check({file, {}, kPatienceMs}), 0) << err_.str();
  EXPECT_EQ(out_.str(), "127.0.0.1:" + port() + ": ready\n");
  std::ofstream(file) << "admin: nonsense\n";
  EXPECT_EQ(check({file, {}, kPatienceMs}), 0) << err_.str();
  std::remove(file.c_str());
  EXPECT_EQ(check({file, {}, kPatienceMs}), 0) << err_.str();
  EXPECT_EQ(check({file, {{"admin", "127.0.0.1:1"}}, kPatienceMs}), 2) << "it is named";
  EXPECT_EQ(check({file + ".other", {}, kPatienceMs}, "127.0.0.1:1"), 2) << "another file's";
  server_.reset();
  EXPECT_EQ(check({file, {}, kPatienceMs}, "127.0.0.1:1"), 2);
  EXPECT_THAT(err_.str(), HasSubstr("connection refused"));
}

TEST_F(HealthcheckTest, NobodyListens) {
  start({true, "ready"});
  const std::string address = "127.0.0.1:" + port();
  server_.reset();
  EXPECT_EQ(check_at(address), 1);
  EXPECT_EQ(err_.str(),
            "zerogate healthcheck: " + address + ": connection refused; is the gateway running?\n");
}

TEST_F(HealthcheckTest, SilenceIsAFailureInTime) {
  TcpPeer silent([](int fd) {
    std::string buffer;
    read_frame(fd, buffer);  // until the peer has gone
  });
  EXPECT_EQ(check_at(silent.url().substr(6), 50), 1);
  EXPECT_THAT(err_.str(), HasSubstr("no answer in time"));
}

TEST_F(HealthcheckTest, WhatSpeaksNoHttpIsNotHealthy) {
  TcpPeer other([](int fd) {
    char request[1024];
    EXPECT_GT(read(fd, request, sizeof request), 0);  // unread bytes would make the end a reset
    write_all(fd, "220 mail ready\r\n");
  });
  EXPECT_EQ(check_at(other.url().substr(6)), 1);
  EXPECT_THAT(err_.str(), HasSubstr("is it the admin port?"));
}

TEST_F(HealthcheckTest, WithoutAnAdminPortThereIsNothingToAsk) {
  EXPECT_EQ(check_at("off"), 2);
  EXPECT_THAT(err_.str(), HasSubstr("no admin port"));
  EXPECT_EQ(check_at("127.0.0.1:0"), 2);
  EXPECT_EQ(check_at("nonsense"), 2);
  EXPECT_THAT(err_.str(), StartsWith("--admin: "));
}

}  // namespace
}  // namespace zerogate
