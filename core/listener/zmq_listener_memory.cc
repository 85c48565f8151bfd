// What the CURVE port's clients hold in libzmq, and what happens when that is too much.
#include <algorithm>
#include <new>
#include <utility>

#include "core/base/sanitizers.h"
#include "core/listener/zmq_listener.h"
#include "core/wire/zerror.h"

namespace zerogate {
namespace {

/// Keeps a message's bytes counted until libzmq is done with them. Stands at the block's beginning.
struct TrackedBytes {
  UnsentBytes of_peer;
  UnsentBytes of_all;
  size_t counted;
  ReplyBlocks& blocks;
  size_t block_bytes;

  static void release(void*, void* hint) {  // on libzmq's I/O thread, if it took them
    was_handed_over(hint);
    auto* block = static_cast<TrackedBytes*>(hint);
    const TrackedBytes reply = std::move(*block);
    block->~TrackedBytes();
    reply.blocks.give_back(hint, reply.block_bytes);
    reply.of_all->fetch_sub(reply.counted, std::memory_order_relaxed);
    reply.of_peer->fetch_sub(reply.counted, std::memory_order_relaxed);
  }
};

}  // namespace

bool ZmqListener::send_tracked(ZmqPeers::Peer& peer, ByteView prefix, ByteView body) {
  if (peer.unsent == nullptr) {
    peer.unsent = std::make_shared<std::atomic<size_t>>(0);
  }
  if (peer.activity.calls() >= ZmqOptions::kManyCalls) {
    peers_.mark_used(peer);
  }
  const size_t size = prefix.size() + body.size();
  const size_t block_bytes = sizeof(TrackedBytes) + size;
  void* memory = blocks_.take(block_bytes);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  if (blocks_.any() && !blocks_timer_.active()) {
    blocks_timer_.start(options_.blocks_kept_ms);
  }
  const size_t counted = std::exchange(peer.uncounted, 0);
  auto* tracked = new (memory) TrackedBytes{peer.unsent, unsent_, counted, blocks_, block_bytes};
  peer.unsent->fetch_add(counted, std::memory_order_relaxed);
  unsent_->fetch_add(counted, std::memory_order_relaxed);
  char* data = static_cast<char*>(memory) + sizeof(TrackedBytes);
  prefix.copy(data, prefix.size());
  body.copy(data + prefix.size(), body.size());
  hand_over(memory);
  zmq_msg_t message;
  zmq_msg_init_data(&message, data, size, &TrackedBytes::release, tracked);
  return send_or_free(router_.get(), message);
}

bool ZmqListener::are_all(uint64_t connections) const {
  if (connections >= options_.max_connections) {
    return true;
  }
  const uint64_t used = std::min<uint64_t>(peers_.used(), connections);
  return options_.connection_memory != 0 &&
         connections * ZmqOptions::kConnectionBytes + used * ZmqOptions::kUsedConnectionBytes >=
             options_.connection_memory;
}

// Errors wait, too: one who asks on and on and reads nothing would hold ever more.
void ZmqListener::refuse_unread(ZmqPeers::Peer& peer, const IncomingRequest& incoming) {
  constexpr ByteView kMessage = "earlier replies have not been read yet";
  if (peer.unsent->load() > 2 * unread_limit()) {
    end(peer, incoming.path.caller, Rejected::slow_reader);
  }
  dispatcher_.refuse(incoming, Outcome::overloaded, wire::ErrorKey::server_exception, kMessage);
}

bool ZmqListener::end(ZmqPeers::Peer& peer, CallerKey key, Rejected reason) {
  if (!peer.socket.end()) {
    return false;
  }
  refusals_.count(reason, [&peer] { return peer.address; });
  if (peer.unsent != nullptr) {
    freeing_.push_back(peer.unsent);
  }
  peers_.forget(key);
  return true;
}

void ZmqListener::send_no_memory(ZmqPeers::Peer& peer, CallerKey key, ByteView prefix) {
  refusals_.count(Rejected::send_memory, [&peer] { return peer.address; });
  peer.uncounted = 0;  // the reply is not sent
  std::string error(prefix);
  wire::write_error(error, wire::ErrorKey::server_exception,
                    "the gateway has no memory for this reply: too many are not read");
  if (address(peer, key, error.size())) {
    peer.uncounted = error.size() + kMessageBytes;
    zmq_send(router_.get(), error.data(), error.size(), ZMQ_DONTWAIT);
  }
}

void ZmqListener::account_memory() {
  size_t freeing = 0;
  std::erase_if(freeing_, [&freeing](const UnsentBytes& unsent) {
    const size_t bytes = unsent->load(std::memory_order_relaxed);
    freeing += bytes;
    return bytes == 0;
  });
  memory_.replace(MemoryUse::connections, price_,
                  connections_.count() * ZmqOptions::kConnectionBytes);
  const size_t unsent = unsent_->load(std::memory_order_relaxed);
  const auto account = [&] {
    memory_.replace(MemoryUse::zmq_replies, replies_,
                    unsent - std::min(unsent, freeing) + blocks_.spare());
  };
  account();
  if (blocks_.spare() != 0 && (memory_.tight() || memory_.waiting())) {
    blocks_.free_kept();
    account();
  }
  if (memory_.waiting() && !readers_timer_.active()) {
    readers_timer_.start(options_.reader_check_ms);
  }
}

// Of Unix sockets nothing is known.
void ZmqListener::end_slow_readers() {
  if (!memory_.waiting()) {
    return;
  }
  peers_.for_each([this](ZmqPeers::Peer& peer, CallerKey key) {
    if (peer.unsent == nullptr || peer.unsent->load() <= kSlowReaderBytes) {
      return;
    }
    if (const auto read = peer.socket.acknowledged()) {
      const bool slow = *read < std::exchange(peer.read_at_check, *read) + kSlowReaderBytes;
      peer.slow_checks = slow ? peer.slow_checks + 1 : 0;
      if (peer.slow_checks >= kSlowReaderChecks) {
        end(peer, key, Rejected::send_memory);
      }
    }
  });
  readers_timer_.start(options_.reader_check_ms);
}

void ZmqListener::watch_stalled(uint64_t in_ms) {
  if (connections_.count() != 0 && !stall_timer_.active()) {
    stall_timer_.start(in_ms);
  }
}

// Once the port takes its leave, requests that wait are no peer's fault.
void ZmqListener::end_stalled() {
  if (poll_ != nullptr) {
    watch_stalled(connections_.end_stalled(loop_.now_ms()));
  }
}

void ZmqListener::free_unused_blocks() {
  blocks_.free_unused();
  if (blocks_.any()) {
    blocks_timer_.start(options_.blocks_kept_ms);
  }
}

void ZmqListener::look_at_unread() {
  memory_.replace(MemoryUse::zmq_requests, requests_, connections_.measure_unread());
  if (connections_.count() == 0) {
    return;
  }
  const size_t left = memory_.limit() - std::min(memory_.limit(), memory_.total());
  look_timer_.start(std::clamp<uint64_t>(left / kReadBytesPerMs, 1, kLongestLookMs));
}

size_t ZmqListener::largest_hoard() {
  size_t most = connections_.largest_unread();
  peers_.for_each([&most](const ZmqPeers::Peer& peer, CallerKey) {
    most = std::max(most, peer.unsent != nullptr ? peer.unsent->load() : 0);
  });
  return most;
}

bool ZmqListener::end_largest() {
  CallerKey worst{};
  size_t most = connections_.largest_unread();
  bool of_replies = false;
  peers_.for_each([&](const ZmqPeers::Peer& peer, CallerKey key) {
    if (peer.unsent != nullptr && peer.unsent->load() > most) {
      most = peer.unsent->load();
      worst = key;
      of_replies = true;
    }
  });
  const bool ended = of_replies ? end(*peers_.find(worst), worst, Rejected::send_memory)
                                : connections_.end_largest();
  account_memory();
  memory_.replace(MemoryUse::zmq_requests, requests_, connections_.unread());
  return ended;
}

}  // namespace zerogate
