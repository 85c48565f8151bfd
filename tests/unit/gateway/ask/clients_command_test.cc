#include "gateway/ask/clients_command.h"

#include <gmock/gmock.h>

#include <memory>
#include <sstream>

#include "gateway/admin/admin_server.h"
#include "gateway/admin/clients_document.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;

ClientInfo client(const std::string& peer, double rate) {
  ClientInfo client;
  client.peer = peer;
  client.rate = rate;
  client.calls = 12;
  client.function = "echo";
  client.unsent_bytes = 1'536;
  client.age_ms = 5 * 60'000;
  return client;
}

class ClientsCommandTest : public ::testing::Test {
 protected:
  void start(const ClientList& list) {
    AdminSources sources;
    sources.clients = [this, list] {
      ++asked_;
      return list;
    };
    auto started = AdminServer::start({"127.0.0.1", 0, ""}, std::move(sources));
    ASSERT_TRUE(started.ok()) << started.error();
    server_ = std::move(started).value();
  }
  int run(const std::string& admin) {
    ClientsCommand command;
    command.flags["admin"] = admin;
    command.timeout_ms = 20'000;
    command.period_ms = 300;  // longer than an answer is kept
    return run_clients(command, Environment(), out_, err_);
  }

  std::atomic<int> asked_ = 0;
  std::unique_ptr<AdminServer> server_;
  std::ostringstream out_, err_;
};

TEST_F(ClientsCommandTest, ATableOfTheSecondAnswer) {
  start({{client("10.0.0.7:1", 2.25), client("10.0.0.7:4000", 0)}, 3, 0});
  EXPECT_EQ(run("127.0.0.1:" + std::to_string(server_->port())), 0) << err_.str();
  EXPECT_EQ(asked_, 2) << "rates are of the time between two questions";
  EXPECT_EQ(out_.str(),
            "PEER           PROTOCOL  WIRE  IDENTITY  LAST FUNCTION  CALLS/S  CALLS  IN FLIGHT  "
            "WAITING  SINCE  QUIET\n"
            "10.0.0.7:1     tcp       T3    -         echo               2.2     12          0   "
            "1.5KiB     5m      -\n"
            "10.0.0.7:4000  tcp       T3    -         echo               0.0     12          0   "
            "1.5KiB     5m      -\n"
            "5 clients, of which the 2 busiest are shown\n");
}

TEST_F(ClientsCommandTest, NothingAnswers) {
  start({});
  const std::string address = "127.0.0.1:" + std::to_string(server_->port());
  server_.reset();
  EXPECT_EQ(run(address), 1);
  EXPECT_THAT(err_.str(), HasSubstr("zerogate clients: " + address + ": connection refused"));
  EXPECT_EQ(run("off"), 2);
  EXPECT_THAT(err_.str(), HasSubstr("no admin port"));
}

TEST(ClientsTableTest, WhatDoesNotFitIsCounted) {
  const std::string document = clients_json({{client("a", 2), client("b", 1)}, 0, 2});
  EXPECT_THAT(
      clients_table(document, 1),
      HasSubstr("\n2 clients, of which the 1 busiest are shown; 2 event loops do not answer, so "
                "that clients are missing\n"));
  EXPECT_THAT(clients_table(document, SIZE_MAX), HasSubstr("\n2 clients; 2 event loops"));
}

TEST(ClientsTableTest, ControlCharactersDoNotReachTheTerminal) {
  const std::string table = clients_table(clients_json({{client("\x1b[2J", 0)}, 0, 0}), SIZE_MAX);
  EXPECT_EQ(table.find('\x1b'), table.npos);
}

}  // namespace
}  // namespace zerogate
