// Where hiredis puts the reply that it is reading.
#pragma once

#include <hiredis/hiredis.h>

#include <string>

namespace zerogate {

/// hiredis' own functions make two allocations for every reply. There is only one reply at a time,
/// so one slot will do. Of an array it keeps only that it came. Loop thread only.
class RedisReplySlot {
 public:
  RedisReplySlot() = default;
  RedisReplySlot(const RedisReplySlot&) = delete;
  RedisReplySlot& operator=(const RedisReplySlot&) = delete;

  /// A reader that hands out this slot, which is valid until it reads the next reply. The caller
  /// frees it. The slot outlives it.
  redisReader* make_reader();

 private:
  static redisReplyObjectFunctions functions;
  /// The reply, set anew; untouched while it is an array's element that is read.
  static redisReply* begin(const redisReadTask* task);

  redisReply reply_{};
  std::string text_;  ///< behind reply_.str
};

}  // namespace zerogate
