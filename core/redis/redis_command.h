// Commands in Redis' wire format.
#pragma once

#include <cstddef>
#include <initializer_list>

#include "core/base/bytes.h"
#include "core/base/out_buffer.h"

namespace zerogate {

/// Appends one command of any arguments.
void append_redis_command(std::initializer_list<ByteView> arguments, OutBuffer& out);

/// A SET whose value is written where it will stand. Its head, which tells how long key and value
/// are, is written last, and backwards: it ends where the value begins.
class RedisSetCommand {
 public:
  /// Empties `out`, which outlives it. Then the value is appended there.
  RedisSetCommand(OutBuffer& out, ByteView key) : out_(out), key_(key) {
    out_.clear();
    out_.commit(out_.make_room(room()) + room());
  }
  /// The whole command, valid until `out` changes.
  ByteView finish();

 private:
  static constexpr size_t kMostOfHead = 64;  ///< without the key: two lengths of up to 20 digits
  size_t room() const { return kMostOfHead + key_.size(); }

  OutBuffer& out_;
  ByteView key_;
};

}  // namespace zerogate
