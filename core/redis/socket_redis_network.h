// The way to a real Redis: sockets, and names from the process' NameService.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/memory_account.h"
#include "core/io/name_service.h"
#include "core/io/tls_client.h"
#include "core/redis/redis_network.h"
#include "core/redis/reply_reader.h"

namespace zerogate {

class SocketRedisNetwork final : public RedisNetwork {
 public:
  /// The loop outlives it.
  explicit SocketRedisNetwork(uv_loop_t* loop,
                              std::shared_ptr<NameService> names = std::make_shared<NameService>())
      : loop_(loop), names_(std::move(names)) {}
  SocketRedisNetwork(const SocketRedisNetwork&) = delete;
  SocketRedisNetwork& operator=(const SocketRedisNetwork&) = delete;

  /// Connections from now on read no reply that is much larger: see ReplyReader::kOversizeFactor.
  void set_max_message(size_t bytes) { max_reply_ = ReplyReader::kOversizeFactor * bytes; }
  /// Connections from now on charge the beginnings of replies to this account, which outlives them.
  /// Without it they have one of their own.
  void charge(MemoryAccount& memory) { memory_ = &memory; }
  /// Connections from now on speak TLS, with a server that has a certificate for this name.
  void secure(std::shared_ptr<TlsClient> tls, std::string name) {
    tls_ = std::move(tls);
    tls_name_ = std::move(name);
  }

  Result<std::unique_ptr<RedisConnection>> open(RedisConnection::Owner& owner,
                                                const Address& address) override;
  std::unique_ptr<RedisLookup> make_lookup(RedisLookup::Done done) override;

 private:
  uv_loop_t* loop_;
  size_t max_reply_ = ReplyReader::kMaxReply;
  MemoryAccount own_memory_;
  MemoryAccount* memory_ = &own_memory_;
  std::unique_ptr<char[]> read_buffer_;  ///< of all connections; made with the first
  std::shared_ptr<NameService> names_;
  std::shared_ptr<TlsClient> tls_;  ///< null: none
  std::string tls_name_;
};

}  // namespace zerogate
