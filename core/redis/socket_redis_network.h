// The way to a real Redis: sockets, and names from the process' NameService.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <utility>

#include "core/io/name_service.h"
#include "core/redis/redis_network.h"

namespace zerogate {

class SocketRedisNetwork final : public RedisNetwork {
 public:
  /// The loop outlives it.
  explicit SocketRedisNetwork(uv_loop_t* loop,
                              std::shared_ptr<NameService> names = std::make_shared<NameService>())
      : loop_(loop), names_(std::move(names)) {}
  SocketRedisNetwork(const SocketRedisNetwork&) = delete;
  SocketRedisNetwork& operator=(const SocketRedisNetwork&) = delete;

  Result<std::unique_ptr<RedisConnection>> open(RedisConnection::Owner& owner,
                                                const Address& address) override;
  std::unique_ptr<RedisLookup> make_lookup(RedisLookup::Done done) override;

 private:
  uv_loop_t* loop_;
  std::unique_ptr<char[]> read_buffer_;  ///< of all connections; made with the first
  std::shared_ptr<NameService> names_;
};

}  // namespace zerogate
