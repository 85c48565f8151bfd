#include "core/redis/socket_redis_network.h"

#include <utility>

#include "core/io/dns_lookup.h"
#include "core/redis/hiredis_connection.h"

namespace zerogate {
namespace {

class SystemLookup final : public RedisLookup {
 public:
  SystemLookup(uv_loop_t* loop, Done done) : lookup_(loop, std::move(done)) {}
  bool running() const override { return lookup_.running(); }
  Status start(const std::string& host) override { return lookup_.start(host); }

 private:
  DnsLookup lookup_;
};

}  // namespace

Result<RedisConnectionPtr> SocketRedisNetwork::open_tcp(RedisConnection::Owner& owner,
                                                        const std::string& address, uint16_t port) {
  return HiredisConnection::open_tcp(loop_, owner, address, port);
}

Result<RedisConnectionPtr> SocketRedisNetwork::open_unix(RedisConnection::Owner& owner,
                                                         const std::string& path) {
  return HiredisConnection::open_unix(loop_, owner, path);
}

std::unique_ptr<RedisLookup> SocketRedisNetwork::make_lookup(RedisLookup::Done done) {
  return std::make_unique<SystemLookup>(loop_, std::move(done));
}

}  // namespace zerogate
