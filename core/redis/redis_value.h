// A reply of Redis with bytes of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace zerogate
