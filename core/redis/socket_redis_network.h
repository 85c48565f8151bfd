// The way to a real Redis: hiredis' connections, and names from the system's resolver.
#pragma once

#include <uv.h>

#include <memory>
#include <string>

#include "core/redis/redis_network.h"

namespace zerogate {

/// hiredis uses write(2), so writing to a socket that the peer has closed raises SIGPIPE: the
/// process must ignore that signal.
class SocketRedisNetwork final : public RedisNetwork {
 public:
  /// The loop outlives it.
  explicit SocketRedisNetwork(uv_loop_t* loop) : loop_(loop) {}
  SocketRedisNetwork(const SocketRedisNetwork&) = delete;
  SocketRedisNetwork& operator=(const SocketRedisNetwork&) = delete;

  Result<RedisConnectionPtr> open_tcp(RedisConnection::Owner& owner, const std::string& address,
                                      uint16_t port) override;
  Result<RedisConnectionPtr> open_unix(RedisConnection::Owner& owner,
                                       const std::string& path) override;
  std::unique_ptr<RedisLookup> make_lookup(RedisLookup::Done done) override;

 private:
  uv_loop_t* loop_;
};

}  // namespace zerogate
