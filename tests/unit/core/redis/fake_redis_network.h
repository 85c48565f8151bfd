// A network of Redis servers that answer what a test says: no socket, no loop, no waiting.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/redis/redis_network.h"
#include "tests/unit/core/redis/read_command.h"

namespace zerogate::testing {

/// What listens at an address. Replies are written as in the protocol, without lengths and line
/// ends: "+OK", "-ERR no", ":7", "$text", "_" for nil, "*" for an array; "close" ends the
/// connection.
struct FakeRedisServer {
  enum class Way { accepts, refuses, swallows, impossible };

  Way way = Way::accepts;
  std::function<std::string(const std::string& command)> answer = &FakeRedisServer::usual;
  bool silent = false;  ///< takes commands and does not answer yet
  bool stuck = false;   ///< reads nothing
  bool resets = false;  ///< the next flush finds the connection reset

  int accepted = 0;
  int flushes = 0;
  std::vector<std::string> commands;  ///< that have come, words parted by blanks

  static std::string usual(const std::string& command) {
    if (command == "PING") {
      return "+PONG";
    }
    if (command.starts_with("ECHO ")) {
      return "$" + command.substr(5);
    }
    return command.ends_with(" XX") || command.starts_with("GET ") ? "_" : "+OK";
  }
};

class FakeRedisNetwork;

/// Owned by the channel, known to the network.
class FakeRedisConnection final : public RedisConnection {
 public:
  FakeRedisConnection(FakeRedisNetwork& network, FakeRedisServer& server, Owner& owner);
  ~FakeRedisConnection() override;

  OutBuffer& out() override {
    EXPECT_NE(owner_, nullptr);
    return out_;
  }
  void flush() override {
    if (!connected_ || server_.stuck || out_.empty()) {
      return;
    }
    if (std::exchange(server_.resets, false)) {
      return break_off("Connection reset by peer", RedisBreak::closed);
    }
    ++server_.flushes;
    for (size_t at = 0; at < out_.size();) {
      std::string& words = server_.commands.emplace_back();
      for (const std::string& word : read_command(out_.view(), at)) {
        words += (words.empty() ? "" : " ") + word;
      }
      under_way_.push_back(server_.commands.back());
    }
    out_.clear();
  }
  size_t unsent_bytes() const override { return out_.size(); }
  void end() override { owner_ = nullptr; }

  /// What a poll finds on the socket.
  void step() {
    if (owner_ == nullptr) {
      return;
    }
    stepping_ = true;
    find();
    stepping_ = false;
  }
  /// A piece of a reply that is not whole.
  void trickle() {
    if (owner_ != nullptr && connected_) {
      owner_->on_bytes();
    }
  }
  /// A reply, asked for or not.
  void say(const std::string& reply) {
    if (owner_ != nullptr && connected_) {
      owner_->on_bytes();
      answer(reply);
    }
  }
  /// The kernel takes bytes again.
  void writable() {
    if (owner_ != nullptr && connected_) {
      owner_->on_writable();
    }
  }
  /// The next poll finds it closed.
  void close_soon() { closing_ = connected_; }

 private:
  void find() {
    if (!connected_) {
      return connect();
    }
    if (std::exchange(closing_, false)) {
      return break_off("Server closed the connection", RedisBreak::closed);
    }
    if (server_.silent || under_way_.empty()) {
      return;
    }
    owner_->on_bytes();
    for (size_t left = under_way_.size(); left > 0 && owner_ != nullptr; --left) {
      const std::string reply = server_.answer(under_way_.front());
      if (reply.empty()) {
        return;
      }
      under_way_.pop_front();
      answer(reply);
    }
  }
  void connect() {
    if (server_.way == FakeRedisServer::Way::refuses) {
      return break_off("Connection refused", RedisBreak::closed);
    }
    if (server_.way == FakeRedisServer::Way::accepts) {
      connected_ = true;
      ++server_.accepted;
      owner_->on_connected();
      flush();
    }
  }
  void answer(std::string text) {
    if (text == "close") {
      return break_off("Server closed the connection", RedisBreak::closed);
    }
    const char type = text[0];
    text.erase(0, 1);
    RedisReply reply;
    std::vector<RedisValue> items;
    reply.has_value = type != '_' && type != '-';
    if (type == '-') {
      reply.status = RedisReply::Status::error;
      reply.text = text;
    } else if (type == ':') {
      reply.integer = std::stoll(text);
    } else if (type == '*') {
      reply.items = &items;
    } else {
      reply.is_status = type == '+';
      reply.value = text;
    }
    owner_->on_redis_reply(reply);
  }
  void break_off(std::string_view reason, RedisBreak why) {
    owner_->on_broken(reason, why);
    EXPECT_EQ(owner_, nullptr) << "its owner did not let go";
  }

