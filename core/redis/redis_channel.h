// One connection to Redis that reconnects: its states, its commands under way and their deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/backoff.h"
#include "core/base/clock.h"
#include "core/base/out_buffer.h"
#include "core/base/ring_buffer.h"
#include "core/io/timer.h"
#include "core/redis/redis_client.h"
#include "core/redis/redis_network.h"

namespace zerogate {

/// resolving -> connecting -> handshaking -> up; any failure -> broken -> waiting -> resolving.
/// Up means that Redis has answered PING, after AUTH and SELECT where the URL asks for them: the
/// kernel accepts connections for a Redis that is stopped or still loading. A reply that tells of
/// the server and not of the command (READONLY, LOADING, ...) breaks the connection, and the next
/// one is up only when a SET without effect is not refused. Owned by a RedisClient,
/// which outlives it together with `options` and `metrics`. Loop thread only.
class RedisChannel final : private RedisConnection::Owner {
 public:
  class Owner {
   public:
    /// up() or tried() may have changed. Must not send commands.
    virtual void on_link_change() = 0;
    /// A command was answered by a cluster's node, which has not its key. Must not send commands.
    virtual void on_cluster() = 0;

   protected:
    ~Owner() = default;
  };

  RedisChannel(const RedisContext& context, Owner& owner, RedisMetrics& metrics,
               const RedisOptions& options, uint64_t seed);
  ~RedisChannel();
  RedisChannel(const RedisChannel&) = delete;
  RedisChannel& operator=(const RedisChannel&) = delete;

  /// Begins to connect, and calls the owner from then on.
  void start();
  /// Ends the connection for good, and does not call the owner again. close() the channels of a
  /// client first and then let each answer_all(): a continuation may send a command.
  void close();
  /// Answers everything under way: unavailable.
  void answer_all(std::string_view text);

  /// Also while a connection that was closed is made anew at once: commands wait for it.
  bool up() const { return state_ == State::up || quiet_; }
  /// True once the first attempt has ended, well or not.
  bool tried() const { return tried_; }
  /// Why the last attempt failed or the connection broke, and with which address.
  const std::string& failure() const { return failure_; }

  size_t pending() const { return pending_.size(); }
  /// Gathers one command, in Redis' wire format; `request` is answered later. Only when up. False:
  /// too many bytes wait to be sent, and it was not taken.
  bool send(ByteView command, RedisRequest& request);
  /// Writes the commands of this turn.
  void end_of_turn();

 private:
  enum class State : uint8_t { resolving, connecting, handshaking, up, broken, waiting, closed };
  struct Pending {
    RedisRequest* request = nullptr;  // null: answered when it was late, its reply is skipped
    uint64_t sent_ns = 0;
    size_t bytes = 0;  // of the command, where it is kept to be sent again
  };

  void on_connected() override;
  void on_bytes() override { heard_ns_ = clock_.now_ns(); }
  void on_redis_reply(const RedisReply& reply) override;
  void on_writable() override;
  void on_broken(std::string_view reason, RedisBreak why) override;

  void attempt();
  void on_addresses(RedisLookup::Addresses addresses);
  void connect();
  bool another_address() const { return next_address_ < addresses_.size(); }
  Result<std::unique_ptr<RedisConnection>> open_next();
  void let_go();
  void send_handshake();
  void on_handshake_reply(const RedisReply& reply);
  bool may_return_quietly();
  void return_quietly();
  void send_again();
  void remember_turn();
  void forget_sent();
  size_t unsent_bytes() const;
  void fail(std::string_view reason);
  void wait_and_retry();
  void answer_cluster();
  void check_deadlines();
  void answer_late(uint64_t now);
  void answer(const Pending& pending, const RedisReply& reply);
  void on_timer();
  std::string_view missed() const;

  const Clock& clock_;
  RedisNetwork& network_;
  Owner& owner_;
  RedisMetrics& metrics_;
  const RedisOptions& options_;
  State state_ = State::waiting;
  bool tried_ = false;
  std::unique_ptr<RedisConnection> connection_;
  std::unique_ptr<RedisConnection> ended_;  // it may be calling us: goes at the end of the turn
  Timer timer_;                             // of the attempt or of the wait: see state_
  Timer deadline_timer_;                    // of the oldest command that has not been answered
  std::unique_ptr<RedisLookup> lookup_;
  Backoff backoff_;
  std::vector<std::string> addresses_;  // those not tried yet begin at next_address_
  size_t next_address_ = 0;
  std::string endpoint_;  // what is being tried, for error texts
  std::string failure_;
  size_t handshake_left_ = 0;  // replies that are due
  size_t logins_left_ = 0;     // those of them that answer AUTH and SELECT
  bool ponged_ = false;        // PING was answered
  bool refused_ = false;       // a command was, by a server that had answered PING
  // All commands have the same timeout, so the oldest is the first to expire.
  RingBuffer<Pending> pending_;
  size_t late_ = 0;      // of pending_, from the front: those that were answered already
  size_t gathered_ = 0;  // the last ones of pending_: of this turn, in the connection's out() ...
  size_t gathered_at_ = 0;  // ... from here on
  OutBuffer sent_;          // the resendable_ commands of pending_ before those, as they were sent
  size_t resendable_ = 0;   // nothing was answered since these were sent
  bool quiet_ = false;      // closed, and made anew before the owner hears of it
  bool served_ = false;     // this connection has answered a command
  uint64_t up_ns_ = 0;      // since when it is up
  uint64_t heard_ns_ = 0;   // when something last arrived
  int answering_ = 0;       // depth of on_reply calls, in which the client must not be destroyed
};

}  // namespace zerogate
