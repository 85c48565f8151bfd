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
    broken,  ///< Redis does not speak so, or the reply is too large: error()
  };

  /// A reply may take so many times limits.message of memory, as one of a backend over ZeroMQ may:
  /// what is larger costs all commands of its connection.
  static constexpr size_t kOversizeFactor = 4;
  /// The same where there is no limits.message: Redis' own limit of a string.
  static constexpr size_t kMaxReply = size_t{512} << 20;
  /// Copies of replies that were larger than this are let go.
  static constexpr size_t kKeptBytes = size_t{64} << 10;

  /// Reads no more of a reply that takes more than `max_reply` bytes before it is whole: its bytes,
  /// and what an array's elements take beside them.
  explicit ReplyReader(size_t max_reply = kMaxReply)
      : max_reply_(max_reply), reader_(make_reader()) {}
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// The bytes that have come: valid until next() wants more, and given only then.
  void feed(ByteView bytes) { fresh_ = bytes; }
  Next next();
  const RedisReply& reply() const { return reply_; }
  /// Bytes of memory that it holds between reads: of a reply that is not whole yet, and the
  /// buffers that are kept for the next one. Once next() has wanted more.
  size_t memory() const;
  /// memory() may be another than at the last read.
  bool has_copies() const { return copied_ != 0; }
  /// After next() was broken: not because Redis does not speak so.
  bool is_too_large() const { return !too_large_.empty(); }
  std::string_view error() const {
    return too_large_.empty() ? std::string_view(reader_->errstr) : too_large_;
  }

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
  static RedisValue& add_item(const redisReadTask* task, size_t text_size = 0);

  const size_t max_reply_;
  ByteView fresh_;  ///< not used yet
  RedisReply reply_;
  Reader reader_;
  size_t copied_ = 0;  ///< bytes that reader_ was given since it had none; 0: it has none
  std::string text_;   ///< behind a reply that came in pieces
  std::vector<RedisValue> items_;
  size_t item_bytes_ = 0;  ///< memory of items_ so far, while a reply comes
  std::string too_large_;
};

}  // namespace zerogate
