#include "tests/simulation/plan.h"

#include <algorithm>

#include "tests/simulation/certificates.h"

namespace zerogate::simulation {
namespace {

template <class T>
T one_of(World& world, std::initializer_list<T> choices) {
  return *(choices.begin() + world.random.below(choices.size()));
}

NetworkPlan network_plan(World& world) {
  NetworkPlan plan;
  plan.latency_most = one_of<uint64_t>(world, {100 * kUs, kMs, 20 * kMs});
  plan.slow_one_in = one_of<uint64_t>(world, {0, 50, 10});
  plan.slow = one_of<uint64_t>(world, {5 * kMs, 300 * kMs});
  plan.buffer = one_of<size_t>(world, {64 << 10, 4 << 10, 700});
  plan.short_one_in = one_of<uint64_t>(world, {0, 10, 2, 1});
  return plan;
}

using Per = RateLimitOptions::Per;
using Mode = RateLimitOptions::Mode;

RateLimitOptions limit_of(std::vector<std::string> functions, Per per, uint32_t per_second,
                          uint32_t burst) {
  return {std::move(functions), per, {per_second, 1'000}, burst, Mode::enforce};
}

// Each lets through what Storm::probe() does.
std::vector<RateLimitOptions> rate_limits_for(World& world) {
  std::vector<RateLimitOptions> limits;
  if (!world.chance(3)) {
    return limits;
  }
  if (world.chance(2)) {
    limits.push_back(limit_of({"save_order", "a_*"}, Per::caller, 20, 3));
  }
  if (world.chance(2)) {
    limits.push_back(limit_of({"c_put", "b_put", "echo"}, Per::function, 10, 0));
  }
  if (world.chance(2)) {
    limits.push_back(limit_of({"*"}, Per::all, 60, 8));
  }
  if (world.chance(2)) {
    limits.push_back(limit_of({"hello_world"}, Per::all, 1, 1));
    limits.back().mode = Mode::observe;
  }
  return limits;
}

}  // namespace

Plan::Plan(World& world) : network(network_plan(world)) {
  for (bool& fault : faults) {
    fault = world.chance(2);
  }
  // A drain leaves nothing to be seen after the storm, so few seeds have one.
  faults[static_cast<size_t>(Fault::drain)] = world.chance(12);
  clients = world.between(1, 8);
  servers = world.between(1, 4);
  storm = world.between(kSecond, 8 * kSecond);
  large = world.chance(8);
  if (large) {  // another network would not carry them
    network.slow_one_in = 0;
    network.buffer = 64 << 10;
    network.short_one_in = one_of<uint64_t>(world, {0, 10});
  }
  // With many calls it becomes known how long functions take; a poor network would not carry them.
  many = !large && network.slow_one_in == 0 && network.buffer == 64 << 10 &&
         (network.short_one_in == 0 || network.short_one_in == 10);
  call_every = storm / (many ? 700 : world.between(40, 300));
  fault_every = storm / world.between(5, 80);
  rate_limits = rate_limits_for(world);
  shuts_out = clients > 1 && world.chance(6);
  service_most = one_of<uint64_t>(world, {2 * kMs, 50 * kMs, 500 * kMs});
  largest_argument = large ? 120'000 : one_of<size_t>(world, {16, 300, 6'000});

