// What Redis has answered, or why it has not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace zerogate {

/// A reply, or an element of one, with bytes of its own.
struct RedisValue {
  bool has_value = false;         ///< false for nil
  bool is_status = false;         ///< `text` is a status reply, as OK is for SET
  bool is_error = false;          ///< `text` is an error; of an element only
  bool is_array = false;          ///< `items` are what is in it
  std::string text;               ///< of a string or status reply
  int64_t integer = 0;            ///< of an integer reply
  std::vector<RedisValue> items;  ///< of LRANGE, MGET, HGETALL, ...; may be nested
};

/// What became of a command. Its views are valid during the call that hands it out.
struct RedisReply {
  enum class Status : uint8_t {
    ok,           ///< `value` (nil is `has_value == false`)
    error,        ///< Redis answered with an error: `text`
    timeout,      ///< no answer within the deadline: `text`
    unavailable,  ///< not connected, or the connection broke under the command: `text`
    overloaded,   ///< too many commands under way: `text`
  };
  Status status = Status::ok;
  bool has_value = false;
  bool is_status = false;                    ///< `value` is a status reply, as OK is for SET
  ByteView value;                            ///< bytes of a string or status reply
  int64_t integer = 0;                       ///< of an integer reply
  std::vector<RedisValue>* items = nullptr;  ///< of an array, else null; may be moved from
  std::string_view text;                     ///< one line for the caller

  /// What Redis answers to a SET that it has done.
  bool says_ok() const { return status == Status::ok && is_status && value == "OK"; }
};

/// Errors of Redis that tell of the server and not of the command: another server, or this one
/// later, is what helps. A failover leaves the old primary running as a replica, for example.
bool is_refusal(std::string_view error);

/// A cluster's node says so of a key that another node has.
bool is_elsewhere(std::string_view error);

}  // namespace zerogate
