// Byte streams between the gateway and the models: a network and a kernel that do what the seed
// says.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/world.h"

namespace zerogate::simulation {

/// How a seed's network behaves.
struct NetworkPlan {
  uint64_t latency_least = 20 * kUs;
  uint64_t latency_most = 500 * kUs;
  uint64_t slow_one_in = 0;  ///< of the pieces take up to `slow` longer
  uint64_t slow = 0;
  size_t buffer = 64 << 10;   ///< bytes that a connection holds for a peer, each way
  uint64_t short_one_in = 0;  ///< writes and reads that the kernel cuts short
  uint64_t backlog = 512;
  std::string shut_out;  ///< beginning of addresses that get no byte; empty: none
};

/// What the gateway has done at one of its addresses.
struct Traffic {
  uint64_t accepted = 0;  ///< connections
  uint64_t received = 0;  ///< bytes
  uint64_t sent = 0;      ///< the same
  /// Of those, bytes of writes that broke off: libuv does not tell how much had left.
  uint64_t broken_off = 0;
};

class Socket;
using SocketPtr = std::shared_ptr<Socket>;

/// What a socket tells its owner, when that is a model. The gateway's sockets are polled instead.
struct SocketHooks {
  std::function<void()> readable = [] {};  ///< bytes, the end or an error have come
  std::function<void()> writable = [] {};  ///< the other end has taken something
};

/// One end of a connection.
class Socket : public std::enable_shared_from_this<Socket> {
 public:
  Socket(std::string own, std::string peer)
      : own_address(std::move(own)), peer_address(std::move(peer)) {}

  /// How many of the bytes the kernel takes, or a negated errno.
  long write(std::string_view bytes);
  /// How many bytes it has given; 0: the end; a negated errno, EAGAIN included.
  long read(char* to, size_t size);
  bool readable() const { return rx_at_ < rx_.size() || rx_end_ || error_ != 0; }
  bool writable() const { return error_ != 0 || other_ == nullptr || room() > 0; }
  /// Sends the end; the other way stays open.
  void end_writing();
  /// As close(2): a reset when bytes were not read.
  void close();
  /// Breaks the connection at both ends.
  void reset(bool drop_received);
  /// This end finds it broken; the other hears nothing.
  void fail(int error);
  /// Nothing arrives any more, in either direction, and nobody is told.
  void vanish();
  bool broken() const { return error_ != 0; }
  bool closed() const { return closed_; }
  /// Bytes that the other end had taken when it ended its writing.
  uint64_t taken_before_end() const { return other_ == nullptr ? 0 : other_->read_before_end_; }
  bool other_gone() const { return other_ == nullptr || other_->closed_; }

  SocketHooks hooks;
  const std::string own_address;
  const std::string peer_address;
  /// As TCP_USER_TIMEOUT and TCP_KEEPIDLE; 0: not set.
  void set_user_timeout(uint32_t ms);
  void set_idle(uint32_t s) { idle_s_ = s; }
  uint64_t read_bytes = 0;  ///< that this end has ever taken
  void count_accepted() const { ++traffic_->accepted; }
  void count_broken_off(uint64_t bytes) const {
    if (traffic_ != nullptr) {
      traffic_->broken_off += bytes;
    }
  }

 private:
  friend class Network;
  size_t room() const;
  void arrive(std::string bytes);
  void arrive_end();
  void tell(std::function<void()> SocketHooks::*what);
  uint64_t arrival();
  void watch_vanished();

  SocketPtr other_;
  Traffic* traffic_ = nullptr;  ///< of the gateway's end alone, at an address that it listens on
  std::string rx_;
  size_t rx_at_ = 0;
  size_t in_flight_ = 0;  ///< bytes on their way to this end
  uint64_t last_arrival_ = 0;
  bool rx_end_ = false;
  bool write_ended_ = false;
  uint64_t read_before_end_ = 0;
  bool closed_ = false;
  bool vanished_ = false;
  uint32_t user_timeout_ms_ = 0;
  uint32_t idle_s_ = 0;
  int error_ = 0;
};

/// What listens at an address.
struct Listening {
  std::function<void(SocketPtr)> accept;  ///< a model's
  std::deque<SocketPtr> backlog;          ///< the gateway's
  bool is_gateway = false;
  bool holds_newcomers = false;
  bool closed = false;
};

/// One for each world.
class Network {
 public:
  explicit Network(World& the_world) : world_(the_world) {}
  /// Ends every connection, unseen.
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  NetworkPlan plan;
  World& world() { return world_; }

  std::shared_ptr<Listening> listen(const std::string& address);
  void stop_listening(const std::string& address);
  /// Connections that the listener there has not accepted yet.
  size_t newcomers(const std::string& address) const;
  /// `done` hears of the outcome, unless the address has vanished. 0, or a negated errno.
  using Connected = std::function<void(SocketPtr, int error)>;
  void connect(const std::string& from, const std::string& to, Connected done);
  /// What is sent there meets nobody, not even a refusal.
  void vanish(const std::string& address, bool vanished) { vanished_[address] = vanished; }
  bool vanished(const std::string& address) const {
    const auto found = vanished_.find(address);
    return found != vanished_.end() && found->second;
  }
  uint64_t latency();
  const Traffic& traffic(const std::string& address) { return traffic_[address]; }

 private:
  void try_connect(const std::string& from, const std::string& to, Connected done, int tries);

  World& world_;
  std::vector<SocketPtr> all_;
  std::map<std::string, std::shared_ptr<Listening>> listening_;
  std::map<std::string, bool> vanished_;
  std::map<std::string, Traffic> traffic_;
};

Network& network();
void set_network(Network* network);

}  // namespace zerogate::simulation
