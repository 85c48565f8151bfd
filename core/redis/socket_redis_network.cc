#include "core/redis/socket_redis_network.h"

#include <sys/un.h>

#include <utility>

#include "core/io/dns_lookup.h"
#include "core/redis/socket_redis_connection.h"

namespace zerogate {
namespace {

class SystemLookup final : public RedisLookup {
 public:
  SystemLookup(uv_loop_t* loop, const std::shared_ptr<NameService>& names, Done done)
      : lookup_(loop, names, [done = std::move(done)](const NameAnswer& answer) {
          if (answer.kind == NameAnswer::Kind::found) {
            done(answer.addresses);
          } else {
            done(Error{answer.error});
          }
        }) {}
  bool running() const override { return lookup_.running(); }
  Status start(const std::string& host) override {
    lookup_.start(host, 0);  // Redis may have moved just now
    return ok_status();
  }

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
  auto connection = std::make_unique<SocketRedisConnection>(loop_, owner, read_buffer_.get(),
                                                            max_reply_, *memory_);
  if (tls_ != nullptr) {
    if (tls_->context() == nullptr) {
      return Error{"its certificates cannot be used"};
    }
    connection->secure(tls_->use(tls_name_));
  }
  if (const int error = connection->connect(address); error != 0) {
    return Error{std::string(TcpStream::reason(error))};
  }
  return std::unique_ptr<RedisConnection>(std::move(connection));
}

std::unique_ptr<RedisLookup> SocketRedisNetwork::make_lookup(RedisLookup::Done done) {
  return std::make_unique<SystemLookup>(loop_, names_, std::move(done));
}

}  // namespace zerogate
