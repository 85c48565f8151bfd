// The pages of the admin port: one table of paths, and the function behind each.
#pragma once

#include <prometheus/collectable.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/listener/client_list.h"
#include "gateway/admin/admin_access.h"
#include "gateway/admin/endpoint_report.h"
#include "gateway/admin/scraper.h"
#include "gateway/admin/status_document.h"

namespace zerogate {

struct Readiness {
  bool ready = false;
  std::string text;  ///< one line for a person: what is waited for, or what is away
};

/// What the admin port shows. Every function is called from the admin threads, at any time while
/// the server lives, so each must be safe to call beside the workers.
struct AdminSources {
  std::vector<std::shared_ptr<prometheus::Collectable>> metrics;
  std::function<Readiness()> readiness;
  /// False when only a restart would help. It must not wait for a worker, which may be stuck.
  std::function<bool()> alive = [] { return true; };
  std::function<std::string()> config;  ///< YAML, masked
  /// GET /config?written: the same before limits of the host have lowered anything.
  std::function<std::string()> written;
  std::function<ClientList()> clients;
  std::function<EndpointReports()> endpoints = [] { return EndpointReports(); };
  /// POST /backends: the text says what was done, the error why it was not.
  std::function<Result<std::string>(const EndpointOrder&)> order;
  /// POST /reload: the text that says what was taken over, or the errors, one a line.
  std::function<Result<std::string>()> reload;
  /// POST /drain: begins the end of the process, as SIGTERM does; a second time it does nothing.
  std::function<void()> drain;
  /// POST /log?level=...: what it was and is, or that there is no such level.
  std::function<Result<std::string>(std::string_view level)> set_log_level;
  std::string version;
  AdminAccess access = {};
};

/// The parts of an HTTP request that some page looks at. A header that was not sent is empty.
struct AdminRequest {
  std::string_view method;
  std::string_view path;        ///< without the query
  std::string_view query = {};  ///< what follows the "?"
  std::string_view host = {};   ///< the name or address that the client asked for
  std::string_view accept = {};
  std::string_view accept_encoding = {};
  std::string_view authorization = {};
  std::string_view origin = {};
  std::string_view fetch_site = {};  ///< Sec-Fetch-Site: what a browser says of a request's origin
};

struct AdminPage {
  int status = 500;
  std::string type;
  std::shared_ptr<const std::string> body;
  std::string headers;  ///< more header lines, each with its CRLF
};

/// Owned by the admin server. Any of its threads may call answer().
class AdminRoutes {
 public:
  explicit AdminRoutes(AdminSources sources);

  /// A page whose source throws becomes a 500, and the log says why. May wait for other threads.
  AdminPage answer(const AdminRequest& request);
  /// True when answer() does not wait, so that the server's own thread may call it: what probes ask
  /// is answered however long other pages take.
  bool answers_at_once(const AdminRequest& request) const;

 private:
  struct Route;
  static const std::vector<Route>& routes();

  AdminPage dispatch(const AdminRequest& request);
  std::optional<AdminPage> refuse_stranger(const AdminRequest& request) const;
  AdminPage front(const AdminRequest& request);
  AdminPage metrics(const AdminRequest& request);
  AdminPage health(const AdminRequest& request);
  AdminPage readiness(const AdminRequest& request);
  AdminPage config(const AdminRequest& request);
  AdminPage clients(const AdminRequest& request);
  AdminPage backends(const AdminRequest& request);
  AdminPage reload(const AdminRequest& request);
  AdminPage drain(const AdminRequest& request);
  AdminPage log_level(const AdminRequest& request);
  AdminPage status_numbers(const AdminRequest& request);
  StatusHead status_head() const;

  const AdminSources sources_;
  const std::string instance_;  ///< unlike that of any other run
  const std::chrono::steady_clock::time_point started_;
  std::mutex clients_mutex_;  ///< guards the next two
  std::shared_ptr<const std::string> clients_text_;
  std::chrono::steady_clock::time_point clients_fresh_until_;
  Scraper metrics_text_;
  Scraper status_text_;
};

}  // namespace zerogate