  FakeRedisNetwork& network_;
  FakeRedisServer& server_;
  Owner* owner_;  ///< null once it has ended
  bool stepping_ = false;
  bool connected_ = false;
  bool closing_ = false;
  OutBuffer out_;
  std::deque<std::string> under_way_;
};

class FakeRedisNetwork final : public RedisNetwork {
 public:
  struct Attempt {
    std::string to;
    uint64_t at_ms;
  };

  explicit FakeRedisNetwork(const Clock& clock) : clock_(clock) {}
  ~FakeRedisNetwork() {
    EXPECT_TRUE(lookups_.empty());
    EXPECT_TRUE(connections_.empty());
  }

  Result<std::unique_ptr<RedisConnection>> open(RedisConnection::Owner& owner,
                                                const Address& address) override {
    const std::string to = address.is_path() ? address.path : address.display();
    attempts_.push_back({to, clock_.now_ms()});
    FakeRedisServer& at = server(to);
    if (at.way == FakeRedisServer::Way::impossible) {
      return Error{"no route to host"};
    }
    return std::unique_ptr<RedisConnection>(
        std::make_unique<FakeRedisConnection>(*this, at, owner));
  }
  std::unique_ptr<RedisLookup> make_lookup(RedisLookup::Done done) override {
    return std::make_unique<Lookup>(*this, std::move(done));
  }

  /// By address and port, or path. There always is one.
  FakeRedisServer& server(const std::string& address) { return servers_[address]; }

  /// What the poll finds: answers of the resolver, connections made, replies, connections closed.
  void step() {
    for (Lookup* lookup : std::vector<Lookup*>(lookups_)) {
      lookup->step();
    }
    for (FakeRedisConnection* connection : std::vector<FakeRedisConnection*>(connections_)) {
      connection->step();
    }
  }
  void trickle() {
    for (FakeRedisConnection* connection : connections_) {
      connection->trickle();
    }
  }
  void say(const std::string& reply) {
    for (FakeRedisConnection* connection : connections_) {
      connection->say(reply);
    }
  }
  void writable() {
    for (FakeRedisConnection* connection : connections_) {
      connection->writable();
    }
  }
  /// Each server closes its connections, as Redis closes idle ones; the next poll finds it.
  void close_all() {
    for (FakeRedisConnection* connection : connections_) {
      connection->close_soon();
    }
  }
  size_t open_connections() const { return connections_.size(); }
  /// Where and when connections were begun.
  const std::vector<Attempt>& attempts() const { return attempts_; }
  std::vector<std::string> tried() const {
    std::vector<std::string> addresses;
    for (const Attempt& attempt : attempts_) {
      addresses.push_back(attempt.to);
    }
    return addresses;
  }

  std::map<std::string, std::vector<std::string>> names;
  bool resolver_silent = false;
  int lookups = 0;  ///< that were started

 private:
  class Lookup final : public RedisLookup {
   public:
    Lookup(FakeRedisNetwork& network, Done done) : network_(network), done_(std::move(done)) {
      network_.lookups_.push_back(this);
    }
    ~Lookup() override { std::erase(network_.lookups_, this); }
    bool running() const override { return !host_.empty(); }
    Status start(const std::string& host) override {
      EXPECT_FALSE(running());
      ++network_.lookups;
      host_ = host;
      return ok_status();
    }
    void step() {
      if (!running() || network_.resolver_silent) {
        return;
      }
      const auto found = network_.names.find(std::exchange(host_, {}));
      if (found == network_.names.end()) {
        return done_(Error{"unknown node or service"});
      }
      done_(found->second);
    }

   private:
    FakeRedisNetwork& network_;
    Done done_;
    std::string host_;  ///< that is being looked up
  };

  friend class FakeRedisConnection;
  const Clock& clock_;
  std::map<std::string, FakeRedisServer> servers_;
  std::vector<FakeRedisConnection*> connections_;  ///< in the order in which they were made
  std::vector<Lookup*> lookups_;
  std::vector<Attempt> attempts_;
};

inline FakeRedisConnection::FakeRedisConnection(FakeRedisNetwork& network, FakeRedisServer& server,
                                                Owner& owner)
    : network_(network), server_(server), owner_(&owner) {
  network_.connections_.push_back(this);
}
inline FakeRedisConnection::~FakeRedisConnection() {
  EXPECT_FALSE(stepping_) << "destroyed in a callback of its own";
  std::erase(network_.connections_, this);
}

}  // namespace zerogate::testing
