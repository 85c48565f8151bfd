// Resolves the URLs of a backend to addresses, and keeps them up to date.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/bridge/backend_options.h"
#include "core/io/dns_lookup.h"
#include "core/io/uv_ptr.h"
#include "core/log/state_log.h"

namespace zerogate {

/// Looks host names up without blocking, at once and then every `resolve_ms`; every address of a
/// name counts (docker-compose and Kubernetes scale that way). A name that cannot be looked up
/// keeps its last addresses. Loop thread only.
class EndpointResolver {
 public:
  struct Found {
    Protocol protocol;
    Address address;  ///< numeric, or a Unix socket
    size_t url = 0;   ///< which of the backend's URLs it came from
  };

  EndpointResolver(uv_loop_t* loop, const BackendOptions& backend,
                   const std::shared_ptr<StateLog>& states, std::function<void()> on_change);

  /// All addresses known now, in the order of the URLs.
  std::vector<Found> found() const;
  /// Every name has been looked up once, well or not.
  bool settled() const;
  /// What the last failed lookup said; empty when all went well.
  const std::string& error() const { return error_; }

 private:
  struct Name {
    ServerUrl url;
    std::vector<std::string> addresses;
    std::unique_ptr<DnsLookup> lookup;
    std::unique_ptr<StateReporter> state;  ///< whether it can be looked up
    bool settled = false;
  };
  void look_up_all();
  void on_found(Name& name, DnsLookup::Addresses addresses);

  std::vector<std::unique_ptr<Name>> names_;
  std::function<void()> on_change_;
  std::string error_;
  UvPtr<uv_timer_t> timer_;
};

}  // namespace zerogate
