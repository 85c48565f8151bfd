#include "tests/integration/raw_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>  // glibc's own lacks tcpi_data_segs_in
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "core/wire/t3.h"

namespace zerogate::testing {
namespace {

constexpr size_t kChunk = 256 << 10;
constexpr size_t kMaxReply = 64 << 20;

socklen_t fill(const Address& address, sockaddr_storage& where) {
  if (address.is_path()) {
    auto& local = reinterpret_cast<sockaddr_un&>(where);
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, address.path.data(), address.path.size());
    return sizeof local;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(where);
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    return sizeof v6;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(where);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
  return sizeof v4;
}

}  // namespace

RawClient::RawClient(const Address& address, int receive_buffer) {
  sockaddr_storage where{};
  const socklen_t size = fill(address, where);
  fd_.reset(socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer != 0) {
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  if (connect(fd_.get(), reinterpret_cast<sockaddr*>(&where), size) != 0) {
    throw std::runtime_error("cannot connect to " + address.display() + ": " + strerror(errno));
  }
  const int on = 1;
  if (!address.is_path()) {
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

void RawClient::send(ByteView& bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

void RawClient::send_all(ByteView bytes) {
  send(bytes);
  if (!bytes.empty()) {
    throw std::runtime_error("it does not fit into the socket's buffer");
  }
}

void RawClient::receive(size_t at_most) {
  while (at_most > 0 && !ended_) {
    const size_t before = received_.size();
    receive_once(std::min(at_most, kChunk));
    if (received_.size() == before) {
      return;
    }
    at_most -= received_.size() - before;
  }
}

void RawClient::receive_once(size_t at_most) {
  const size_t before = received_.size();
  received_.resize(before + at_most);
  const ssize_t count = recv(fd_.get(), received_.data() + before, at_most, 0);
  const int error = errno;
  received_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count > 0 || (count < 0 && error == EAGAIN)) {
    return;
  }
  ended_ = true;
  was_reset_ = count < 0;
}

std::vector<TcpReply> RawClient::take_replies() {
  std::vector<TcpReply> replies;
  ByteView rest = received_;
  for (;;) {
    const wire::t3::Frame frame = wire::t3::parse_frame(rest, kMaxReply);
    if (frame.status != wire::t3::FrameStatus::whole) {
      break;
    }
    replies.push_back({frame.id, frame.flag == 1, std::string(frame.payload)});
    rest.remove_prefix(frame.size);
  }
  received_.erase(0, received_.size() - rest.size());
  return replies;
}

void RawClient::half_close() { shutdown(fd_.get(), SHUT_WR); }

void RawClient::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_.reset();
}

uint32_t RawClient::data_segments() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info.tcpi_data_segs_in;
}

}  // namespace zerogate::testing
