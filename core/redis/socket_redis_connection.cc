#include "core/redis/socket_redis_connection.h"

namespace zerogate {
namespace {

/// A host that has vanished says nothing: an idle connection to it ends after about so long. One
/// with commands under way is replaced earlier, by RedisChannel.
constexpr uint32_t kPeerIdleMs = 15'000;
constexpr uint32_t kPeerTimeoutMs = 30'000;
/// The commands of a turn, of all callers of a worker, leave in one write: its buffer is kept.
constexpr size_t kKeptCapacity = size_t{64} << 10;

}  // namespace

SocketRedisConnection::SocketRedisConnection(uv_loop_t* loop, RedisConnection::Owner& owner,
                                             char* read_buffer)
    : owner_(owner), stream_(loop, *this, read_buffer), reader_(reply_.make_reader()) {
  stream_.set_kept_capacity(kKeptCapacity);
}

void SocketRedisConnection::send(const std::string& command) {
  stream_.out() += command;
  ++expected_;
}

void SocketRedisConnection::flush() {
  if (!connected_ || ended_) {
    return;
  }
  if (const int error = stream_.flush(); error != 0) {
    break_off(TcpStream::reason(error), true);
  }
}

void SocketRedisConnection::end() {
  ended_ = true;
  stream_.close();
}

void SocketRedisConnection::on_connected() {
  connected_ = true;
  stream_.watch_peer(kPeerIdleMs, kPeerTimeoutMs);
  owner_.on_connected();
  flush();
}

void SocketRedisConnection::on_bytes(ByteView bytes) {
  if (ended_) {
    return;
  }
  owner_.on_bytes();
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
  while (!ended_) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
      return break_off(reader_->errstr, false);
    }
    if (reply == nullptr) {
      return;  // the rest of it will come
    }
    const auto& received = *static_cast<const redisReply*>(reply);
    if (expected_ == 0) {  // as an error is what Redis says to one connection too many
      return break_off(received.type == REDIS_REPLY_ERROR
                           ? std::string_view(received.str, received.len)
                           : "Redis sent a reply that nobody had asked for",
                       false);
    }
    --expected_;
    owner_.on_redis_reply(received, reply_.items());
  }
}

void SocketRedisConnection::break_off(std::string_view reason, bool closed) {
  if (ended_) {
    return;
  }
  end();
  owner_.on_broken(reason, closed);
}

}  // namespace zerogate
