// Where hiredis puts the reply that it is reading.
#pragma once

#include <hiredis/hiredis.h>

#include <string>
#include <vector>

#include "core/redis/redis_value.h"

namespace zerogate {

/// hiredis' own functions make two allocations for every reply. There is only one reply at a time,
/// so one slot will do. What is in an array is made anew for each: commands on the hot path have
/// none. Loop thread only.
class RedisReplySlot {
 public:
  RedisReplySlot() = default;
  RedisReplySlot(const RedisReplySlot&) = delete;
  RedisReplySlot& operator=(const RedisReplySlot&) = delete;

  /// A reader that hands out this slot, which is valid until it reads the next reply. The caller
  /// frees it. The slot outlives it.
  redisReader* make_reader();
  /// What is in the reply when it is an array.
  std::vector<RedisValue>& items() { return items_; }

 private:
  static redisReplyObjectFunctions functions;
  /// Of a task that is no array's element: the reply, set anew.
  static redisReply& begin(const redisReadTask* task);
  /// Of one that is: its place.
  static RedisValue& add_item(const redisReadTask* task);

  redisReply reply_{};
  std::string text_;  ///< behind reply_.str
  std::vector<RedisValue> items_;
};

}  // namespace zerogate
