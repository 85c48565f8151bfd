#include "gateway/runtime/resource_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "core/bridge/backend_options.h"
#include "core/io/dns_lookup.h"
#include "core/log/log.h"
#include "core/sdk/functions.h"
#include "gateway/host/descriptors.h"
#include "gateway/host/process.h"
#include "gateway/host/tasks.h"
#include "handlers/registry.h"

namespace zerogate {
namespace {

// Descriptors of the process: the main loop's epoll, wake-up and two pairs of pipes for signals,
// and one for the file of a reload.
constexpr uint32_t kOfProcess = 8;
// Of each thread: its loop's epoll, wake-up, pair of pipes and spare one (libuv keeps it for when
// there are none left).
constexpr uint32_t kOfLoop = 5;
constexpr uint32_t kOfListeningSocket = 1;
constexpr uint32_t kHeldNewcomer = 1;  // at the limit one has been accepted that waits
// Of libzmq's context for the CURVE port: its threads have an epoll and a mailbox each, and the
// sockets a mailbox. It accepts on a duplicate of the listening socket.
constexpr uint32_t kOfRouter = 9;
constexpr uint32_t kOfZmqMonitor = 1;
constexpr uint32_t kOfZapHandler = 1;  // where newcomers are judged
constexpr uint32_t kOfCurveListener =
    kOfRouter + kOfListeningSocket + kOfZmqMonitor + kOfZapHandler;
// Of each thread with a ZeroMQ backend: libzmq's context for all of them.
constexpr uint32_t kOfZmqBackends = 4;
// Of each connection to a backend: its socket, and with ZeroMQ the mailboxes of libzmq's sockets.
constexpr uint32_t kOfTcpConnection = 1;
constexpr uint32_t kOfZmqConnection = 4;
// Its socket, a duplicate, libmicrohttpd's epoll, wake-up; and the beacon.
constexpr uint32_t kOfAdminListener = 5;

// With fewer than these the gateway could start, and serve no client.
constexpr uint32_t kFewestConnections = 4;  // of clients, for each thread and listener
constexpr uint32_t kFewestAdmin = 4;        // connections
constexpr uint32_t kFewestLookups = 4;      // sockets and files of the resolver

// What is left goes to the clients, but for these parts of it.
constexpr uint32_t kAdminPart = 8;
constexpr uint32_t kLookupPart = 16;
constexpr uint32_t kMaxLookups = 64;
static_assert(kMaxLookups >= 2 * NameService::kMaxThreads);

constexpr uint32_t kLogThreads = 1;
constexpr uint32_t kReloadThreads = 2;  // the reloader, and one that reads
// At the start neither is there.
static_assert(kReloadThreads >= StartSignals::kMostThreads);
constexpr uint32_t kZmqThreads = 2;  // of each of libzmq's contexts: I/O, and its reaper

uint32_t listeners(const Config& config) {
  return (config.listen_tcp ? 1 : 0) + (config.listen_tls ? 1 : 0) + (config.listen_zmq ? 1 : 0) +
         (config.listen_zmq_curve ? 1 : 0);
}

bool has_zmq_backend(const Config& config) {
  return std::ranges::any_of(config.backends, [](const BackendOptions& backend) {
    return std::ranges::any_of(backend.urls,
                               [](const ServerUrl& url) { return url.protocol == Protocol::zmq; });
  });
}

bool uses_redis(const Config& config) { return std::ranges::any_of(config.handlers, needs_redis); }

/// Of one thread. A host name counts as one endpoint: how many addresses it has is not known yet.
uint64_t to_backends(const Config& config) {
  constexpr uint32_t kDefaultTcpConnections = 24;  // see BackendOptions::connections
  constexpr uint32_t kDefaultZmqConnections = 1;
  uint64_t descriptors = has_zmq_backend(config) ? kOfZmqBackends : 0;
  for (const BackendOptions& backend : config.backends) {
    for (const ServerUrl& url : backend.urls) {
      const bool tcp = url.protocol == Protocol::tcp;
      const uint32_t fallback = tcp ? kDefaultTcpConnections : kDefaultZmqConnections;
      const uint32_t connections = backend.connections != 0 ? backend.connections : fallback;
      descriptors += uint64_t{connections} * (tcp ? kOfTcpConnection : kOfZmqConnection);
    }
  }
  return descriptors;
}

uint64_t of_thread(const Config& config) {
  return kOfLoop + (config.listen_tcp ? kOfListeningSocket : 0) +
         (config.listen_tls ? kOfListeningSocket : 0) +
         (config.listen_zmq ? kOfListeningSocket + kHeldNewcomer : 0) +
         (config.listen_zmq_curve ? kOfCurveListener : 0) +
         (uses_redis(config) ? config.redis_connections : 0) + to_backends(config);
}

/// Each name may be looked up at the same time, by a thread of its own; the least is one, since a
/// reload may bring a name.
uint32_t lookup_threads(const Config& config) {
  std::set<std::string> names;
  for (const BackendOptions& backend : config.backends) {
    for (const ServerUrl& url : backend.urls) {
      if (!url.address.is_path() && !DnsLookup::is_address(url.address.host)) {
        names.insert(url.address.host);
      }
    }
  }
  const size_t count = names.size() + (uses_redis(config) ? 1 : 0);
  return static_cast<uint32_t>(std::clamp<size_t>(count, 1, NameService::kMaxThreads));
}

std::string threads_of(const Config& config) {
  return config.threads == 1 ? "1 thread needs" : fmt::format("{} threads need", config.threads);
}

}  // namespace

Result<DescriptorShares> share_descriptors(const Config& config, const ResourceLimits& limits) {
  const uint64_t fixed = limits.open_descriptors + kOfProcess + config.threads * of_thread(config) +
                         (config.admin ? kOfAdminListener : 0);
  const uint64_t fewest = uint64_t{listeners(config)} * config.threads * kFewestConnections +
                          (config.admin ? kFewestAdmin : 0) + kFewestLookups;
  if (fixed + fewest > limits.descriptors) {
    return Error{fmt::format(
        "{} {} descriptors, {} allowed; raise the limit of open files (ulimit -n, LimitNOFILE), "
        "or lower threads or the backends' connections",
        threads_of(config), fixed + fewest, limits.descriptors)};
  }
  const auto spare = static_cast<uint32_t>(limits.descriptors - fixed);
  const uint32_t lookups = std::clamp(spare / kLookupPart, kFewestLookups, kMaxLookups);
  DescriptorShares shares;
  if (config.admin) {
    shares.admin = std::clamp(spare / kAdminPart, kFewestAdmin, kMaxAdminConnections);
  }
  const uint32_t affordable = (spare - lookups - shares.admin) / std::max(listeners(config), 1U);
  shares.connections = std::min(config.max_connections, affordable);
  return shares;
}

uint32_t needed_threads(const Config& config) {
  const uint32_t contexts =
      (config.listen_zmq_curve ? 1U : 0U) + (has_zmq_backend(config) ? 1U : 0U);
  return config.threads * (1 + contexts * kZmqThreads) + kLogThreads + kReloadThreads +
         lookup_threads(config) + served_functions().blocking().options().threads +
         (config.admin ? AdminServer::kThreads : 0);
}

Status check_threads(const Config& config, uint32_t startable) {
  const uint32_t needed = needed_threads(config);
  if (startable < needed) {
    return Error{fmt::format(
        "{} {} tasks, {} can be started; raise their limit (pids.max, TasksMax, ulimit -u), or "
        "lower threads",
        threads_of(config), needed + 1, startable + 1)};
  }
  return ok_status();
}

Result<AdminAccess> admin_access(const Config& config) {
  const Address where = config.admin.value_or(Address{});
  return AdminAccess::make({.hosts = config.admin_hosts,
                            .own_name = where.host,
                            .token = config.admin_token,
                            .token_file = config.admin_token_file,
                            .is_local = where.is_path()});
}

Result<Resources> take_resources(const Config& config, AdminAccess access, bool watches_start) {
  const auto shares = share_descriptors(config, {raise_descriptor_limit(), open_descriptors()});
  if (!shares) {
    return Error{shares.error()};
  }
  const uint32_t there = watches_start ? StartSignals::kThreads : 0;
  const Status threads =
      check_threads(config, there + startable_threads(needed_threads(config) - there));
  if (!threads) {
    return Error{threads.error()};
  }
  const auto [connections, admin] = shares.value();
  if (connections < config.max_connections) {
    log::warn("fewer connections than configured: raise the limit of open files (ulimit -n)",
              {{"limits.connections", config.max_connections}, {"effective", connections}});
  }
  return Resources{.connections = connections,
                   .admin = {admin, {config.admin_mode, config.admin_group}},
                   .access = std::move(access)};
}

}  // namespace zerogate
