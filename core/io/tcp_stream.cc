#include "core/io/tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/io/tls_layer.h"

namespace zerogate {

namespace {

/// A TCP connection that has met itself; see is_connected_to_itself(). No call of ours fails so.
constexpr int kConnectedToItself = UV_ELOOP;

/// Both ends of a TCP connection, as far as they make it the same one.
struct Ends {
  sockaddr_storage own{};
  sockaddr_storage peer{};

  bool same() const {
    if (own.ss_family != peer.ss_family) {
      return false;
    }
    if (own.ss_family == AF_INET6) {
      const auto& a = reinterpret_cast<const sockaddr_in6&>(own);
      const auto& b = reinterpret_cast<const sockaddr_in6&>(peer);
      return a.sin6_port == b.sin6_port &&
             std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
    }
    const auto& a = reinterpret_cast<const sockaddr_in&>(own);
    const auto& b = reinterpret_cast<const sockaddr_in&>(peer);
    return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
  }
};

}  // namespace

TcpStream::Shell::Shell(TcpStream* owner)
    : stream(owner),
      writer(this, [](void* self, int status) { static_cast<Shell*>(self)->on_written(status); }) {
  connect.data = this;
}

void TcpStream::Shell::on_written(int status) {
  if (stream == nullptr) {
    return;
  }
  if (status != 0) {
    return stream->owner_.on_closed(status);
  }
  stream->owner_.on_writable();
}

void TcpStream::Shell::close() {
  stream = nullptr;
  if (!opened) {
    delete this;
    return;
  }
  uv_close(&uv.handle, [](uv_handle_t* closed) { delete static_cast<Shell*>(closed->data); });
}

TcpStream::TcpStream(uv_loop_t* loop, Owner& owner, char* read_buffer, Totals* totals)
    : loop_(loop),
      owner_(owner),
      read_buffer_(read_buffer),
      totals_(totals),
      shell_(new Shell(this)) {}

TcpStream::~TcpStream() { close(); }

void TcpStream::end_writing() {
  say_end();
  (void)::shutdown(fd(), SHUT_WR);
}

void TcpStream::close() {
  if (std::exchange(waiting_, false)) {
    turns_->leave(*this);
  }
  if (shell_ != nullptr) {
    if (tls_ != nullptr) {
      close_tls();
    }
    release_kept();
    std::exchange(shell_, nullptr)->close();
  }
}

int TcpStream::open(bool is_local) {
  UvStream& uv = shell_->uv;
  const int error = is_local ? uv_pipe_init(loop_, &uv.pipe, 0) : uv_tcp_init(loop_, &uv.tcp);
  if (error == 0) {
    shell_->opened = true;
    uv.handle.data = shell_;
  }
  return error;
}

bool TcpStream::adopt(UniqueFd connection) {
  int domain = 0;
  socklen_t size = sizeof domain;
  getsockopt(connection.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
  const bool is_local = domain == AF_UNIX;
  UvStream& uv = shell_->uv;
  if (open(is_local) != 0 || (is_local ? uv_pipe_open(&uv.pipe, connection.get())
                                       : uv_tcp_open(&uv.tcp, connection.get())) != 0) {
    return false;
  }
  connection.release();  // it is the handle's
  if (!is_local) {
    uv_tcp_nodelay(&uv.tcp, 1);
  }
  limit_memory();
  return true;
}

void TcpStream::limit_memory() {
  if (memory_ != nullptr) {
    limit_socket_memory(fd(), memory_->socket_buffer());
  }
}

int TcpStream::connect(const Address& address) {
  if (address.is_path()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (address.path.size() >= sizeof local.sun_path) {
      return UV_ENAMETOOLONG;
    }
    address.path.copy(local.sun_path, address.path.size());
    return connect(reinterpret_cast<const sockaddr*>(&local));
  }
  sockaddr_storage to{};
  const char* host = address.host.c_str();
  int error = uv_ip4_addr(host, address.port, reinterpret_cast<sockaddr_in*>(&to));
  if (error != 0) {
    error = uv_ip6_addr(host, address.port, reinterpret_cast<sockaddr_in6*>(&to));
  }
  return error != 0 ? error : connect(reinterpret_cast<const sockaddr*>(&to));
}

int TcpStream::connect(const sockaddr* address) {
  const auto done = [](uv_connect_t* connect, int status) {
    auto* shell = static_cast<Shell*>(connect->data);
    if (shell->stream != nullptr) {
      shell->stream->on_connected(status);
    }
  };
  const bool is_local = address->sa_family == AF_UNIX;
  if (const int error = open(is_local); error != 0) {
    return error;
  }
  UvStream& uv = shell_->uv;
  if (is_local) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(address);
    uv_pipe_connect(&shell_->connect, &uv.pipe, local->sun_path, done);
    return 0;
  }
  return uv_tcp_connect(&shell_->connect, &uv.tcp, address, done);
}

void TcpStream::on_connected(int status) {
  if (status != 0) {
    return owner_.on_closed(status);
  }
  if (is_tcp()) {
    if (is_connected_to_itself()) {
      return owner_.on_closed(kConnectedToItself);
    }
    uv_tcp_nodelay(&shell_->uv.tcp, 1);
  }
  limit_memory();
  if (const int error = start_reading(); error != 0) {
    return owner_.on_closed(error);
  }
  if (tls_ == nullptr) {
    owner_.on_connected();
  }
}

int TcpStream::start_reading() {
  reading_ = true;
  account_kept();
  return read_on();
}

int TcpStream::read_on() {
  if (waiting_ || waits_for_memory()) {
    return 0;
  }
  if (tls_ != nullptr) {
    return read_on_tls();
  }
  const auto alloc = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    TcpStream& self = *static_cast<Shell*>(handle->data)->stream;
    *buffer = self.reader_.space(self.read_buffer_);
    if (self.accounted_.kept != 0) {
      self.account_kept();  // a long frame's memory grows
    }
  };
  const auto read = [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
    TcpStream& self = *static_cast<Shell*>(stream->data)->stream;
    self.on_read(size);
    self.give_way(size, buffer->len);
  };
  return uv_read_start(&shell_->uv.stream, alloc, read);
}

