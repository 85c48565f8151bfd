#include "gateway/admin/admin_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/log/log.h"
#include "gateway/admin/admin_listener.h"
#include "gateway/admin/admin_peers.h"
#include "gateway/http/gzip.h"
#include "gateway/http/request_target.h"

namespace zerogate {
namespace {

constexpr unsigned kTimeoutSeconds = 5;            ///< without a byte from or to the peer
constexpr size_t kMemoryPerConnection = 16 << 10;  ///< request line, headers, and the answer's
/// No page takes a body. One of this size is read to its end, so that its client hears the answer
/// and no reset; a larger one is left unread.
constexpr size_t kMaxReadBody = 64 << 10;
/// Less is one packet anyway.
constexpr size_t kMinGzipBytes = 1024;
/// Places that are kept free, by closing those who have been there for longest: libmicrohttpd takes
/// several newcomers before it looks at the connections that were closed.
constexpr uint32_t kSpareConnections = 16;

constexpr MHD_OptionItem kEndOfOptions = {MHD_OPTION_END, 0, nullptr};

using Peer = AdminPeers::Peer;  // only the server's thread knows them
using Turn = AdminPeers::Turn;

/// A request, from its first line to the last byte of its answer.
struct Exchange {
  std::string target;
  AdminRequest request;  ///< parts of the target, and of libmicrohttpd's memory
  bool begun = false;
  bool answered = false;  ///< the page is there
  AdminPage page;
  std::string zipped;  ///< of the page, or empty
};

std::string_view header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value != nullptr ? value : "";
}

Peer& peer_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return *static_cast<Peer*>(info->socket_context);
}

/// Prometheus asks again. Probes never get it.
std::shared_ptr<const std::string> busy_text() {
  static const auto kBusy =
      std::make_shared<const std::string>("too many other requests wait for their answers\n");
  return kBusy;
}

void read_request(MHD_Connection* connection, const char* method, Exchange& exchange) {
  const RequestTarget target = parse_target(exchange.target);
  AdminRequest& request = exchange.request;
  request.method = method;
  request.path = target.path;
  request.query = target.query;
  request.host = target.authority.empty() ? header(connection, "Host") : target.authority;
  request.accept = header(connection, "Accept");
  request.accept_encoding = header(connection, "Accept-Encoding");
  request.authorization = header(connection, "Authorization");
  request.origin = header(connection, "Origin");
  request.fetch_site = header(connection, "Sec-Fetch-Site");
}

/// Whether a body follows that is small enough to be read.
bool has_small_body(MHD_Connection* connection) {
  const std::string_view length = header(connection, "Content-Length");
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
  return error == std::errc() && bytes > 0 && bytes <= kMaxReadBody;
}

bool is_worth_zipping(const AdminPage& page) {
  return page.body->size() >= kMinGzipBytes &&
         (page.type.starts_with("text/") || page.type == "application/json" ||
          page.type == "image/svg+xml");
}

/// Any thread.
void make_page(AdminRoutes& routes, Exchange& exchange) noexcept {
  try {
    exchange.page = routes.answer(exchange.request);
    if (is_worth_zipping(exchange.page)) {
      exchange.page.headers += "Vary: Accept-Encoding\r\n";
      if (accepts_gzip(exchange.request.accept_encoding)) {
        exchange.zipped = gzip(*exchange.page.body);
      }
    }
  } catch (const std::exception&) {  // out of memory: the connection is closed without an answer
    exchange.page = AdminPage{};
  }
  exchange.answered = true;
}

/// `lines` are header lines, each with its CRLF.
void add_headers(MHD_Response* response, std::string_view lines) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(line.size() + 2, lines.size()));
    const size_t colon = line.find(": ");
    if (colon != line.npos) {
      MHD_add_response_header(response, std::string(line.substr(0, colon)).c_str(),
                              std::string(line.substr(colon + 2)).c_str());
    }
  }
}

