// ZeroMQ between the gateway and the models: whole messages, as libzmq shows them.
#pragma once

#include <cerrno>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/network.h"

namespace zerogate::simulation {

class ZmqLink;

/// Bytes of one frame. Those that the gateway keeps itself are given back when they have been sent.
struct ZmqFrame {
  std::string own;
  void* data = nullptr;  ///< not own
  size_t size = 0;
  void (*release)(void*, void*) = nullptr;
  void* hint = nullptr;
  bool more = false;
  int fd = -1;                    ///< of the connection over which it has come, at that time
  std::shared_ptr<ZmqLink> from;  ///< of one that a ROUTER has read: that connection

  ZmqFrame() = default;
  explicit ZmqFrame(std::string bytes) : own(std::move(bytes)) {}
  ~ZmqFrame() {
    if (release != nullptr) {
      release(data, hint);
    }
  }
  ZmqFrame(const ZmqFrame&) = delete;
  ZmqFrame& operator=(const ZmqFrame&) = delete;
  char* bytes() { return release != nullptr ? static_cast<char*>(data) : own.data(); }
  size_t length() const { return release != nullptr ? size : own.size(); }
};
using ZmqFramePtr = std::unique_ptr<ZmqFrame>;
using ZmqMessageFrames = std::vector<ZmqFramePtr>;

struct ZmqSocketState;

/// A connection between one of the gateway's sockets and a model, or a socket's events.
class ZmqLink : public std::enable_shared_from_this<ZmqLink> {
 public:
  struct Hooks {
    std::function<void(const std::string& body)> message = [](const std::string&) {};
    std::function<void()> gone = [] {};   ///< the gateway's end has closed, or the way there broke
    std::function<void()> ready = [] {};  ///< of a client: its handshake is done
  };

  // The model's side.
  void send(std::string body);
  void send(std::vector<std::string> frames);
  /// Both ends hear of it.
  void close();
  /// Nothing arrives any more. The gateway's end is told by the kernel's watch.
  void vanish();
  /// The model does not read: what comes waits in libzmq.
  void set_paused(bool paused);
  bool paused() const { return paused_; }
  /// Of a message these bytes have come, and the rest does not.
  void send_beginning(size_t bytes);
  bool alive() const { return alive_; }
  Hooks hooks;

  // The gateway's side: fake_zmq.cc.
  ZmqSocketState* socket = nullptr;  ///< null once that is closed
  std::string identity;
  std::string address;
  std::string user;  ///< of a client: what the gateway's ZapHandler calls it
  int fd = -1;       ///< of a client: the gateway's descriptor
  bool shaking = false;
  int failure = ECONNRESET;  ///< why its handshake has ended, if it ends now
  // As the kernel tells of it, bytes: what has come, and what has gone, which is acknowledged.
  uint64_t received = 0;
  uint64_t written = 0;
  uint64_t arrived = 0;  ///< messages, before the gateway has closed its socket
  std::deque<ZmqMessageFrames> in;
  std::deque<ZmqMessageFrames> out;     ///< not sent yet
  bool active = false;                  ///< libzmq looks whether it has something
  bool activated = false;               ///< and will, once it has dealt with its signal
  uint64_t watch_after = 61 * kSecond;  ///< of an idle client: see ZmqListener::kKeepAliveS
  void push(ZmqMessageFrames message);
  void transmit();
  void end(bool tell_model);
  /// The gateway has closed the socket, and its kernel has told libzmq's thread.
  void shut_down();
  /// Something is to be written, and can be.
  bool busy() const { return alive_ && !vanished_ && !paused_ && !out.empty(); }
  bool vanished() const { return vanished_; }

 private:
  friend class ZmqBus;
  bool alive_ = true;
  bool vanished_ = false;
  bool paused_ = false;
  bool transmitting_ = false;
  uint64_t last_arrival_ = 0;
};
using ZmqLinkPtr = std::shared_ptr<ZmqLink>;

/// Everything that is alive of one world's ZeroMQ.
class ZmqBus {
 public:
  ~ZmqBus();

  using Accept = std::function<void(ZmqLinkPtr)>;
  void listen(const std::string& address, Accept accept) { servers_[address] = std::move(accept); }
  void stop_listening(const std::string& address) { servers_.erase(address); }
  /// A client's way to a ROUTER of the gateway, which speaks CURVE. `done` gets the connection, or
  /// null when it did not come about; Hooks::ready or Hooks::gone tell of its handshake. Without a
  /// key the client says no more than its greeting.
  void connect(const std::string& from, const std::string& to, const std::string& key,
               const Accept& done);
  /// What ROUTERs have had: messages' bytes.
  Traffic traffic;
  /// There at this ROUTER, as libzmq knows.
  size_t connections(const std::string& router) const;

  // The gateway's side: fake_zmq.cc.
  void dial(const ZmqLinkPtr& link, const std::string& to);
  /// The gateway's ZapHandler has judged.
  void on_verdict(const ZmqMessageFrames& verdict);
  /// As zmq_ctx_term(): waits for what closed sockets have to write, up to their ZMQ_LINGER.
  void linger();
  std::map<std::string, ZmqSocketState*> routers;
  ZmqSocketState* zap = nullptr;      ///< the ZapHandler's
  std::vector<ZmqLinkPtr> lingering;  ///< of closed sockets
  uint64_t lingers_until = 0;
  std::vector<ZmqSocketState*> sockets;
  /// By their signals' descriptors, from kFirstFd on; null once closed.
  std::vector<ZmqSocketState*> by_fd;
  static constexpr int kFirstFd = 1 << 22;
  uint32_t next_identity = 0;
  bool readable(int fd) const;

 private:
  bool accept(const std::string& from, const std::string& to, const std::string& key,
              const Accept& done);
  void shake_hands(const ZmqLinkPtr& link, const std::string& key);
  void ask_zap(const ZmqLinkPtr& link, const std::string& key);

  std::map<std::string, Accept> servers_;
  std::map<std::string, std::weak_ptr<ZmqLink>> asked_;  ///< of ZAP, by request
  uint32_t next_question_ = 0;
};

ZmqBus& zmq_bus();
void set_zmq_bus(ZmqBus* bus);

}  // namespace zerogate::simulation
