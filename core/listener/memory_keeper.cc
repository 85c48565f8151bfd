#include "core/listener/memory_keeper.h"

#include <algorithm>

namespace zerogate {

void MemoryKeeper::keep(const Listeners& listeners, uint64_t now_ms) {
  keeping_ = true;
  end_until_within(listeners);
  memory_.serve(now_ms);
  if (memory_.waiting() && now_ms - judged_ms_ >= kJudgeMs) {
    judged_ms_ = now_ms;
    while (memory_.waiting() && end_slowest(listeners) && !memory_.serve(now_ms)) {
    }
  }
  bool look_again = memory_.waiting();
  if (sockets_.used) {
    if (now_ms != std::exchange(looked_ms_, now_ms)) {
      keep_sockets(listeners);
    }
    look_again |= std::ranges::any_of(listeners, [](auto& each) { return each->hoards_unseen(); });
  }
  if (look_again && !look_again_.active()) {
    look_again_.start(kLookMs);
  }
  keeping_ = false;
}

void MemoryKeeper::keep_growth(const Listeners& listeners) {
  if (keeping_) {
    return;
  }
  end_until_within(listeners);
  if (sockets_.used) {
    keep_sockets(listeners);
  }
}

void MemoryKeeper::end_until_within(const Listeners& listeners) {
  while (memory_.over() && (end_slowest(listeners) || end_largest(listeners))) {
  }
}

void MemoryKeeper::keep_sockets(const Listeners& listeners) {
  const uint64_t needed = needed_bytes();
  measured_ = std::min(measured_, needed);
  if (needed > sockets_.high && needed - measured_ >= kGrowth) {
    shrink_sockets(listeners, needed - sockets_.high);
    measured_ = needed_bytes();
  }
}

// What is in use may stand still at the limit, while memory of files becomes that of connections.
uint64_t MemoryKeeper::needed_bytes() const {
  const uint64_t used = sockets_.used();
  return used > sockets_.high ? used - std::min(used, sockets_.reclaimable()) : used;
}

void MemoryKeeper::shrink_sockets(const Listeners& listeners, uint64_t excess) const {
  struct Client {
    SocketHoard hoard;
    Listener* port;
  };
  std::vector<Client> clients;
  size_t all = 0;
  for (const auto& listener : listeners) {
    std::vector<SocketHoard> hoards;
    listener->list_sockets(hoards);
    all += all_bytes(hoards);
    for (const SocketHoard& hoard : hoards) {
      clients.push_back({hoard, listener.get()});
    }
  }
  const size_t most = std::max<uint64_t>(all - std::min<uint64_t>(all, excess), sockets_.least);
  const auto bytes = [](const Client& client) { return client.hoard.memory.all(); };
  std::ranges::sort(clients, std::ranges::greater(), bytes);
  for (auto next = clients.begin(); all > most; ++next) {
    all -= bytes(*next);
    next->port->end_socket(next->hoard);
  }
}

// Each listener is asked once: it looks at all of its connections.
bool MemoryKeeper::end_slowest(const Listeners& listeners) {
  Listener* worst = nullptr;
  double least = kSlowPace;
  for (const auto& listener : listeners) {
    if (const double pace = listener->slowest_pace(); pace < least) {
      least = pace;
      worst = listener.get();
    }
  }
  if (worst != nullptr) {
    worst->end_slowest();
  }
  return worst != nullptr;
}

bool MemoryKeeper::end_largest(const Listeners& listeners) {
  Listener* worst = nullptr;
  size_t most = 0;
  for (const auto& listener : listeners) {
    if (const size_t hoard = listener->largest_hoard(); hoard >= kLeastHoard && hoard > most) {
      most = hoard;
      worst = listener.get();
    }
  }
  return worst != nullptr && worst->end_largest();
}

}  // namespace zerogate
