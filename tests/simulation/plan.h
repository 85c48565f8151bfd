// What a seed decides before its run begins.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/rpc/rate_limit_options.h"
#include "gateway/runtime/worker.h"
#include "tests/simulation/network.h"
#include "tests/simulation/tcp_server.h"

namespace zerogate::simulation {

/// Faults that happen while the storm lasts. Each seed has some of them: two that always came
/// together would hide what each does alone.
enum class Fault : uint8_t {
  client_reset,
  client_half_close,
  client_vanish,
  client_garbage,
  client_flood,
  server_down,
  server_reset,
  server_vanish,
  server_close,
  server_silent,
  server_lies,
  names_change,
  names_fail,
  redis_down,
  redis_silent,
  redis_refuses,
  redis_lies,
  redis_failover,
  reload,
  long_turn,
  stopped,  ///< the process, for seconds
  few_descriptors,
  drain,  ///< in the middle of it all
};
inline constexpr size_t kFaults = static_cast<size_t>(Fault::drain) + 1;

struct Plan {
  explicit Plan(World& world);

  bool has(Fault fault) const { return faults[static_cast<size_t>(fault)]; }
  /// The backends, routes and handlers; another one each time when a reload is to change something.
  RouteTableOptions routing(World& world, bool varied) const;
  /// Addresses of a backend's servers.
  std::vector<std::string> servers_of(char backend) const;
  /// Calls on a connection to a backend that speaks raw TCP.
  uint32_t most_in_flight(char backend) const;

  std::array<bool, kFaults> faults{};
  NetworkPlan network;
  WorkerOptions worker;
  bool many = false;       ///< calls, half of them of one function
  bool large = false;      ///< messages, and little memory for them
  bool tls = false;        ///< the port for raw TCP speaks it
  bool b_tls = false;      ///< b's servers do
  bool curve = false;      ///< there is a port that speaks CURVE
  bool shuts_out = false;  ///< the first client: its address may not connect
  std::vector<RateLimitOptions> rate_limits;
  size_t clients = 4;
  size_t servers = 3;  ///< of each backend
  uint64_t storm = 0;  ///< nanoseconds
  uint64_t call_every = 0;
  uint64_t fault_every = 0;
  uint64_t service_most = 0;  ///< of a backend's function
  size_t largest_argument = 64;
  BackendOptions a;
  BackendOptions b;  ///< has a name
  TcpServer::Kind b_servers = TcpServer::Kind::one_at_a_time;
  BackendOptions c;  ///< speaks ZeroMQ

 private:
  void plan_tls(Random& random);
  void plan_curve(Random& random);
  void plan_worker(World& world);
  void plan_backends(World& world);
};

inline constexpr const char* kGatewayTcp = "10.9.0.1:5561";
inline constexpr const char* kGatewayZmq = "10.9.0.1:5559";
inline constexpr const char* kGatewayCurve = "10.9.0.1:5569";
/// Addresses that begin so may not connect.
inline constexpr const char* kShutOut = "10.7.";
inline constexpr const char* kBackendName = "b.sim";
inline constexpr const char* kRedisName = "redis.sim";

}  // namespace zerogate::simulation
