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
                                             char* read_buffer, size_t max_reply)
    : owner_(owner), stream_(loop, *this, read_buffer), reader_(max_reply) {
  stream_.set_kept_capacity(kKeptCapacity);
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
  reader_.feed(bytes);
  while (!ended_) {
    switch (reader_.next()) {
      case ReplyReader::Next::reply:
        owner_.on_redis_reply(reader_.reply());
        break;
      case ReplyReader::Next::more:
        return;
      case ReplyReader::Next::broken:
        return break_off(reader_.error(), false);
    }
  }
}

void SocketRedisConnection::break_off(std::string_view reason, bool closed) {
  if (!ended_) {
    owner_.on_broken(reason, closed);
    end();
  }
}

}  // namespace zerogate
