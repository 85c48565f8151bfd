// Servers of a few lines, each on a thread of its own and a port of the kernel's choice, that do to
// a client whatever a test wants.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zmq.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/wire/t3.h"

namespace zerogate {

/// Accepts one connection and runs `script` on it.
class TcpPeer {
 public:
  explicit TcpPeer(std::function<void(int fd)> script)
      : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_.get(), 1);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, script = std::move(script)] {
      const UniqueFd fd(accept(listener_.get(), nullptr, nullptr));
      if (fd) {
        script(fd.get());
      }
    });
  }
  ~TcpPeer() {
    shutdown(listener_.get(), SHUT_RDWR);  // ends an accept that nobody came to
    thread_.join();
  }
  std::string url() const { return fmt::format("tcp://127.0.0.1:{}", port_); }

 private:
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

/// Reads one whole request; an empty payload at the end of the stream.
inline wire::t3::Frame read_frame(int fd, std::string& buffer) {
  for (;;) {
    const auto frame = wire::t3::parse_frame(buffer, 16 << 20);
    if (frame.status == wire::t3::FrameStatus::whole) {
      return frame;
    }
    char chunk[4096];
    const ssize_t count = read(fd, chunk, sizeof chunk);
    if (count <= 0) {
      return {};
    }
    buffer.append(chunk, static_cast<size_t>(count));
  }
}

inline void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

/// A ROUTER that hands every body to `answer` and sends back what it returns, if anything, until it
/// is destroyed.
class ZmqPeer {
 public:
  /// A frame; the last one of its message, unless there are more.
  struct Reply {
    // NOLINTNEXTLINE(google-explicit-constructor): nearly all are one frame
    Reply(std::string bytes, bool is_more = false) : body(std::move(bytes)), more(is_more) {}
    std::string body;
    bool more;
  };
  using Replies = std::vector<Reply>;
  using Answer = std::function<Replies(const std::string& body)>;

  explicit ZmqPeer(Answer answer, const std::string& bind_to = "tcp://127.0.0.1:*")
      : answer_(std::move(answer)), context_(zmq_ctx_new()) {
    router_ = zmq_socket(context_, ZMQ_ROUTER);
    const int none = 0;
    zmq_setsockopt(router_, ZMQ_LINGER, &none, sizeof none);
    const int on = 1;
    zmq_setsockopt(router_, ZMQ_IPV6, &on, sizeof on);
    zmq_bind(router_, bind_to.c_str());
    char endpoint[256];
    size_t size = sizeof endpoint;
    zmq_getsockopt(router_, ZMQ_LAST_ENDPOINT, endpoint, &size);
    url_ = "zmq" + std::string(endpoint).substr(std::min<size_t>(3, size - 1));
    thread_ = std::thread([this] { run(); });
  }
  ~ZmqPeer() {
    zmq_ctx_shutdown(context_);  // ends the thread's recv with ETERM
    thread_.join();
    zmq_ctx_term(context_);
  }
  /// "zmq" alone where it could not bind.
  const std::string& url() const { return url_; }

 private:
  void run() {
    for (std::string peer, body; receive(peer) && receive(body);) {
      bool begins = true;
      for (const Reply& reply : answer_(body)) {
        if (begins) {
          zmq_send(router_, peer.data(), peer.size(), ZMQ_SNDMORE);
        }
        zmq_send(router_, reply.body.data(), reply.body.size(), reply.more ? ZMQ_SNDMORE : 0);
        begins = !reply.more;
      }
    }
    zmq_close(router_);
  }
  bool receive(std::string& out) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    const bool received = zmq_msg_recv(&message, router_, 0) >= 0;
    out.assign(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
    zmq_msg_close(&message);
    return received;
  }

  Answer answer_;
  void* context_;
  void* router_;
  std::string url_;
  std::thread thread_;
};

}  // namespace zerogate
