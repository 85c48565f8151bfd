#include "gateway/admin/admin_routes.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <uv.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <utility>

#include "core/base/quote.h"
#include "core/base/uuid.h"
#include "core/log/log.h"
#include "gateway/admin/backends_document.h"
#include "gateway/admin/clients_document.h"
#include "gateway/admin/status_page.h"

namespace zerogate {
namespace {

enum class Method { get, post, both };

constexpr const char* kText = "text/plain; charset=utf-8";
/// The text exposition format, as Prometheus' own clients name it.
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kPageFailed = "the page could not be made; the log says why\n";

AdminPage text_page(int status, std::string body, std::string headers = "") {
  return {status, kText, std::make_shared<const std::string>(std::move(body)), std::move(headers)};
}

/// Every status page asks once a second. The numbers are collected this often at most, however many
/// look at them.
constexpr std::chrono::milliseconds kStatusMaxAge{250};
constexpr const char* kJson = "application/json";
constexpr std::string_view kStatusFolder = "/status/";

Moment this_moment() { return {uv_hrtime(), std::time(nullptr)}; }

/// A browser that is asked for a name and a password sends the token as the password.
constexpr const char* kAskForToken =
    "WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm=\"zerogate: the password is the "
    "token\"\r\n";

/// What a list of pages says in front of a path; GET is said only where there is POST, too.
std::string_view methods_of(Method method) {
  return method == Method::get ? "" : method == Method::post ? "POST " : "GET or POST ";
}

/// A browser sends one of these with every POST that a page makes it send, a tool neither of them.
/// No page of ours POSTs, so none may: also not one of the "same" origin, which a host name that
/// changes its address would be (DNS rebinding).
bool from_web_page(const AdminRequest& request) {
  return !request.origin.empty() || (!request.fetch_site.empty() && request.fetch_site != "none");
}

}  // namespace

struct AdminRoutes::Route {
  std::string_view path;
  Method method;  ///< get stands for HEAD too
  AdminPage (AdminRoutes::*page)(const AdminRequest&);
  std::string_view help;
  /// A probe's: it waits for nothing and tells no secret, so it is answered for any Host.
  bool is_probe = false;
};

const std::vector<AdminRoutes::Route>& AdminRoutes::routes() {
  static const std::vector<Route> kRoutes = {
      {"/", Method::get, &AdminRoutes::front, "in a browser the status page, else this text"},
      {"/metrics", Method::get, &AdminRoutes::metrics, "counters and durations, for Prometheus"},
      {"/healthz", Method::get, &AdminRoutes::health,
       "200 while every event loop comes round, else 503", true},
      {"/readyz", Method::get, &AdminRoutes::readiness,
       "200 when calls can be served, else 503 and what is waited for", true},
      {"/config", Method::get, &AdminRoutes::config,
       "the effective configuration, passwords masked"},
      {"/clients", Method::get, &AdminRoutes::clients,
       "who calls: the busiest clients, as JSON; 'zerogate clients' shows them as a table"},
      {"/backends", Method::both, &AdminRoutes::backends,
       "endpoints of the backends, as JSON; POST /backends?action=drain&backend=NAME"
       "&endpoint=HOST:PORT (or disable, enable, clear)"},
      {"/status.json", Method::get, &AdminRoutes::status_numbers,
       "the numbers of /metrics, as the status page reads them"},
      {"/reload", Method::post, &AdminRoutes::reload,
       "POST: read the configuration again, as SIGHUP does"},
      {"/drain", Method::post, &AdminRoutes::drain,
       "POST: end the gateway in good order, as SIGTERM does"},
      {"/log", Method::both, &AdminRoutes::log_level,
       "the log's level; POST /log?level=debug changes it, until a reload or restart"},
  };
  return kRoutes;
}

AdminRoutes::AdminRoutes(AdminSources sources)
    : sources_(std::move(sources)),
      instance_(UuidSource().next()),
      started_(std::chrono::steady_clock::now()),
      metrics_text_(
          sources_.metrics,
          [](const auto& families) { return prometheus::TextSerializer().Serialize(families); }),
      status_text_(
          sources_.metrics,
          [this](const auto& families) { return status_json(status_head(), families); },
          kStatusMaxAge) {}

AdminPage AdminRoutes::answer(const AdminRequest& request) try {
  return dispatch(request);
} catch (const std::exception& e) {
  log::error("admin page failed", {{"path", request.path}, {"reason", e.what()}});
  return text_page(500, kPageFailed);
}

bool AdminRoutes::answers_at_once(const AdminRequest& request) const {
  const auto route = std::ranges::find(routes(), request.path, &Route::path);
  return route != routes().end() && route->is_probe;
}

/// What refuses a request without the token, if one is asked for.
std::optional<AdminPage> AdminRoutes::refuse_stranger(const AdminRequest& request) const {
  const AdminAccess& access = sources_.access;
  if (!access.needs_token()) {
    return std::nullopt;
  }
  const Result<bool> allowed = access.has_token(request.authorization);
  if (!allowed) {
    log::error("admin token", {{"reason", allowed.error()}});
    return text_page(503, "refused: the token cannot be read; the log says why\n");
  }
  if (allowed.value()) {
    return std::nullopt;
  }
  return text_page(401,
                   fmt::format("refused: this needs the token: curl {}{}\n",
                               request.method == "POST" ? "-X POST " : "", access.token_hint()),
                   kAskForToken);
}

AdminPage AdminRoutes::dispatch(const AdminRequest& request) {
  if (!answers_at_once(request) && !sources_.access.knows_host(request.host)) {
    return text_page(403, fmt::format("refused: {} is no name of this gateway; an address will do, "
                                      "or add the name to admin_hosts\n",
                                      quote(request.host)));
  }
  const bool changes = request.method == "POST";
  if (changes && from_web_page(request)) {
    return text_page(
        403, fmt::format("refused: a web page ({}) may not do this; use curl -X POST\n",
                         quote(request.origin.empty() ? "of unnamed origin" : request.origin)));
  }
  if (!answers_at_once(request)) {
    if (std::optional<AdminPage> refusal = refuse_stranger(request)) {
      return *std::move(refusal);
    }
  }
  if (request.path == "*" && request.method == "OPTIONS") {
    return text_page(200, "", "Allow: GET, HEAD, POST, OPTIONS\r\n");
  }
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (reads && request.path.starts_with(kStatusFolder)) {
    if (const StatusFile* file = find_status_file(request.path.substr(kStatusFolder.size()))) {
      return {200, file->type, file->content, ""};
    }
  }
  const auto route = std::ranges::find(routes(), request.path, &Route::path);
  if (route == routes().end()) {
    std::string known;
    for (const Route& one : routes()) {
      known += fmt::format("{} {}{}", known.empty() ? "" : ",", methods_of(one.method), one.path);
    }
    return text_page(404, fmt::format("no such page; there are{}\n", known));
  }
  if (route->method == Method::post || (route->method == Method::both && changes)) {
    if (!changes) {
      return text_page(405, "this changes something: POST\n", "Allow: POST\r\n");
    }
  } else if (!reads) {
    return route->method == Method::both
               ? text_page(405, "GET, HEAD or POST\n", "Allow: GET, HEAD, POST\r\n")
               : text_page(405, "this page is read-only: GET or HEAD\n", "Allow: GET, HEAD\r\n");
  }
  return (this->*route->page)(request);
}

/// Browsers say that they take HTML; curl and its like, which take anything, get text.
AdminPage AdminRoutes::front(const AdminRequest& request) {
  if (request.accept.find("text/html") != request.accept.npos) {
    const StatusFile* page = find_status_file("index.html");
    return {200, page->type, page->content, std::string(kStatusPageHeaders)};
  }
  std::string text =
      fmt::format("zerogate {}: {}\n\n", sources_.version, sources_.readiness().text);
  for (const Route& route : routes()) {
    text += fmt::format("{:<12} {}\n", route.path, route.help);
  }
  return text_page(200, std::move(text), "Vary: Accept\r\n");
}

AdminPage AdminRoutes::status_numbers(const AdminRequest&) {
  if (auto text = status_text_.scrape()) {
    return {200, kJson, std::move(text), ""};
  }
  return text_page(500, kPageFailed);
}

StatusHead AdminRoutes::status_head() const {
  const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - started_;
  Readiness readiness = sources_.readiness();
  return {instance_,
          uptime.count(),
          readiness.ready,
          std::move(readiness.text),
          sources_.endpoints(),
          this_moment()};
}

AdminPage AdminRoutes::metrics(const AdminRequest&) {
  if (auto text = metrics_text_.scrape()) {
    return {200, kMetricsText, std::move(text), ""};
  }
  return text_page(500, kPageFailed);
}

AdminPage AdminRoutes::health(const AdminRequest&) {
  return sources_.alive() ? text_page(200, "ok\n")
                          : text_page(503, "an event loop does not come round\n");
}

AdminPage AdminRoutes::readiness(const AdminRequest&) {
  Readiness readiness = sources_.readiness();
  return text_page(readiness.ready ? 200 : 503, std::move(readiness.text) + "\n");
}

AdminPage AdminRoutes::config(const AdminRequest& request) {
  const bool written = request.query == "written" && sources_.written;
  return text_page(200, written ? sources_.written() : sources_.config());
}

// Each list costs every event loop a look at all of its connections.
AdminPage AdminRoutes::clients(const AdminRequest&) {
  const std::lock_guard lock(clients_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (clients_text_ == nullptr || now >= clients_fresh_until_) {
    clients_text_ = std::make_shared<const std::string>(clients_json(sources_.clients()));
    clients_fresh_until_ = now + kStatusMaxAge;
  }
  return {200, kJson, clients_text_, ""};
}

AdminPage AdminRoutes::backends(const AdminRequest& request) {
  if (request.method != "POST") {
    return {200, kJson,
            std::make_shared<const std::string>(backends_json(sources_.endpoints(), this_moment())),
            ""};
  }
  const Result<EndpointOrder> order = parse_order(request.query);
  const Result<std::string> result =
      order ? sources_.order(order.value()) : Result<std::string>(Error{order.error()});
  return text_page(result ? 200 : 400, (result ? result.value() : result.error()) + "\n");
}

AdminPage AdminRoutes::reload(const AdminRequest&) {
  const Result<std::string> result = sources_.reload();
  return text_page(result ? 200 : 400, (result ? result.value() : result.error()) + "\n");
}

AdminPage AdminRoutes::drain(const AdminRequest&) {
  sources_.drain();
  return text_page(200, "draining; the process ends by itself\n");
}

AdminPage AdminRoutes::log_level(const AdminRequest& request) {
  if (request.method != "POST") {
    return text_page(200, fmt::format("{}\n", log::name_of(log::level())));
  }
  constexpr std::string_view kKey = "level=";
  if (!request.query.starts_with(kKey)) {
    return text_page(400, "which level? POST /log?level=debug (or info, warn, error, off)\n");
  }
  const Result<std::string> result = sources_.set_log_level(request.query.substr(kKey.size()));
  return text_page(result ? 200 : 400, (result ? result.value() : result.error()) + "\n");
}

}  // namespace zerogate
