#include "core/redis/redis_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/redis/redis_channel.h"

namespace zerogate {
namespace {

WatchedState watched(const RedisOptions& options) {
  return {"redis up",
          "redis down",
          WatchedState::When::up_for_all,  // as zerogate_redis_up
          {{"redis", options.url.display()}}};
}

}  // namespace

Outcome outcome_of(RedisReply::Status status) {
  switch (status) {
    case RedisReply::Status::timeout:
      return Outcome::timeout;
    case RedisReply::Status::unavailable:
      return Outcome::unavailable;
    case RedisReply::Status::overloaded:
      return Outcome::overloaded;
    case RedisReply::Status::ok:
    case RedisReply::Status::error:
      break;
  }
  return Outcome::error;
}

struct RedisClient::Shared final : RedisChannel::Owner {
  Shared(const RedisContext& context, RedisMetrics& the_metrics, RedisOptions the_options)
      : loop(*context.loop),
        metrics(the_metrics),
        options(std::move(the_options)),
        state(loop.uv(), options.states, watched(options)),
        cluster(loop.uv(), options.states,
                {"redis is no cluster",
                 "redis is a cluster, which is not supported",
                 WatchedState::When::up_for_all,
                 {{"redis", options.url.display()}}}) {
    failure = fmt::format("connecting to {}", options.url.display());
    unavailable = fmt::format("redis unavailable: {}", failure);
    too_many = fmt::format("redis overloaded: {} commands are under way", options.max_pending);
    too_large =
        fmt::format("redis overloaded: {} KiB wait to be sent", options.max_unsent_bytes >> 10);
    const uint32_t count = std::max(options.connections, 1u);
    for (uint32_t i = 0; i < count; ++i) {
      channels.push_back(
          std::make_unique<RedisChannel>(context, *this, metrics, options, context.seed + i));
    }
  }

  void on_link_change() override;
  void on_cluster() override { cluster.set(false, "a key is on another node"); }
  /// Of the next command; null when none is up.
  RedisChannel* taker() const {
    if (channels.size() != 1) {
      return idlest();
    }
    RedisChannel* const only = channels.front().get();
    return only->up() ? only : nullptr;
  }
  RedisChannel* idlest() const;
  void refuse(RedisReply::Status status, std::string_view text, RedisRequest& request);

  EventLoop& loop;
  RedisMetrics& metrics;
  const RedisOptions options;
  StateReporter state;
  StateReporter cluster;  ///< never says up: who has seen a cluster's error once knows
  std::vector<std::unique_ptr<RedisChannel>> channels;
  bool up = false;
  bool settled = false;
  std::string failure;      // why it is not up
  std::string unavailable;  // the same as the text of a refusal, made once and not per command
  std::string too_many;
  std::string too_large;
};

/// The log tells of the client, not of its single connections and attempts.
void RedisClient::Shared::on_link_change() {
  up = std::any_of(channels.begin(), channels.end(),
                   [](const auto& channel) { return channel->up(); });
  settled = settled || up || std::all_of(channels.begin(), channels.end(), [](const auto& channel) {
              return channel->tried();
            });
  metrics.up.set(up ? 1 : 0);
  if (up) {
    return state.set(true);
  }
  if (!settled) {
    return;
  }
  for (const auto& channel : channels) {
    if (channel->tried()) {
      failure = channel->failure();
    }
  }
  unavailable = fmt::format("redis unavailable: {}", failure);
  state.set(false, failure);
}

RedisChannel* RedisClient::Shared::idlest() const {
  RedisChannel* best = nullptr;
  for (const auto& channel : channels) {
    if (channel->up() && (!best || channel->pending() < best->pending())) {
      best = channel.get();
    }
  }
  return best;
}

void RedisClient::Shared::refuse(RedisReply::Status status, std::string_view text,
                                 RedisRequest& request) {
  (status == RedisReply::Status::overloaded ? metrics.overloaded : metrics.unavailable).add();
  RedisReply reply;
  reply.status = status;
  reply.text = text;
  request.on_reply(reply);
}

RedisClient::RedisClient(const RedisContext& context, RedisMetrics& metrics, RedisOptions options)
    : shared_(std::make_unique<Shared>(context, metrics, std::move(options))) {
  context.loop->add(*this);
  for (auto& channel : shared_->channels) {
    channel->start();
  }
}

RedisClient::~RedisClient() {
  shared_->loop.remove(*this);
  shared_->up = false;
  shared_->failure = "shutting down";
  shared_->unavailable = "redis unavailable: shutting down";
  shared_->metrics.up.set(0);
  for (auto& channel : shared_->channels) {
    channel->close();
  }
  for (auto& channel : shared_->channels) {
    channel->answer_all(shared_->unavailable);
  }
}

void RedisClient::send(ByteView command, RedisRequest& request) {
  Shared& shared = *shared_;
  RedisChannel* const channel = shared.taker();
  if (!channel) {
    return shared.refuse(RedisReply::Status::unavailable, shared.unavailable, request);
  }
  if (channel->pending() >= shared.options.max_pending) {
    return shared.refuse(RedisReply::Status::overloaded, shared.too_many, request);
  }
  if (!channel->send(command, request)) {
    shared.refuse(RedisReply::Status::overloaded, shared.too_large, request);
  }
}

bool RedisClient::up() const { return shared_->up; }

bool RedisClient::settled() const { return shared_->settled; }

std::string RedisClient::state() const { return shared_->up ? "up" : shared_->failure; }

void RedisClient::end_of_turn() {
  for (auto& channel : shared_->channels) {
    channel->end_of_turn();
  }
}

}  // namespace zerogate
