#include "tests/bench/step_peers.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/wire/t3.h"
#include "core/wire/w5.h"
#include "core/wire/zmtp.h"

namespace zerogate::bench {

namespace {

constexpr int kPatienceMs = 10'000;
constexpr ByteView kHello = "\xabhello world";
constexpr ByteView kConnect = "connect";  // nothing else that is sent here has it
constexpr ByteView kConnected =
    "\xa9"
    "connected";

[[noreturn]] void give_up(const std::string& text) {
  fmt::print(stderr, "hot_path: {}\n", text);
  std::exit(1);
}

UniqueFd make_socket(const std::string& path, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    give_up("the path is too long: " + path);
  }
  path.copy(address.sun_path, path.size());
  return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

}  // namespace

StepSocket StepSocket::connect(const std::string& path) {
  sockaddr_un address;
  UniqueFd fd = make_socket(path, address);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    give_up(fmt::format("cannot connect to {}: {}", path, std::strerror(errno)));
  }
  return StepSocket(std::move(fd));
}

void StepSocket::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      give_up(fmt::format("cannot send: {}", std::strerror(errno)));
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

bool StepSocket::take(int flags) {
  char buffer[64 << 10];
  const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, flags);
  if (got > 0) {
    in.append(buffer, static_cast<size_t>(got));
  }
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool StepSocket::take_available() { return take(MSG_DONTWAIT); }

void StepSocket::wait_for(size_t size) {
  while (in.size() < size) {
    pollfd readable{fd_.get(), POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) == 0) {
      give_up("nothing came within 10 s");
    }
    if (!take(0)) {
      give_up("the connection was closed");
    }
  }
}

StepListener::StepListener(const std::string& path) {
  sockaddr_un address;
  fd_ = make_socket(path, address);
  if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd_.get(), 128) != 0) {
    give_up(fmt::format("cannot listen on {}: {}", path, std::strerror(errno)));
  }
}

