#include "gateway/admin_server.h"

#include <civetweb.h>
#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/base/log.h"
#include "core/base/unique_fd.h"
#include "core/client/resolve.h"

namespace zerogate {
namespace {

using Clock = std::chrono::steady_clock;

// A peer that connects and stays silent holds one thread for kRequestTimeoutMs, and civetweb takes
// connections in the order in which they came. So /healthz waits behind n such peers for about
// n / kThreads * kRequestTimeoutMs, and n is bounded by the two queues and the threads.
constexpr int kThreads = 32;
constexpr int kRequestTimeoutMs = 1000;  ///< for a whole request, and for each chunk of a reply
constexpr int kQueue = 32;               ///< accepted and waiting for a thread
constexpr int kBacklog = 128;            ///< waiting in the kernel
constexpr int kMaxRequestBytes = 8192;   ///< request line and headers; one buffer per thread
/// A slow reader is given kRequestTimeoutMs for each chunk and kResponseDeadline for all of them.
constexpr size_t kChunkBytes = 64 << 10;
constexpr std::chrono::seconds kResponseDeadline{5};

constexpr std::string_view kPages = "/metrics /healthz /readyz /config";
constexpr const char* kText = "text/plain; charset=utf-8";
/// The text exposition format, as Prometheus' own clients name it.
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

struct Page {
  int status = 200;
  const char* type = kText;
  std::string body;
  const char* extra = "";  ///< one more header line, with its CRLF
};

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
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

std::string render_metrics(const AdminSources& sources) {
  std::vector<prometheus::MetricFamily> all;
  for (const auto& source : sources.metrics)
    std::ranges::move(source->Collect(), std::back_inserter(all));
  return prometheus::TextSerializer().Serialize(all);
}

Page render_readiness(const AdminSources& sources) {
  Readiness readiness = sources.readiness();
  return {readiness.ready ? 200 : 503, kText, std::move(readiness.text) + "\n"};
}

std::string render_index(const AdminSources& sources) {
  return fmt::format(
      "zerogate {}\n\n"
      "/metrics  counters and durations, for Prometheus\n"
      "/healthz  200 while the process lives\n"
      "/readyz   200 when calls can be served, else 503 and what is waited for\n"
      "/config   the effective configuration, passwords masked\n",
      sources.version);
}

Page render(const AdminSources& sources, std::string_view method, std::string_view path) {
  constexpr std::array<std::string_view, 5> kKnown = {"/", "/metrics", "/healthz", "/readyz",
                                                      "/config"};
  if (std::ranges::find(kKnown, path) == kKnown.end())
    return {404, kText, fmt::format("no such page; there are {}\n", kPages)};
  if (method != "GET" && method != "HEAD")
    return {405, kText, "this port is read-only: GET or HEAD\n", "Allow: GET, HEAD\r\n"};
  if (path == "/metrics") return {200, kMetricsText, render_metrics(sources)};
  if (path == "/healthz") return {200, kText, "ok\n"};
  if (path == "/readyz") return render_readiness(sources);
  if (path == "/config") return {200, kText, sources.config()};
  return {200, kText, render_index(sources)};
}

/// In chunks, because civetweb's write deadline is for one mg_write: one for a whole scrape would
/// cut slow links off, and one without end would let a peer that reads slowly keep the thread.
void send_all(mg_connection* connection, std::string_view bytes) {
  const auto deadline = Clock::now() + kResponseDeadline;
  while (!bytes.empty() && Clock::now() < deadline) {
    const std::string_view chunk = bytes.substr(0, kChunkBytes);
    if (mg_write(connection, chunk.data(), chunk.size()) != static_cast<int>(chunk.size())) return;
    bytes.remove_prefix(chunk.size());
  }
}

void send_page(mg_connection* connection, const Page& page, bool with_body) {
  std::string bytes = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}"
      "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
      page.status, reason_phrase(page.status), page.type, page.body.size(), page.extra);
  if (with_body) bytes += page.body;
  send_all(connection, bytes);
}

