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

// Beginnings of frames, and what waits behind calls, may be many and each of them short.
bool StreamListener::beginnings_hoard() const {
  return shared_.in.unclaimed > shared_.memory.limit() / 2;
}

size_t StreamListener::largest_hoard() {
  if (beginnings_hoard()) {
    return shared_.in.unclaimed;
  }
  const StreamSession* session = find_largest();
  return session != nullptr ? session->received_bytes() + session->held_bytes() : 0;
}

bool StreamListener::end_largest() {
  StreamSession* least = beginnings_hoard() ? least_useful(&StreamSession::unclaimed_bytes,
                                                           &StreamSession::stands_since_ms)
                                            : nullptr;
  return end_for_memory(least != nullptr ? least : find_largest());
}

bool StreamListener::end_for_memory(StreamSession* session) {
  if (session == nullptr) {
    return false;
  }
  session->reject(session->held_bytes() != 0 ? Rejected::send_memory : Rejected::receive_memory);
  account_memory();
  return true;
}

void StreamListener::list_sockets(std::vector<SocketHoard>& hoards) {
  for_each([&](StreamSession& session) {
    hoards.push_back({socket_memory(session.fd()), session.fd(), session.key()});
  });
  lingering_.list(hoards);
}

void StreamListener::end_socket(const SocketHoard& hoard) {
  StreamSession* session = find(hoard.caller);
  if (session != nullptr && session->fd() == hoard.fd) {
    session->reject(reason_to_end(hoard.memory));
    account_memory();
  } else {
    lingering_.throw_away(hoard.fd);
  }
}

void StreamListener::linger(int fd) {
  if (shared_.memory.socket_buffer() != 0) {
    lingering_.keep(fd);
  }
}

StreamSession* StreamListener::find_slowest() {
  const uint64_t now_ms = shared_.clock.now_ms();
  StreamSession* slowest = nullptr;
  sessions_.for_each([&](uint32_t, auto& session) {
    if (session->is_judged(now_ms) && (slowest == nullptr || session->pace() < slowest->pace())) {
      slowest = session.get();
    }
  });
  return slowest;
}

double StreamListener::slowest_pace() {
  const StreamSession* session = find_slowest();
  return session != nullptr ? session->pace() : kNoPace;
}

// What waits for calls that are under way is no fault of its peer's and has no limit of its own:
// that of all memory holds it.
void StreamListener::shed_memory() {
  const auto shed = [this](const size_t& sum, size_t limit, auto bytes, Rejected reason) {
    while (sum > limit + options().max_message) {
      StreamSession* session = least_useful(bytes, &StreamSession::waits_since_ms);
      if (session == nullptr) {
        return;
      }
      session->reject(reason);
    }
  };
  shed(shared_.in.unfinished, options().receive_memory, &StreamSession::unfinished_bytes,
       Rejected::receive_memory);
  shed(shared_.held, options().send_memory, &StreamSession::held_bytes, Rejected::send_memory);
}

// Among those that hold some of the `bytes` in question: closing any other would free nothing. Of
// slow peers, as all are that have come within the second, the one goes that has had most time.
StreamSession* StreamListener::least_useful(size_t (StreamSession::*bytes)() const,
                                            uint64_t (StreamSession::*since_ms)() const) {
  StreamSession* least = nullptr;
  std::pair<double, uint64_t> worst;
  sessions_.for_each([&](uint32_t, auto& session) {
    const uint64_t since = ((*session).*since_ms)();
    if (((*session).*bytes)() == 0 || since == 0) {
      return;
    }
    const std::pair rank(std::max(session->pace(), kSlowPace), since);
    if (least == nullptr || rank < worst) {
      worst = rank;
      least = session.get();
    }
  });
  return least;
}

}  // namespace zerogate
