#include "tests/simulation/network.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace zerogate::simulation {
namespace {

Network* the_network = nullptr;
constexpr uint64_t kSynAgain = kSecond;  ///< the kernel's first repetition
constexpr int kSyns = 4;

}  // namespace

Network& network() { return *the_network; }
void set_network(Network* network) { the_network = network; }

size_t Socket::room() const {
  const size_t held = other_->in_flight_ + (other_->rx_.size() - other_->rx_at_);
  const size_t buffer = network().plan.buffer;
  return held < buffer ? buffer - held : 0;
}

// Bytes of one connection never overtake each other.
uint64_t Socket::arrival() {
  last_arrival_ = std::max(last_arrival_, world().now() + network().latency());
  return last_arrival_;
}

long Socket::write(std::string_view bytes) {
  if (error_ != 0) {
    return -error_;
  }
  if (write_ended_ || other_ == nullptr) {
    return -EPIPE;
  }
  const std::string& shut_out = network().plan.shut_out;
  if (!shut_out.empty() && peer_address.starts_with(shut_out)) {
    violated(peer_address + " may not connect, and is told something");
  }
  size_t taken = std::min(bytes.size(), room());
  if (taken == 0) {
    return -EAGAIN;
  }
  if (world().chance(network().plan.short_one_in)) {
    taken = world().between(1, taken);
  }
  if (traffic_ != nullptr) {
    traffic_->sent += taken;
  }
  const SocketPtr other = other_;
  other->in_flight_ += taken;
  if (vanished_) {
    return static_cast<long>(taken);
  }
  world().at(other->arrival(), [other, piece = std::string(bytes.substr(0, taken))]() mutable {
    other->in_flight_ -= piece.size();
    other->arrive(std::move(piece));
  });
  return static_cast<long>(taken);
}

void Socket::arrive(std::string bytes) {
  if (error_ != 0 || vanished_) {
    return;
  }
  if (closed_) {  // nobody reads it: a reset
    if (other_ != nullptr) {
      const SocketPtr other = other_;
      world().in(network().latency(), [other] { other->fail(ECONNRESET); });
    }
    return;
  }
  rx_ += bytes;
  tell(&SocketHooks::readable);
}

void Socket::arrive_end() {
  if (error_ == 0 && !vanished_) {
    rx_end_ = true;
    tell(&SocketHooks::readable);
  }
}

// Hooks may close the socket: it lives on until they are done.
void Socket::tell(std::function<void()> SocketHooks::*what) {
  if (!closed_) {
    const SocketPtr self = shared_from_this();
    const auto hook = hooks.*what;
    hook();
  }
}

long Socket::read(char* to, size_t size) {
  size_t there = rx_.size() - rx_at_;
  if (there == 0) {
    if (error_ != 0) {
      return -error_;
    }
    return rx_end_ ? 0 : -EAGAIN;
  }
  size_t taken = std::min(there, size);
  if (world().chance(network().plan.short_one_in)) {
    taken = world().between(1, taken);
  }
  rx_.copy(to, taken, rx_at_);
  rx_at_ += taken;
  read_bytes += taken;
  if (traffic_ != nullptr) {
    traffic_->received += taken;
  }
  if (rx_at_ == rx_.size()) {
    rx_.clear();
    rx_at_ = 0;
  }
  if (other_ != nullptr && !other_->closed_ && !vanished_) {
    const SocketPtr other = other_;
    world().in(network().latency(), [other] { other->tell(&SocketHooks::writable); });
  }
  return static_cast<long>(taken);
}

void Socket::end_writing() {
  if (std::exchange(write_ended_, true) || other_ == nullptr || vanished_) {
    return;
  }
  read_before_end_ = read_bytes;
  const SocketPtr other = other_;
  world().at(other->arrival(), [other] { other->arrive_end(); });
}

void Socket::close() {
  if (std::exchange(closed_, true)) {
    return;
  }
  hooks = {};
  if (error_ == 0 && other_ != nullptr && !vanished_) {
    if (rx_at_ < rx_.size()) {
      const SocketPtr other = other_;
      world().at(other->arrival(), [other] { other->fail(ECONNRESET); });
    } else {
      end_writing();
    }
  }
  rx_.clear();
  rx_at_ = 0;
}