/// civetweb asks this before it does anything with a request, and is never left to answer one
/// itself: it has no document root, no files and no listings to serve. A civetweb thread.
int begin_request(mg_connection* connection) noexcept try {
  // Also keeps civetweb from reading a large request body to its end.
  mg_disable_connection_keep_alive(connection);
  const mg_request_info* request = mg_get_request_info(connection);
  const auto* sources = static_cast<const AdminSources*>(request->user_data);
  const std::string_view method = request->request_method;
  Page page;
  try {
    page = render(*sources, method, request->local_uri ? request->local_uri : "");
  } catch (const std::exception& e) {
    log::error("admin page failed", {{"path", request->local_uri}, {"reason", e.what()}});
    page = {500, kText, "the page could not be made; the log says why\n"};
  }
  send_page(connection, page, method != "HEAD");
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
  if (!reason.empty())
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return Error{fmt::format("cannot listen on admin {}: {}; choose another with admin: or --admin",
                           address.display(), reason)};
}

/// Listens for a moment to learn what stands against it (0 or errno): civetweb only says that it
/// failed. Sets the same options as civetweb does.
int try_to_listen(const SocketAddress& address) {
  const UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd.get(), address.get(), address.size) != 0 || listen(fd.get(), 1) != 0)
    return errno;
  return 0;
}

/// The first address of the host that can be listened on. One whose family or interface this
/// machine lacks (::1 of localhost, without IPv6) is passed over; a busy one is not.
Result<SocketAddress> choose(const Address& address) {
  const Result<std::vector<SocketAddress>> candidates = resolve(address);
  if (!candidates) return cannot_listen(address, candidates.error());
  int error = EADDRNOTAVAIL;
  for (const SocketAddress& candidate : candidates.value()) {
    error = try_to_listen(candidate);
    if (error == 0) return candidate;
    if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) break;
  }
  return cannot_listen(address, std::strerror(error));
}

/// civetweb's threads inherit the mask: signals are the main thread's to take.
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
  CivetLibrary library;
  AdminSources sources;
  std::unique_ptr<mg_context, decltype(&mg_stop)> context{nullptr, &mg_stop};
  uint16_t port = 0;
};

Result<std::unique_ptr<AdminServer>> AdminServer::start(const Address& address,
                                                        AdminSources sources) {
  if (address.is_path())
    return cannot_listen(address, "the admin port cannot be a Unix socket, only host:port");
  const Result<SocketAddress> where = choose(address);
  if (!where) return Error{where.error()};

  auto state = std::make_unique<State>();
  state->sources = std::move(sources);
  // [::] takes IPv4 too, like the other listeners; civetweb spells that with a plus.
  const std::string listen =
      address.host == "::" ? fmt::format("+{}", address.port) : where.value().numeric();
  const std::string threads = std::to_string(kThreads), timeout = std::to_string(kRequestTimeoutMs),
                    queue = std::to_string(kQueue), backlog = std::to_string(kBacklog),
                    max_request = std::to_string(kMaxRequestBytes);
  std::array options = {"listening_ports",
                        listen.c_str(),
                        "num_threads",
                        threads.c_str(),
                        "request_timeout_ms",
                        timeout.c_str(),
                        "connection_queue",
                        queue.c_str(),
                        "listen_backlog",
                        backlog.c_str(),
                        "max_request_size",
                        max_request.c_str(),
                        "enable_keep_alive",
                        "no",
                        "enable_directory_listing",
                        "no",
                        static_cast<const char*>(nullptr)};
  mg_callbacks callbacks{};
  callbacks.begin_request = begin_request;
  callbacks.log_message = log_message;
  mg_init_data init{&callbacks, &state->sources, options.data()};
  std::array<char, 256> text{};
  unsigned code = 0;
  mg_error_data error{&code, text.data(), text.size()};
  {
    const SignalsBlocked blocked;
    state->context.reset(mg_start2(&init, &error));
  }
  if (!state->context) return cannot_listen(address, text.data());

  mg_server_port bound{};
  if (mg_get_server_ports(state->context.get(), 1, &bound) != 1)
    return cannot_listen(address, "civetweb does not tell the port");
  state->port = static_cast<uint16_t>(bound.port);
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

AdminServer::~AdminServer() = default;

uint16_t AdminServer::port() const {
  return state_->port;
}

}  // namespace zerogate
