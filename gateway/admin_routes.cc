#include "gateway/admin_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/log.h"
#include "core/base/quote.h"

namespace zerogate {
namespace {

constexpr const char* kText = "text/plain; charset=utf-8";
/// The text exposition format, as Prometheus' own clients name it.
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kFailed = "the page could not be made; the log says why\n";

AdminPage text_page(int status, std::string body, std::string headers = "") {
  return {status, kText, std::make_shared<const std::string>(std::move(body)), std::move(headers)};
}

/// A browser sends one of these with every POST that a page makes it send, a tool neither of them.
/// No page of ours POSTs, so none may: also not one of the "same" origin, which a host name that
/// changes its address would be (DNS rebinding).
bool from_web_page(const AdminRequest& request) {
  return !request.origin.empty() || (!request.fetch_site.empty() && request.fetch_site != "none");
}

}  // namespace

enum class Method { get, post, both };

struct AdminRoutes::Route {
  std::string_view path;
  Method method;  ///< get stands for HEAD too
  AdminPage (AdminRoutes::*page)(const AdminRequest&);
  std::string_view help;
};

const std::vector<AdminRoutes::Route>& AdminRoutes::routes() {
  static const std::vector<Route> routes = {
      {"/", Method::get, &AdminRoutes::index, "this text"},
      {"/metrics", Method::get, &AdminRoutes::metrics, "counters and durations, for Prometheus"},
      {"/healthz", Method::get, &AdminRoutes::health, "200 while the process lives"},
      {"/readyz", Method::get, &AdminRoutes::readiness,
       "200 when calls can be served, else 503 and what is waited for"},
      {"/config", Method::get, &AdminRoutes::config,
       "the effective configuration, passwords masked"},
      {"/reload", Method::post, &AdminRoutes::reload,
       "POST: read the configuration again, as SIGHUP does"},
      {"/log", Method::both, &AdminRoutes::log_level,
       "the log's level; POST /log?level=debug changes it, until a reload or restart"},
  };
  return routes;
}

AdminRoutes::AdminRoutes(AdminSources sources)
    : sources_(std::move(sources)), scraper_(sources_.metrics) {}

AdminPage AdminRoutes::answer(const AdminRequest& request) try {
  return dispatch(request);
} catch (const std::exception& e) {
  log::error("admin page failed", {{"path", request.path}, {"reason", e.what()}});
  return text_page(500, kFailed);
}

AdminPage AdminRoutes::dispatch(const AdminRequest& request) {
  const auto route = std::ranges::find(routes(), request.path, &Route::path);
  if (route == routes().end()) {
    std::string known;
    for (const Route& one : routes())
      known += fmt::format(" {}{}", one.method == Method::post ? "POST " : "", one.path);
    return text_page(404, fmt::format("no such page; there are{}\n", known));
  }
  if (route->method == Method::post ||
      (route->method == Method::both && request.method == "POST")) {
    if (request.method != "POST")
      return text_page(405, "this changes something: POST\n", "Allow: POST\r\n");
    if (from_web_page(request))
      return text_page(
          403, fmt::format("refused: a web page ({}) may not do this; use curl -X POST\n",
                           quote(request.origin.empty() ? "of unnamed origin" : request.origin)));
  } else if (request.method != "GET" && request.method != "HEAD") {
    return route->method == Method::both
               ? text_page(405, "GET, HEAD or POST\n", "Allow: GET, HEAD, POST\r\n")
               : text_page(405, "this page is read-only: GET or HEAD\n", "Allow: GET, HEAD\r\n");
  }
  return (this->*route->page)(request);
}

AdminPage AdminRoutes::index(const AdminRequest&) {
  std::string text = fmt::format("zerogate {}\n\n", sources_.version);
  for (const Route& route : routes()) text += fmt::format("{:<9} {}\n", route.path, route.help);
  return text_page(200, std::move(text));
}

AdminPage AdminRoutes::metrics(const AdminRequest&) {
  if (auto text = scraper_.scrape()) return {200, kMetricsText, std::move(text), ""};
  return text_page(500, kFailed);
}

AdminPage AdminRoutes::health(const AdminRequest&) { return text_page(200, "ok\n"); }

AdminPage AdminRoutes::readiness(const AdminRequest&) {
  Readiness readiness = sources_.readiness();
  return text_page(readiness.ready ? 200 : 503, std::move(readiness.text) + "\n");
}

AdminPage AdminRoutes::config(const AdminRequest&) { return text_page(200, sources_.config()); }

AdminPage AdminRoutes::reload(const AdminRequest&) {
  const Result<std::string> result = sources_.reload();
  return text_page(result ? 200 : 400, (result ? result.value() : result.error()) + "\n");
}

AdminPage AdminRoutes::log_level(const AdminRequest& request) {
  if (request.method != "POST")
    return text_page(200, fmt::format("{}\n", log::name_of(log::level())));
  constexpr std::string_view kKey = "level=";
  if (!request.query.starts_with(kKey))
    return text_page(400, "which level? POST /log?level=debug (or info, warn, error, off)\n");
  const Result<std::string> result = sources_.set_log_level(request.query.substr(kKey.size()));
  return text_page(result ? 200 : 400, (result ? result.value() : result.error()) + "\n");
}

}  // namespace zerogate
