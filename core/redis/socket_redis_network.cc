#include "core/redis/socket_redis_network.h"

#include <sys/un.h>

#include <utility>

#include "core/io/dns_lookup.h"
#include "core/redis/socket_redis_connection.h"

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

Result<std::unique_ptr<RedisConnection>> SocketRedisNetwork::open(RedisConnection::Owner& owner,
                                                                  const Address& address) {
  if (address.path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error{"the path is longer than a Unix socket's may be, 107 bytes"};
  }
  if (read_buffer_ == nullptr) {
    read_buffer_ = std::make_unique_for_overwrite<char[]>(FrameReader::kSharedBytes);
  }
  auto connection = std::make_unique<SocketRedisConnection>(loop_, owner, read_buffer_.get());
  if (const int error = connection->connect(address); error != 0) {
    return Error{std::string(TcpStream::reason(error))};
  }
  return std::unique_ptr<RedisConnection>(std::move(connection));
}

std::unique_ptr<RedisLookup> SocketRedisNetwork::make_lookup(RedisLookup::Done done) {
  return std::make_unique<SystemLookup>(loop_, std::move(done));
}

}  // namespace zerogate
