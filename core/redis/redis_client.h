// Redis for handlers: commands in, replies out, on the worker's loop. It never blocks: names are
// looked up beside the loop, every command has a deadline, reconnection runs in the background with
// exponential backoff and jitter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/io/event_loop.h"
#include "core/io/timer.h"
#include "core/log/state_log.h"
#include "core/metrics/outcome.h"
#include "core/metrics/worker_metrics.h"
#include "core/redis/redis_network.h"
#include "core/redis/redis_reply.h"
#include "core/redis/redis_url.h"

namespace zerogate {

/// How a call ends whose command ended so and was not ok.
Outcome outcome_of(RedisReply::Status status);

/// A command's continuation. The sender of the command owns it and keeps it alive until on_reply,
/// which is called exactly once per command: later on the loop, or inside command() itself when the
/// command is refused at once.
class RedisRequest {
 public:
  virtual void on_reply(const RedisReply& reply) = 0;
  /// True when the command does no harm if Redis executes it twice: it may then be sent again,
  /// once, when a connection closed without a reply.
  virtual bool idempotent() const { return false; }

 protected:
  ~RedisRequest() = default;
};

struct RedisOptions {
  RedisUrl url;
  uint32_t connections = 1;       ///< commands go to the one with the fewest under way
  uint32_t timeout_ms = 1000;     ///< deadline of a command, and of connecting
  uint32_t max_pending = 10'000;  ///< commands under way per connection; more are refused
  /// Bytes that may wait to be sent, per connection, for a Redis that reads slowly. What Redis
  /// sends is bounded by its RedisNetwork: one reply, for each is handed on as soon as it is whole,
  /// and what all beginnings of replies hold.
  size_t max_unsent_bytes = size_t{64} << 20;
  uint32_t backoff_min_ms = 50;     ///< first wait before a reconnect, doubled each time ...
  uint32_t backoff_max_ms = 1'000;  ///< ... up to this; each wait is jittered by +-50 %
  /// Logs when Redis goes and comes back; one for all workers.
  std::shared_ptr<StateLog> states = std::make_shared<StateLog>();
};

/// What a client gets from its worker, or from a test. All of it outlives the client.
struct RedisContext {
  EventLoop* loop = nullptr;     ///< the ends of its turns; log lines that are owed
  TimerQueue* timers = nullptr;  ///< the loop's, with its clock; a test's own
  RedisNetwork* network = nullptr;
  uint64_t seed = 0;  ///< of the backoff's jitter
};

class RedisClient final : public EndOfTurn {
 public:
  /// Starts to connect at once. The commands of a turn of the loop leave in one write.
  RedisClient(const RedisContext& context, RedisMetrics& metrics, RedisOptions options);
  /// Answers every command under way with `unavailable`. Not from inside an on_reply.
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  /// Sends one command, in Redis' wire format, which is copied. While Redis is away it is refused
  /// at once with `unavailable` and a text that says why.
  void send(ByteView command, RedisRequest& request);

  bool up() const;
  /// True once the first attempt to connect has ended, well or not: readiness waits for it.
  bool settled() const;
  /// What /readyz and error texts say: "up", or why not.
  std::string state() const;

  void end_of_turn() override;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace zerogate