void Socket::fail(int error) {
  if (error_ != 0 || closed_ || vanished_) {
    return;
  }
  error_ = error;
  tell(&SocketHooks::readable);
}

void Socket::reset(bool drop_received) {
  const SocketPtr other = other_;
  if (vanished_) {
    return;
  }
  for (const SocketPtr& end : {shared_from_this(), other}) {
    if (end != nullptr) {
      if (drop_received) {
        end->rx_.clear();
        end->rx_at_ = 0;
      }
      end->fail(ECONNRESET);
    }
  }
}

void Socket::vanish() {
  for (const SocketPtr& end : {shared_from_this(), other_}) {
    if (end != nullptr && !end->vanished_) {
      end->vanished_ = true;
      end->watch_vanished();
    }
  }
}

void Socket::set_user_timeout(uint32_t ms) {
  user_timeout_ms_ = ms;
  if (vanished_) {
    watch_vanished();
  }
}

// The kernel's keep-alive and TCP_USER_TIMEOUT, where they are set.
void Socket::watch_vanished() {
  if (user_timeout_ms_ == 0) {
    return;
  }
  world().in(idle_s_ * kSecond + user_timeout_ms_ * kMs, [self = shared_from_this()] {
    if (!self->closed_ && self->error_ == 0) {
      self->error_ = ETIMEDOUT;
      self->tell(&SocketHooks::readable);
    }
  });
}

// Both ends hold each other.
Network::~Network() {
  for (const SocketPtr& socket : all_) {
    socket->other_ = nullptr;
    socket->hooks = {};
  }
}

uint64_t Network::latency() {
  uint64_t ns = world_.between(plan.latency_least, plan.latency_most);
  if (world_.chance(plan.slow_one_in)) {
    ns += world_.random.below(plan.slow + 1);
  }
  return ns;
}

std::shared_ptr<Listening> Network::listen(const std::string& address) {
  auto listening = std::make_shared<Listening>();
  listening_[address] = listening;
  return listening;
}

void Network::stop_listening(const std::string& address) {
  const auto found = listening_.find(address);
  if (found == listening_.end()) {
    return;
  }
  found->second->closed = true;
  for (const SocketPtr& waiting : found->second->backlog) {
    waiting->reset(true);
  }
  listening_.erase(found);
}

size_t Network::newcomers(const std::string& address) const {
  const auto found = listening_.find(address);
  return found == listening_.end() ? 0 : found->second->backlog.size();
}

void Network::connect(const std::string& from, const std::string& to, Connected done) {
  try_connect(from, to, std::move(done), kSyns);
}

void Network::try_connect(const std::string& from, const std::string& to, Connected done,
                          int tries) {
  world_.in(latency(), [this, from, to, tries, done = std::move(done)]() mutable {
    if (vanished(to)) {
      return;
    }
    const auto found = listening_.find(to);
    if (found == listening_.end()) {
      world_.in(latency(), [done = std::move(done)] { done(nullptr, -ECONNREFUSED); });
      return;
    }
    const std::shared_ptr<Listening> listening = found->second;
    if (listening->holds_newcomers || listening->backlog.size() >= plan.backlog) {
      if (tries > 1) {
        world_.in(kSynAgain, [this, from, to, tries, done = std::move(done)]() mutable {
          try_connect(from, to, std::move(done), tries - 1);
        });
      } else {
        done(nullptr, -ETIMEDOUT);
      }
      return;
    }
    const auto here = std::make_shared<Socket>(from, to);
    const auto there = std::make_shared<Socket>(to, from);
    here->other_ = there;
    there->other_ = here;
    all_.push_back(here);
    all_.push_back(there);
    world_.in(latency(), [done = std::move(done), here] { done(here, 0); });
    if (listening->is_gateway) {
      there->traffic_ = &traffic_[to];
      listening->backlog.push_back(there);
    } else {
      listening->accept(there);
    }
  });
}

}  // namespace zerogate::simulation