  plan_worker(world);
  plan_backends(world);
  b_servers = one_of(world, {TcpServer::Kind::one_at_a_time, TcpServer::Kind::gateway});
  // A copy of the world's chance decides: a seed without TLS and CURVE is what it would be without
  // these.
  Random chance = world.random;
  plan_tls(chance);
  plan_curve(chance);
  worker.routing = routing(world, false);
}

// Handshakes take more time than all else in a run, so few seeds have any.
void Plan::plan_tls(Random& random) {
  tls = random.below(24) == 0;
  b_tls = random.below(40) == 0;
  bool& drains = faults[static_cast<size_t>(Fault::drain)];
  drains = drains || (tls && random.below(3) == 0);
  worker.tls_connections = worker.tcp.max_connections;
  worker.max_handshakes = random.below(3) == 0 ? 2 : 256;
  if (b_tls) {
    b.urls = {ServerUrl::parse(std::string("tls://") + kBackendName + ":7000").value()};
    b.tls_material = certificates().own;
  }
}

// With as little memory as `large` has, the port would look each millisecond at what libzmq has
// read.
void Plan::plan_curve(Random& random) {
  curve = random.below(10) == 0 && !large;
  worker.curve.secret_key = std::string(CurveCertificate::kKeyChars, 's');
  worker.curve.clients = std::make_shared<CurveClients>();
  worker.curve_connections = random.below(3) == 0 ? 2 : 10'000;
}

void Plan::plan_worker(World& world) {
  worker.identity = "gateway:simulate";  // as long as one is
  worker.max_in_flight = one_of<uint32_t>(world, {3, 20, 20'000});
  worker.tcp.max_message = large ? 200 << 10 : 32 << 10;
  worker.tcp.max_connections = one_of<uint32_t>(world, {3, 10'000, 10'000});
  worker.tcp.write_buffer = one_of<size_t>(world, {2'000, 1 << 20});
  worker.tcp.receive_memory = one_of<size_t>(world, {1'000, 64 << 20});
  worker.tcp.send_memory = one_of<size_t>(world, {40'000, 64 << 20});
  worker.zmq.max_message = worker.tcp.max_message;
  worker.zmq.max_connections = one_of<uint32_t>(world, {3, 10'000, 10'000});
  worker.zmq.write_buffer = worker.tcp.write_buffer;
  worker.zmq.receive_memory = worker.tcp.receive_memory;
  worker.zmq.send_memory = worker.tcp.send_memory;
  worker.memory = large ? 500 << 10 : MemoryAccount::kDefaultLimit;
  if (shuts_out) {
    worker.tcp.allow = {AddressRange::parse("10.8.0.0/16").value()};
    worker.zmq.allow = worker.tcp.allow;
  }
  worker.request_memory = one_of<size_t>(world, {5'000, 256 << 20, 256 << 20});
  worker.drain_timeout_ms = 8'000;
  worker.redis.url.host = kRedisName;
  worker.redis.connections = static_cast<uint32_t>(world.between(1, 3));
  worker.redis.timeout_ms = one_of<uint32_t>(world, {300, 1'000});
  worker.redis.max_pending = one_of<uint32_t>(world, {2, 10'000});
}

void Plan::plan_backends(World& world) {
  a.name = "a";
  b.name = "b";
  c.name = "c";
  for (const std::string& address : servers_of('a')) {
    a.urls.push_back(ServerUrl::parse("tcp://" + address).value());
  }
  b.urls = {ServerUrl::parse(std::string("tcp://") + kBackendName + ":7000").value()};
  for (const std::string& address : servers_of('c')) {
    c.urls.push_back(ServerUrl::parse("zmq://" + address).value());
  }
  for (BackendOptions* backend : {&a, &b, &c}) {
    backend->connections = static_cast<uint32_t>(world.between(1, 4));
    backend->in_flight = one_of<uint32_t>(world, {0, 0, 1, 4});
    backend->pipeline_wait_ms = one_of<uint32_t>(world, {1, 10'000});
    backend->queue = one_of<uint32_t>(world, {2, 20, 1'024});
    backend->timeout_ms = one_of<uint32_t>(world, {400, 1'000, 5'000});
    backend->connect_timeout_ms = one_of<uint32_t>(world, {300, 1'000});
    backend->resolve_ms = one_of<uint32_t>(world, {500, 5'000});
    backend->eject_after = static_cast<uint32_t>(world.between(1, 5));
    backend->idempotent = {"*_get"};
  }
  if (many) {
    a.in_flight = 0;
    a.connections = 1;
    a.pipeline_wait_ms = 10'000;
  }
}

std::vector<std::string> Plan::servers_of(char backend) const {
  std::vector<std::string> addresses;
  for (size_t i = 1; i <= servers; ++i) {
    addresses.push_back("10.0." + std::to_string(backend - 'a' + 1) + "." + std::to_string(i) +
                        ":7000");
  }
  return addresses;
}

uint32_t Plan::most_in_flight(char backend) const {
  const uint32_t said = (backend == 'a' ? a : b).in_flight;
  const bool gateway = backend == 'b' && b_servers == TcpServer::Kind::gateway;
  return said != 0 ? said : gateway ? Endpoint::kOutOfOrderInFlight : ConnectionWork::kMaxDepth;
}

RouteTableOptions Plan::routing(World& world, bool varied) const {
  RouteTableOptions options;
  options.handlers = {"hello_world", "echo", "save_order", "get_order", "relay"};
  options.backends = {a, b, c};
  options.routes = {{{"a_get", "a_put"}, "a", 0}, {{"c_get", "c_put"}, "c", 0}, {{"b_*"}, "b", 0}};
  options.listen_tls = tls ? certificates().own : nullptr;
  if (!varied) {
    return options;
  }
  if (tls && world.chance(2)) {
    options.listen_tls = certificates().narrow;
  }
  BackendOptions& changed = options.backends[world.random.below(options.backends.size())];
  switch (world.random.below(6)) {
    case 0:
      changed.timeout_ms = 700;
      break;
    case 1:
      changed.queue = 1;
      break;
    case 2:
      changed.connections = changed.connections % 4 + 1;
      break;
    case 3:
      options.routes.pop_back();
      break;
    case 4:
      options.handlers.erase(options.handlers.begin() + 1);
      break;
    default:
      options.backends[0].urls.erase(options.backends[0].urls.begin() + 1,
                                     options.backends[0].urls.end());
  }
  return options;
}

}  // namespace zerogate::simulation
