#include "gateway/admin/admin_server.h"

#include <civetweb.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/unique_fd.h"
#include "core/client/resolve.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

using Clock = std::chrono::steady_clock;

// A peer that connects and stays silent holds one thread for kRequestTimeoutMs, and civetweb takes
// connections in the order in which they came. So /healthz waits behind n such peers for about
// n / threads * kRequestTimeoutMs, and n is at most threads + queue + kBacklog: 3.5 s with the
// defaults of AdminLimits. A thread that waits costs about 20 KiB; that is why there are so many.
constexpr int kRequestTimeoutMs = 1000;  ///< for a whole request, and for each chunk of a reply
constexpr int kBacklog = 128;            ///< waiting in the kernel
constexpr int kMaxRequestBytes = 8192;   ///< request line and headers; one buffer per thread
/// A slow reader is given kRequestTimeoutMs for each chunk and kResponseDeadline for all of them.
constexpr size_t kChunkBytes = 64 << 10;
constexpr std::chrono::seconds kResponseDeadline{5};

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

/// In chunks, because civetweb's write deadline is for one mg_write: one for a whole scrape would
/// cut slow links off, and one without end would let a peer that reads slowly keep the thread.
void send_page(mg_connection* connection, const AdminPage& page, bool with_body) {
  // The first chunk goes with the headers: most pages are one packet.
  const std::string_view body = *page.body;
  std::string first = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}"
      "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
      page.status, reason_phrase(page.status), page.type, body.size(), page.headers);
  if (with_body) {
    first += body.substr(0, kChunkBytes);
  }
  const auto deadline = Clock::now() + kResponseDeadline;
  const auto send = [&](std::string_view bytes) {
    return Clock::now() < deadline &&
           mg_write(connection, bytes.data(), bytes.size()) == static_cast<int>(bytes.size());
  };
  bool sent = send(first);
  for (size_t at = kChunkBytes; sent && with_body && at < body.size(); at += kChunkBytes) {
    sent = send(body.substr(at, kChunkBytes));
  }
}

std::string_view header(const mg_connection* connection, const char* name) {
  const char* value = mg_get_header(connection, name);
  return value ? value : "";
}

/// civetweb asks this before it does anything with a request, and is never left to answer one
/// itself: it has no document root, no files and no listings to serve. A civetweb thread.
int begin_request(mg_connection* connection) noexcept try {
  // Also keeps civetweb from reading a large request body to its end.
  mg_disable_connection_keep_alive(connection);
  const mg_request_info* info = mg_get_request_info(connection);
  AdminRequest request;
  request.method = info->request_method;
  request.path = info->local_uri ? info->local_uri : "";
  request.query = info->query_string ? info->query_string : "";
  request.accept = header(connection, "Accept");
  request.origin = header(connection, "Origin");
  request.fetch_site = header(connection, "Sec-Fetch-Site");
  const AdminPage page = static_cast<AdminRoutes*>(info->user_data)->answer(request);
  send_page(connection, page, request.method != "HEAD");
  return page.status;
} catch (...) {
  return 500;
}

/// civetweb's own messages: what peers did wrong, mostly. Without this they go to stderr.
int log_message(const mg_connection*, const char* message) {
  log::debug("admin server", {{"message", message}});
  return 1;
}

Error cannot_listen(const Address& address, std::string reason) {
  if (!reason.empty()) {
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  }
  return Error{fmt::format("cannot listen on admin {}: {}; choose another with admin: or --admin",
                           address.display(), reason)};
}

struct Bound {
  SocketAddress address;
  UniqueFd fd;
};

/// Binds to the first address of the host that can be had. One whose family or interface this
/// machine lacks (::1 of localhost, without IPv6) is passed over; a busy one is not. Nobody is
/// accepted yet: a connection that came too early would be reset when civetweb takes over.
Result<Bound> bind_to(const Address& address) {
  const Result<std::vector<SocketAddress>> candidates = resolve(address);
  if (!candidates) {
    return cannot_listen(address, candidates.error());
  }
  int error = EADDRNOTAVAIL;
  for (const SocketAddress& candidate : candidates.value()) {
    const int family = candidate.storage.ss_family;
    UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1, off = 0;
    if (fd && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        // [::] takes IPv4 too, like the other listeners.
        (family != AF_INET6 ||
         setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(fd.get(), candidate.get(), candidate.size) == 0) {
      return Bound{candidate, std::move(fd)};
    }
    error = errno;
    if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) {
      break;
    }
  }
  return cannot_listen(address, std::strerror(error));
}

SocketAddress bound_to(int fd) {
  SocketAddress name;
  name.size = sizeof name.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name.storage), &name.size) != 0) {
    return {};
  }
  return name;
}

