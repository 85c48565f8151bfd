// Resolves the URLs of a backend to addresses, and keeps them up to date.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/bridge/backend_options.h"
#include "core/io/name_lookup.h"
#include "core/io/timer.h"
#include "core/log/state_log.h"

namespace zerogate {

/// What a resolver needs of its worker. All of it outlives the resolver.
struct ResolverContext {
  uv_loop_t* loop;  ///< for log lines that are owed
  TimerQueue& timers;
  NameLookupMaker& lookups;
  std::shared_ptr<StateLog> states;
};

/// Looks host names up at once and then every `resolve_ms`; every address of a name counts
/// (docker-compose and Kubernetes scale that way). Loop thread only.
///
/// An address may be missing in as many answers in a row as its name has patience: a name server
/// may tell some of its addresses only, others each time. An address that comes back within
/// kRemembered answers shows that, and its name gets patience for twice as many as it was missing
/// in. A name that does not exist has no address from then on. A look-up that fails changes
/// nothing.
class EndpointResolver {
 public:
  static constexpr uint32_t kMinPatience = 1;
  /// 80 s by default: a name that is moved for good, and back later, is no such name server.
  static constexpr uint32_t kRemembered = 16;
  static constexpr uint32_t kMaxPatience = 2 * kRemembered;
  /// A look-up that has taken so long is reported. glibc asks the next name server after 5 s.
  static constexpr uint64_t kSlowMs = 5'000;

  struct Found {
    Protocol protocol;
    Address address;       ///< numeric, or a Unix socket
    size_t url = 0;        ///< which of the backend's URLs it came from
    bool missing = false;  ///< in the last answer: it may have been given to another service
    bool operator==(const Found&) const = default;
  };

  /// `on_change` is called when found() has changed, and when settled() has become true.
  EndpointResolver(const ResolverContext& context, const BackendOptions& backend,
                   std::function<void()> on_change);

  /// All addresses known now, in the order of the URLs.
  std::vector<Found> found() const;
  /// Every name has been looked up once, well or not, or connect_timeout has passed.
  bool settled() const;
  /// Why a name has no address, and which one; empty when all have.
  std::string error() const;

 private:
  struct Name {
    ServerUrl url;
    std::unique_ptr<NameLookup> lookup;    ///< null: the URL has an address
    std::unique_ptr<StateReporter> state;  ///< whether it can be looked up
    /// Its addresses, and in how many answers in a row each was missing.
    std::map<std::string, uint32_t> addresses{};
    uint32_t patience = kMinPatience;
    std::string error = "it has not been looked up yet";  ///< empty: the last look-up went well
    uint64_t asked_ms = 0;
    bool settled = false;
  };

  void look_up_all(uint64_t max_age_ms);
  void on_answer(Name& name, const NameAnswer& answer);
  static void take(Name& name, const std::vector<std::string>& addresses);
  void on_settle_timer();
  static void fail(Name& name, std::string why);

  const uint64_t resolve_ms_;
  const uint64_t connect_timeout_ms_;
  TimerQueue& timers_;
  std::function<void()> on_change_;
  std::vector<std::unique_ptr<Name>> names_;
  Timer look_up_timer_;
  Timer settle_timer_;
};

}  // namespace zerogate
