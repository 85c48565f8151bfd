// The way to a real Redis: sockets, and names from the system's resolver.
#pragma once

#include <uv.h>

#include <memory>
#include <string>

#include "core/redis/redis_network.h"

namespace zerogate {

class SocketRedisNetwork final : public RedisNetwork {
 public:
  /// The loop outlives it.
  explicit SocketRedisNetwork(uv_loop_t* loop) : loop_(loop) {}
  SocketRedisNetwork(const SocketRedisNetwork&) = delete;
  SocketRedisNetwork& operator=(const SocketRedisNetwork&) = delete;

  Result<std::unique_ptr<RedisConnection>> open(RedisConnection::Owner& owner,
                                                const Address& address) override;
  std::unique_ptr<RedisLookup> make_lookup(RedisLookup::Done done) override;

 private:
  uv_loop_t* loop_;
  std::unique_ptr<char[]> read_buffer_;  ///< of all connections; made with the first
};

}  // namespace zerogate