// To connect to a port of the ephemeral range without a listener may choose that very port for
// this end: both SYNs cross, and the connection is to itself. The port is then ours and its server
// cannot have it, so it is given back at once, without the minute of TIME_WAIT.
bool TcpStream::is_connected_to_itself() const {
  Ends ends;
  int own_size = sizeof ends.own;
  int peer_size = sizeof ends.peer;
  const uv_tcp_t* tcp = &shell_->uv.tcp;
  if (uv_tcp_getsockname(tcp, reinterpret_cast<sockaddr*>(&ends.own), &own_size) != 0 ||
      uv_tcp_getpeername(tcp, reinterpret_cast<sockaddr*>(&ends.peer), &peer_size) != 0 ||
      !ends.same()) {
    return false;
  }
  reset_at_close();
  return true;
}

void TcpStream::on_read(ssize_t size) {
  if (size == 0) {
    return;  // nothing to read after all
  }
  if (size < 0) {
    return owner_.on_closed(static_cast<int>(size));
  }
  const FrameReader::Chunk chunk = reader_.take(read_buffer_, static_cast<size_t>(size));
  if (totals_ != nullptr) {
    totals_->received += static_cast<size_t>(size);
  }
  if (accounted_.kept != 0) {
    account_kept();
  }
  if (chunk.bytes.empty()) {
    return;
  }
  owner_.on_bytes(chunk.bytes);
  give_back_claim();
}

void TcpStream::read_now(size_t most) {
  if (tls_ != nullptr) {
    return read_tls_now(most);
  }
  for (size_t all = 0; all < most && shell_ != nullptr && !waits_for_memory();) {
    const uv_buf_t space = reader_.space(read_buffer_);
    const ssize_t size = ::recv(fd(), space.base, space.len, MSG_DONTWAIT);
    if (size <= 0) {
      return;
    }
    all += static_cast<size_t>(size);
    on_read(size);
  }
}

void TcpStream::give_way(ssize_t size, size_t room) {
  if (size < static_cast<ssize_t>(room) || turns_ == nullptr) {
    without_pause_ = 0;
    return;
  }
  without_pause_ += room;
  if (without_pause_ < ReadTurns::kShareBytes || shell_ == nullptr || !reading_ || waiting_ ||
      waits_for_memory()) {
    return;
  }
  without_pause_ = 0;
  uv_read_stop(&shell_->uv.stream);
  waiting_ = true;
  turns_->wait(*this);
}

void TcpStream::take_turn() {
  waiting_ = false;
  const int error = reading_ ? read_on() : 0;
  if (error != 0) {
    owner_.on_closed(error);
  }
}

void TcpStream::claim_memory(size_t bytes) {
  if (!memory_->claim(*this, use_, bytes)) {
    uv_read_stop(&shell_->uv.stream);
  }
}

void TcpStream::release_claim() {
  if (claim_state != State::none) {
    memory_->release(*this);
  }
}

void TcpStream::on_memory() {
  account_kept();
  if (const int error = reading_ ? read_on() : 0; error != 0) {
    owner_.on_closed(error);
  }
}

void TcpStream::watch_peer(uint32_t idle_ms, uint32_t timeout_ms) {
  if (is_tcp()) {
    watch_tcp_peer(fd(), idle_ms, timeout_ms);
  }
}

int TcpStream::fd() const {
  uv_os_fd_t fd = -1;
  return shell_->opened && uv_fileno(&shell_->uv.handle, &fd) == 0 ? fd : -1;
}

void TcpStream::stop_reading() {
  reading_ = false;
  account_kept();
  if (shell_->opened) {
    uv_read_stop(&shell_->uv.stream);
  }
}

std::string_view TcpStream::reason(int error) {
  switch (error) {
    case UV_EOF:
      return "the connection was closed";
    case kConnectedToItself:
      return "nobody listens there: the connection came back to itself";
    default:
      return uv_strerror(error);
  }
}

void watch_tcp_peer(int fd, uint32_t idle_ms, uint32_t timeout_ms) {
  const auto set = [fd](int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof value);
  };
  const auto idle_s = static_cast<int>(std::max((idle_ms + 999) / 1'000, 1U));
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(timeout_ms));
}

}  // namespace zerogate