uint16_t port_of(const SocketAddress& address) {
  return ntohs(address.storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

/// The descriptor that listens on an IPv4 address ("127.0.0.1:9464"); -1 if there is none.
/// civetweb has no call that tells its own.
int find_listener(const std::string& address) {
  const long limit = std::min(sysconf(_SC_OPEN_MAX), 65'536L);
  for (int fd = 0; fd < limit; ++fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening) {
      continue;
    }
    const SocketAddress bound = bound_to(fd);
    if (bound.storage.ss_family == AF_INET && bound.numeric() == address) {
      return fd;
    }
  }
  return -1;
}

/// The threads inherit the mask: signals are the main thread's to take.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

/// civetweb counts these calls; without the first, mg_start2 leaks what it allocates for itself.
class CivetLibrary {
 public:
  CivetLibrary() { mg_init_library(0); }
  ~CivetLibrary() { mg_exit_library(); }
  CivetLibrary(const CivetLibrary&) = delete;
  CivetLibrary& operator=(const CivetLibrary&) = delete;
};

}  // namespace

struct AdminServer::State {
  State(AdminSources sources, const AdminLimits& admin_limits)
      : routes{std::move(sources)}, limits(admin_limits) {}
  ~State();
  Status run(SocketAddress address);
  Status run_on(const UniqueFd& socket);

  CivetLibrary library;
  AdminRoutes routes;
  const AdminLimits limits;
  std::unique_ptr<mg_context, decltype(&mg_stop)> server{nullptr, &mg_stop};
  int listener = -1;  ///< civetweb's own, open until mg_stop
  uint16_t port = 0;
};

AdminServer::State::~State() {
  // Ends civetweb's poll, which would keep mg_stop waiting for up to 2 s.
  if (listener >= 0) {
    shutdown(listener, SHUT_RDWR);
  }
}

/// Starts civetweb on an IPv4 address. The error is civetweb's text.
Status AdminServer::State::run(SocketAddress address) {
  const std::array<std::pair<const char*, std::string>, 8> settings = {
      {{"listening_ports", address.numeric()},
       {"num_threads", std::to_string(limits.threads)},
       {"connection_queue", std::to_string(limits.queue)},
       {"listen_backlog", std::to_string(kBacklog)},
       {"request_timeout_ms", std::to_string(kRequestTimeoutMs)},
       {"max_request_size", std::to_string(kMaxRequestBytes)},
       {"enable_keep_alive", "no"},
       {"enable_directory_listing", "no"}}};
  std::vector<const char*> options;
  for (const auto& [name, value] : settings) {
    options.insert(options.end(), {name, value.c_str()});
  }
  options.push_back(nullptr);
  mg_callbacks callbacks{};
  callbacks.begin_request = begin_request;
  callbacks.log_message = log_message;
  mg_init_data init{&callbacks, &routes, options.data()};
  std::array<char, 256> text{};
  unsigned code = 0;
  mg_error_data error{&code, text.data(), text.size()};
  server.reset(mg_start2(&init, &error));
  if (!server) {
    return Error{text.data()};
  }
  mg_server_port bound{};
  if (mg_get_server_ports(server.get(), 1, &bound) != 1) {
    return Error{"no port"};
  }
  port = static_cast<uint16_t>(bound.port);
  reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
  listener = find_listener(address.numeric());
  return ok_status();
}

/// Debian builds civetweb without IPv6: it does not even parse such an address. So it is started
/// on a free port of 127.0.0.1, and its listening descriptor then made to mean our socket, which
/// its accept loop takes whatever the family.
Status AdminServer::State::run_on(const UniqueFd& socket) {
  SocketAddress any;
  any.size = sizeof(sockaddr_in);
  auto& loopback = reinterpret_cast<sockaddr_in&>(any.storage);
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Status running = run(any);
  if (!running) {
    return running;
  }
  if (listener < 0 || listen(socket.get(), kBacklog) != 0) {
    return Error{"civetweb's socket cannot be replaced"};
  }
  const SocketAddress bound = bound_to(socket.get());
  // civetweb may be asleep in a poll of up to 2 s. The shutdown wakes it, and it looks the
  // descriptor up again: whichever socket it finds there must have news, or it sleeps on without
  // watching the new one. The news at the new one is a connection of our own, which is over at
  // once.
  const UniqueFd news(
      ::socket(bound.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  (void)connect(news.get(), bound.get(), bound.size);
  if (shutdown(listener, SHUT_RDWR) != 0 || dup3(socket.get(), listener, O_CLOEXEC) < 0) {
    return Error{"civetweb's socket cannot be replaced"};
  }
  port = port_of(bound);
  return ok_status();
}

Result<std::unique_ptr<AdminServer>> AdminServer::start(const Address& address,
                                                        AdminSources sources,
                                                        const AdminLimits& limits) {
  if (address.is_path()) {
    return cannot_listen(address, "the admin port cannot be a Unix socket, only host:port");
  }
  Result<Bound> bound = bind_to(address);
  if (!bound) {
    return Error{bound.error()};
  }

  const SignalsBlocked blocked;
  auto state = std::make_unique<State>(std::move(sources), limits);
  const SocketAddress& where = bound.value().address;
  UniqueFd& fd = bound.value().fd;
  const bool ipv4 = where.storage.ss_family == AF_INET;
  // Ours has shown that the address is free, with a proper error otherwise; now it makes room.
  if (ipv4) {
    fd.reset();
  }
  const Status running = ipv4 ? state->run(where) : state->run_on(fd);
  if (!running) {
    return cannot_listen(address, running.error());
  }
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

AdminServer::~AdminServer() = default;

uint16_t AdminServer::port() const { return state_->port; }

}  // namespace zerogate
