// What the connections of a port for byte streams hold, and who goes when that is too much.
#include <algorithm>
#include <utility>

#include "core/listener/stream_listener.h"

namespace zerogate {

void StreamListener::account_memory() {
  MemoryAccount& memory = shared_.memory;
  memory.replace(MemoryUse::requests, requests_, shared_.in.unclaimed);
  memory.replace(MemoryUse::replies, replies_, shared_.held);
  const size_t tls = shared_.tls ? StreamOptions::kTlsBytes : 0;
  memory.replace(
      MemoryUse::connections, price_,
      sessions_.size() * (StreamOptions::kConnectionBytes + options().kept_capacity + tls));
  shared_.write_buffer = memory.tight()
                             ? std::min(StreamSession::kTightBuffer, options().write_buffer)
                             : options().write_buffer;
  if (memory.waiting()) {
    watch_stalls();
  }
}

StreamSession* StreamListener::find_largest() {
  StreamSession* largest = nullptr;
  size_t most = 0;
  sessions_.for_each([&](uint32_t, auto& session) {
    const size_t bytes = session->received_bytes() + session->held_bytes();
    if (bytes > most) {
      most = bytes;
      largest = session.get();
    }
  });
  return largest;
}

size_t StreamListener::largest_hoard() {
  const StreamSession* session = find_largest();
  return session != nullptr ? session->received_bytes() + session->held_bytes() : 0;
}

bool StreamListener::end_largest() {
  StreamSession* session = find_largest();
  if (session == nullptr) {
    return false;
  }
  session->reject(session->held_bytes() != 0 ? Rejected::send_memory : Rejected::receive_memory);
  account_memory();
  return true;
}

void StreamListener::shed_memory() {
  const auto shed = [this](const size_t& sum, size_t limit, auto bytes, Rejected reason) {
    while (sum > limit + options().max_message) {
      StreamSession* session = longest_waiting(bytes);
      if (session == nullptr) {
        return;
      }
      session->reject(reason);
    }
  };
  shed(shared_.in.kept, options().receive_memory, &StreamSession::received_bytes,
       Rejected::receive_memory);
  shed(shared_.held, options().send_memory, &StreamSession::held_bytes, Rejected::send_memory);
}

// Among those that hold some of the `bytes` in question: closing any other would free nothing.
StreamSession* StreamListener::longest_waiting(size_t (StreamSession::*bytes)() const) {
  StreamSession* longest = nullptr;
  uint64_t since_ms = UINT64_MAX;
  sessions_.for_each([&](uint32_t, auto& session) {
    if (((*session).*bytes)() == 0) {
      return;
    }
    for (const uint64_t ms : {session->partial_since_ms(), session->unread_since_ms()}) {
      if (ms != 0 && ms < since_ms) {
        since_ms = ms;
        longest = session.get();
      }
    }
  });
  return longest;
}

}  // namespace zerogate
