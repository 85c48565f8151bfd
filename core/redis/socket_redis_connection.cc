#include "core/redis/socket_redis_connection.h"

#include <fmt/format.h>

namespace zerogate {
namespace {

/// A host that has vanished says nothing: an idle connection to it ends after about so long. One
/// with commands under way is replaced earlier, by RedisChannel.
constexpr uint32_t kPeerIdleMs = 15'000;
constexpr uint32_t kPeerTimeoutMs = 30'000;
/// The commands of a turn, of all callers of a worker, leave in one write: its buffer is kept.
constexpr size_t kKeptCapacity = size_t{64} << 10;
/// What a ReplyReader keeps at rest.
constexpr size_t kLeastToBlame = 4 * ReplyReader::kKeptBytes;

}  // namespace

SocketRedisConnection::SocketRedisConnection(uv_loop_t* loop, RedisConnection::Owner& owner,
                                             char* read_buffer, size_t max_reply,
                                             MemoryAccount& memory)
    : owner_(owner), stream_(loop, *this, read_buffer), reader_(max_reply), memory_(memory) {
  stream_.set_kept_capacity(kKeptCapacity);
}

SocketRedisConnection::~SocketRedisConnection() {
  memory_.replace(MemoryUse::redis_replies, charged_, 0);
}

void SocketRedisConnection::flush() {
  if (!connected_ || ended_) {
    return;
  }
  if (const int error = stream_.flush(); error != 0) {
    break_off(TcpStream::reason(error), RedisBreak::closed);
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
        return account_replies();
      case ReplyReader::Next::broken:
        return break_off(reader_.error(),
                         reader_.is_too_large() ? RedisBreak::too_large : RedisBreak::garbled);
    }
  }
}

// To read no further would hold up the replies to all other callers, and clients would be ended for
// what Redis sends. One of which hardly anything is held is not to blame.
void SocketRedisConnection::account_replies() {
  if (!reader_.has_copies() && charged_ == 0) {
    return;
  }
  memory_.replace(MemoryUse::redis_replies, charged_, reader_.memory());
  const size_t most = memory_.limit() / kPartOfMemory;
  if (reader_.has_copies() && charged_ > kLeastToBlame &&
      memory_.held(MemoryUse::redis_replies) > most) {
    break_off(fmt::format("replies of Redis that are not whole hold more than {} bytes, half of "
                          "the memory for buffers",
                          most),
              RedisBreak::no_memory);
  }
}

void SocketRedisConnection::break_off(std::string_view reason, RedisBreak why) {
  if (!ended_) {
    owner_.on_broken(reason, why);
    end();
  }
}

}  // namespace zerogate
