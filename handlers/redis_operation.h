// What the handlers that wait for Redis share: how they reach it, and a pool of pending calls.
#pragma once

#include <cassert>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "core/redis/redis_client.h"
#include "core/rpc/call.h"

namespace zerogate {

/// RedisClient::command, as a function so that tests can play Redis.
using RedisCommand = std::function<void(std::initializer_list<ByteView>, RedisRequest&)>;

/// Answers `call` with a Redis failure: the status becomes the outcome and the text is passed on.
/// `reply.status` is not ok.
void fail_with(Call call, const RedisReply& reply);

/// Free list of one handler's pending operations, so that steady state allocates none. Owned by the
/// handler; loop thread only. An operation under way is owned by the continuation that Redis will
/// call alone, so Redis must have answered all before the pool is destroyed.
template <class Operation>
class OperationPool {
 public:
  /// Idle operations kept; more are freed when a burst is over.
  static constexpr size_t kMaxIdle = 1024;

  OperationPool() = default;
  OperationPool(const OperationPool&) = delete;
  OperationPool& operator=(const OperationPool&) = delete;
  ~OperationPool() { assert(under_way_ == 0 && "destroy the RedisClient before the handlers"); }

  /// An idle operation, or a new one made from `arguments`.
  template <class... Arguments>
  std::unique_ptr<Operation> take(Arguments&&... arguments) {
    ++under_way_;
    if (idle_.empty()) {
      return std::make_unique<Operation>(std::forward<Arguments>(arguments)...);
    }
    std::unique_ptr<Operation> operation = std::move(idle_.back());
    idle_.pop_back();
    return operation;
  }

  void give_back(std::unique_ptr<Operation> operation) {
    assert(under_way_ > 0);
    --under_way_;
    if (idle_.size() < kMaxIdle) {
      idle_.push_back(std::move(operation));
    }
  }

  size_t under_way() const { return under_way_; }
  size_t idle() const { return idle_.size(); }

 private:
  std::vector<std::unique_ptr<Operation>> idle_;
  size_t under_way_ = 0;
};

}  // namespace zerogate