MHD_Result send_page(MHD_Connection* connection, const Exchange& exchange) {
  peer_of(connection).turn = Turn::reads;
  const AdminPage& page = exchange.page;
  if (page.body == nullptr) {
    return MHD_NO;
  }
  // The bytes stay where they are, in the exchange, until libmicrohttpd says that it is over.
  const std::string& body = exchange.zipped.empty() ? *page.body : exchange.zipped;
  MHD_Response* response = MHD_create_response_from_buffer(
      body.size(), const_cast<char*>(body.data()), MHD_RESPMEM_PERSISTENT);
  if (response == nullptr) {
    return MHD_NO;
  }
  add_headers(response, fmt::format("Content-Type: {}\r\n{}{}", page.type,
                                    exchange.zipped.empty() ? "" : "Content-Encoding: gzip\r\n",
                                    page.headers));
  add_headers(response,
              "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
              "Connection: close\r\n");
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(page.status), response);
  MHD_destroy_response(response);  // the connection keeps it
  return queued;
}

/// libmicrohttpd's own messages: what peers did wrong, mostly.
void log_message(void*, const char* format, va_list arguments) {
  std::array<char, 256> text{};
  vsnprintf(text.data(), text.size(), format, arguments);
  std::string_view message = text.data();
  message = message.substr(0, message.find('\n'));
  log::debug("admin server", {{"message", message}});
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

}  // namespace

struct AdminServer::State {
  State(AdminListener listener, AdminSources sources, const AdminLimits& limits)
      : socket(std::move(listener)),
        port(socket->port()),
        max_peers(limits.connections - std::clamp(limits.connections / 4, 1U, kSpareConnections)),
        certificate(limits.certificate),
        routes(std::move(sources)) {}
  ~State();
  bool run(uint32_t connections);
  void on_peer(MHD_Connection* connection, void** place, bool arrived);
  MHD_Result on_request(MHD_Connection* connection, const char* method, size_t* upload,
                        Exchange& exchange);
  MHD_Result begin_answer(MHD_Connection* connection, Exchange& exchange);

  std::optional<AdminListener> socket;
  const uint16_t port;
  const uint32_t max_peers;
  const std::shared_ptr<ServerCertificate> certificate;  ///< null: HTTP
  AdminPeers peers;
  AdminRoutes routes;
  AnswerThreads threads;
  MHD_Daemon* daemon = nullptr;
};

// No connection may be suspended when libmicrohttpd stops, so those who make answers end first.
AdminServer::State::~State() {
  if (daemon == nullptr) {
    return;
  }
  const UniqueFd duplicate(MHD_quiesce_daemon(daemon));
  socket.reset();
  threads.stop();
  MHD_stop_daemon(daemon);
}

/// False when the system refuses what libmicrohttpd needs; errno says why.
bool AdminServer::State::run(uint32_t connections) {
  const auto on_request = [](void* self, MHD_Connection* connection, const char*,
                             const char* method, const char*, const char*, size_t* upload,
                             void** exchange) -> MHD_Result {
    return static_cast<State*>(self)->on_request(connection, method, upload,
                                                 *static_cast<Exchange*>(*exchange));
  };
  const auto on_target = [](void*, const char* target, MHD_Connection*) -> void* {
    auto* exchange = new Exchange;
    exchange->target = target;
    return exchange;
  };
  const auto on_end = [](void*, MHD_Connection*, void** exchange, MHD_RequestTerminationCode) {
    delete static_cast<Exchange*>(*exchange);
    *exchange = nullptr;
  };
  const auto on_connection = [](void* self, MHD_Connection* connection, void** place,
                                MHD_ConnectionNotificationCode code) {
    static_cast<State*>(self)->on_peer(connection, place, code == MHD_CONNECTION_NOTIFY_STARTED);
  };
  UniqueFd duplicate(fcntl(socket->fd(), F_DUPFD_CLOEXEC, 0));
  if (!duplicate) {
    return false;
  }
  // Functions are given as plain pointers: the options are a C list of any types.
  MHD_RequestCompletedCallback end = on_end;
  MHD_NotifyConnectionCallback connection = on_connection;
  void* (*target)(void*, const char*, MHD_Connection*) = on_target;
  std::string priorities = certificate ? certificate->priorities() : "";
  const std::array<MHD_OptionItem, 3> https = {
      {{MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, reinterpret_cast<void*>(&ServerCertificate::answer)},
       {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities.data()},
       kEndOfOptions}};
  const std::array<MHD_OptionItem, 1> http = {kEndOfOptions};
  daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                                (certificate ? MHD_USE_TLS : MHD_NO_FLAG),
                            0, nullptr, nullptr, on_request, this,                            //
                            MHD_OPTION_EXTERNAL_LOGGER, &log_message, nullptr,                //
                            MHD_OPTION_LISTEN_SOCKET, duplicate.get(),                        //
                            MHD_OPTION_CONNECTION_LIMIT, static_cast<unsigned>(connections),  //
                            MHD_OPTION_CONNECTION_TIMEOUT, kTimeoutSeconds,                   //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryPerConnection,         //
                            MHD_OPTION_URI_LOG_CALLBACK, target, nullptr,                     //
                            MHD_OPTION_NOTIFY_COMPLETED, end, nullptr,                        //
                            MHD_OPTION_NOTIFY_CONNECTION, connection, this,                   //
                            MHD_OPTION_ARRAY, certificate ? https.data() : http.data(),       //
                            MHD_OPTION_END);
  if (daemon != nullptr) {
    duplicate.release();  // libmicrohttpd's now
  }
  return daemon != nullptr;
}