UniqueFd StepListener::accept() {
  pollfd readable{fd_.get(), POLLIN, 0};
  if (poll(&readable, 1, 0) <= 0) {
    return {};
  }
  return UniqueFd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

TcpStepClient::TcpStepClient(const std::string& path, uint32_t depth, ByteView function,
                             ByteView argument)
    : socket_(StepSocket::connect(path)), depth_(depth) {
  for (uint32_t id = 1; id <= depth; ++id) {
    wire::t3::write_request(round_, id, function, argument);
  }
}

void TcpStepClient::receive() {
  for (uint32_t id = 1; id <= depth_; ++id) {
    socket_.wait_for(wire::t3::kHeaderBytes);
    socket_.wait_for(wire::t3::parse_frame(socket_.in, SIZE_MAX).size);
    const wire::t3::Frame frame = wire::t3::parse_frame(socket_.in, SIZE_MAX);
    if (frame.flag != 0) {
      give_up(fmt::format("an error came back: {}", frame.payload));
    }
    socket_.in.erase(0, frame.size);
  }
}

ZmtpPeer::ZmtpPeer(StepSocket socket, const char* socket_type)
    : socket_(std::move(socket)), socket_type_(socket_type) {}

void ZmtpPeer::greet() {
  std::string greeting("\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL", 16);
  greeting.resize(wire::zmtp::kGreetingBytes, '\0');
  socket_.write(greeting);
  const std::string type = socket_type_;
  std::string ready = "\5READY\x0bSocket-Type";
  ready.append(3, '\0') += static_cast<char>(type.size());
  ready += type;
  socket_.write("\4" + std::string(1, static_cast<char>(ready.size())) + ready);
}

void ZmtpPeer::take_greeting() {
  socket_.wait_for(wire::zmtp::kGreetingBytes);
  socket_.in.erase(0, wire::zmtp::kGreetingBytes);
  socket_.in.erase(0, next_frame().size);  // its READY
}

void ZmtpPeer::append_message(std::string& out, ByteView body) {
  out.push_back('\0');
  out.push_back(static_cast<char>(body.size()));  // up to 255
  out.append(body);
}

ZmtpPeer::Frame ZmtpPeer::next_frame() {
  socket_.wait_for(2);
  const auto flags = static_cast<unsigned char>(socket_.in[0]);
  if ((flags & 2) != 0) {
    give_up("a long frame came, which nothing here sends");
  }
  Frame frame;
  frame.size = 2 + static_cast<unsigned char>(socket_.in[1]);
  socket_.wait_for(frame.size);
  frame.command = (flags & 4) != 0;
  frame.body = ByteView(socket_.in).substr(2, frame.size - 2);
  return frame;
}

void ZmtpPeer::ping() {
  socket_.write(ByteView("\4\7\4PING\0\0", 9));
  for (;;) {
    const Frame frame = next_frame();
    const bool pong = frame.command && frame.body.starts_with("\4PONG");
    if (!frame.command) {
      early_.emplace_back(frame.body);
    }
    socket_.in.erase(0, frame.size);
    if (pong) {
      return;
    }
  }
}

// libzmq answers a PING while it still works on what it has read with it; by the answer to another
// one it has done that work.
void ZmtpPeer::barrier() {
  ping();
  ping();
}

std::string ZmtpPeer::receive() {
  if (!early_.empty()) {
    std::string message = std::move(early_.front());
    early_.erase(early_.begin());
    return message;
  }
  for (;;) {
    const Frame frame = next_frame();
    std::string body(frame.body);
    socket_.in.erase(0, frame.size);
    if (!frame.command) {
      return body;
    }
  }
}

ZmqStepClient::ZmqStepClient(const std::string& path, uint32_t depth, ByteView function,
                             ByteView argument)
    : peer_(StepSocket::connect(path), kDealer), depth_(depth) {
  for (uint32_t i = 0; i < depth; ++i) {
    std::string body;
    wire::w5::write_request(body, fmt::format("\xee{:015}", i), function, argument);
    ZmtpPeer::append_message(round_, body);
  }
}

void ZmqStepClient::receive() {
  for (uint32_t i = 0; i < depth_; ++i) {
    const std::string reply = peer_.receive();
    if (reply.find("__zerror__") != std::string::npos) {
      give_up("an error came back: " + reply);
    }
  }
}

void TcpStepBackend::step() {
  while (UniqueFd fd = listener_.accept()) {
    connections_.emplace_back(std::move(fd));
  }
  for (StepSocket& each : connections_) {
    each.take_available();
    out_.clear();
    size_t used = 0;
    for (;;) {
      const auto frame = wire::t3::parse_frame(ByteView(each.in).substr(used), SIZE_MAX);
      if (frame.status != wire::t3::FrameStatus::whole) {
        break;
      }
      const bool is_probe = frame.payload.find(kConnect) != ByteView::npos;
      wire::t3::write_frame(out_, frame.id, false, is_probe ? kConnected : kHello);
      used += frame.size;
    }
    each.in.erase(0, used);
    each.write(out_);
  }
}

void ZmqStepBackend::accept() {
  UniqueFd fd;
  for (int i = 0; !fd && i < kPatienceMs; ++i) {
    fd = listener_.accept();
    if (!fd) {
      poll(nullptr, 0, 1);
    }
  }
  if (!fd) {
    give_up("the gateway did not connect to the backend");
  }
  connection_.emplace_back(StepSocket(std::move(fd)), kRouter);
  connection_.front().greet();
  connection_.front().take_greeting();
}

void ZmqStepBackend::step(uint32_t count) {
  out_.clear();
  for (uint32_t i = 0; i < count; ++i) {
    const std::string request = connection_.front().receive();
    const bool is_probe = request.find(kConnect) != std::string::npos;
    ZmtpPeer::append_message(
        out_, request.substr(0, wire::w5::kIdBytes) + std::string(is_probe ? kConnected : kHello));
  }
  connection_.front().write(out_);
  connection_.front().barrier();
}

void RedisStepServer::step() {
  while (UniqueFd fd = listener_.accept()) {
    connections_.emplace_back(std::move(fd));
  }
  for (StepSocket& each : connections_) {
    each.take_available();
    out_.clear();
    // A command begins with the only `*` behind a line's end: no value here has one.
    for (size_t at = 0; at < each.in.size();) {
      out_ += each.in.compare(at, 8, "*1\r\n$4\r\n") == 0 ? "+PONG\r\n" : "+OK\r\n";
      const size_t next = each.in.find("\n*", at);
      at = next == std::string::npos ? each.in.size() : next + 1;
    }
    each.in.clear();
    each.write(out_);
  }
}

}  // namespace zerogate::bench
