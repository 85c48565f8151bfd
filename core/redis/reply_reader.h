// Reads the replies of Redis.
#pragma once

#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/redis/redis_reply.h"

namespace zerogate {

/// A reply that has come whole is viewed where it lies, unless it is an array: 55 instructions
/// instead of the 310 that hiredis takes for an OK. hiredis reads everything else: arrays, replies
/// in pieces, and what is no reply. It copies what it is given, and its own functions would make
/// two allocations for every reply; with the ones here there is one reply at a time, so its memory
/// is used again. Loop thread only.
class ReplyReader {
 public:
  enum class Next {
    reply,   ///< reply() is the next one, until next() is called again
    more,    ///< all bytes were used, and the rest of a reply will come
    broken,  ///< Redis does not speak so: error()
  };

  ReplyReader() : reader_(make_reader()) {}
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// The bytes that have come: valid until next() wants more, and given only then.
  void feed(ByteView bytes) { fresh_ = bytes; }
  Next next();
  const RedisReply& reply() const { return reply_; }
  std::string_view error() const { return reader_->errstr; }

 private:
  struct Free {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };
  using Reader = std::unique_ptr<redisReader, Free>;

  Reader make_reader();
  size_t read_in_place();
  Next read_copied();
  void forget_copies();

  static redisReplyObjectFunctions functions;
  /// Of a task that is no array's element: the reply, set anew.
  static RedisReply& begin(const redisReadTask* task);
  /// Of one that is: its place.
  static RedisValue& add_item(const redisReadTask* task);

  ByteView fresh_;  ///< not used yet
  RedisReply reply_;
  Reader reader_;
  size_t copied_ = 0;  ///< bytes that reader_ was given since it had none; 0: it has none
  std::string text_;   ///< behind a reply that came in pieces
  std::vector<RedisValue> items_;
};

}  // namespace zerogate