void AdminServer::State::on_peer(MHD_Connection* connection, void** place, bool arrived) {
  if (!arrived) {
    auto* peer = static_cast<Peer*>(*place);
    if (peer->fd >= 0) {
      peers.remove(*peer);
    }
    delete peer;
    return;
  }
  auto* peer = new Peer;
  *place = peer;
  peer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  if (certificate != nullptr) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    certificate->use_for(static_cast<gnutls_session_t>(info->tls_session));
  }
  peers.add(*peer);
  if (peers.size() <= max_peers) {
    return;
  }
  Peer& gone = peers.loser();
  shutdown(gone.fd, SHUT_RDWR);  // libmicrohttpd sees its end, and closes it
  peers.remove(gone);
  gone.fd = -1;
}

/// Called when the headers are there, for each part of a body, at its end, and once more after a
/// page was made on another thread.
MHD_Result AdminServer::State::on_request(MHD_Connection* connection, const char* method,
                                          size_t* upload, Exchange& exchange) {
  if (exchange.answered) {
    return send_page(connection, exchange);
  }
  if (!exchange.begun) {
    exchange.begun = true;
    read_request(connection, method, exchange);
    if (has_small_body(connection)) {
      return MHD_YES;
    }
  } else if (*upload != 0) {
    *upload = 0;
    return MHD_YES;
  }
  return begin_answer(connection, exchange);
}

MHD_Result AdminServer::State::begin_answer(MHD_Connection* connection, Exchange& exchange) {
  if (routes.answers_at_once(exchange.request)) {
    make_page(routes, exchange);
    return send_page(connection, exchange);
  }
  if (threads.under_way() >= (max_peers + 1) / 2) {
    exchange.page = {503, "text/plain; charset=utf-8", busy_text(), "Retry-After: 1\r\n"};
    return send_page(connection, exchange);
  }
  peer_of(connection).turn = Turn::waits;
  MHD_suspend_connection(connection);
  const bool taken = threads.run([this, connection, &exchange] {
    make_page(routes, exchange);
    MHD_resume_connection(connection);
  });
  if (!taken) {  // the gateway ends
    exchange.answered = true;
    MHD_resume_connection(connection);
  }
  return MHD_YES;
}

namespace {

bool others_can_reach(const Address& address) {
  const std::string& host = address.host;
  return !address.is_path() && host != "localhost" && host != "::1" && !host.starts_with("127.");
}

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::start(const Address& address,
                                                        AdminSources sources,
                                                        const AdminLimits& limits) {
  Result<AdminListener> listener = AdminListener::open(address, limits.rights);
  if (!listener) {
    return Error{listener.error()};
  }
  const bool open_to_others = others_can_reach(address) && !sources.access.needs_token();
  const SignalsBlocked blocked;
  auto state = std::make_unique<State>(std::move(listener).value(), std::move(sources), limits);
  if (!state->run(limits.connections)) {
    return Error{
        fmt::format("cannot listen on admin {}: {}", address.display(), std::strerror(errno))};
  }
  if (open_to_others) {
    log::warn("other hosts can change the gateway",
              {{"admin", address.display()},
               {"fix", "set admin_token_file, or let admin be on loopback or a Unix socket"}});
  }
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

AdminServer::~AdminServer() = default;

uint16_t AdminServer::port() const { return state_->port; }

}  // namespace zerogate
