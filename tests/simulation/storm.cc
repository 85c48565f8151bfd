#include "tests/simulation/storm.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/log/log.h"
#include "tests/simulation/certificates.h"
#include "tests/simulation/fake_uv.h"

namespace zerogate::simulation {
namespace {

void open_port(const char* address, std::optional<ListenSocket>& port) {
  port.emplace(std::move(ListenSocket::open(Address::parse(address).value(), false)).value());
}

void must_listen(const Status& listening) {
  if (!listening.ok()) {
    violated("the worker does not listen");
  }
}

}  // namespace

Storm::Storm(uint64_t seed, bool verbose)
    : world_(seed), plan_(world_), rate_limits_(world_.random.next()) {
  world_.verbose = verbose;
  set_world(&world_);
  set_network(&network_);
  set_descriptors(&descriptors_);
  set_names(&names_);
  set_zmq_bus(&bus_);
  network_.plan = plan_.network;
  network_.plan.shut_out = plan_.shuts_out ? kShutOut : "";
  make_peers();
  make_clients();
  if (plan_.curve) {
    make_curve_clients();
  }
}

Storm::~Storm() { loop_hooks = {}; }

void Storm::make_peers() {
  for (const char backend : {'a', 'b'}) {
    for (const std::string& address : plan_.servers_of(backend)) {
      servers_.push_back(std::make_unique<TcpServer>(world_, network_, ledger_, address));
      servers_.back()->faults.service_most = plan_.service_most;
      servers_.back()->too_large = plan_.worker.tcp.max_message + 100;
      servers_.back()->kind = backend == 'a' ? TcpServer::Kind::one_at_a_time : plan_.b_servers;
      servers_.back()->over_tls = backend == 'b' && plan_.b_tls;
      servers_.back()->in_flight_limit = plan_.most_in_flight(backend);
      servers_.back()->start();
    }
  }
  for (const std::string& address : plan_.servers_of('c')) {
    zmq_servers_.push_back(std::make_unique<ZmqServer>(world_, network_, ledger_, address));
    zmq_servers_.back()->faults.service_most = plan_.service_most;
    zmq_servers_.back()->start();
  }
  for (const char* address : {"10.0.9.1:6379", "10.0.9.2:6379"}) {
    redis_.push_back(std::make_unique<RedisServer>(world_, network_, store_, address));
    redis_.back()->start();
  }
  befall_names(Fault::drain);  // none of theirs: all is as it should be
}

void Storm::make_clients() {
  for (size_t i = 0; i < plan_.clients; ++i) {
    const char* network = plan_.shuts_out && i == 0 ? kShutOut : "10.8.";
    if (world_.chance(3)) {
      constexpr Wire kWires[] = {Wire::w5, Wire::w5, Wire::w4, Wire::w3};
      zmq_clients_.push_back(std::make_unique<ZmqClient>(
          world_, network_, ledger_, fmt::format("{}1.{}:4000", network, i + 1), kGatewayZmq,
          kWires[world_.random.below(std::size(kWires))]));
      continue;
    }
    constexpr Wire kWires[] = {Wire::t3, Wire::t3, Wire::t3, Wire::t2, Wire::t1};
    TcpClient::Manners manners = {
        .wire = kWires[world_.random.below(std::size(kWires))],
        .dribbles_one_in = world_.chance(3) ? 5U : 0U,
        .pauses_one_in = world_.chance(4) ? 10U : 0U,
    };
    secure(manners, i);
    clients_.push_back(std::make_unique<TcpClient>(world_, network_, ledger_,
                                                   fmt::format("{}0.{}:4000", network, i + 1),
                                                   kGatewayTcp, manners));
  }
}

void Storm::run(Tally& tally) {
  start_worker();
  for (const auto& client : clients_) {
    world_.in(world_.random.below(50 * kMs), [&client] { client->connect(); });
  }
  for (const auto& client : zmq_clients_) {
    client->connect();
  }
  for (const auto& client : curve_clients_) {
    client->connect();
  }
  schedule_call();
  schedule_fault();
  world_.in(plan_.storm, [this] { heal(); });
  worker_->start([this] { ended_.release(); });
  ended_.acquire();
  judge_end();
  tally.add(worker_->metrics());
  worker_.reset();
  prober_.reset();
  zmq_prober_.reset();
  curve_prober_.reset();
  strangers_.clear();
  curve_strangers_.clear();
  clients_.clear();
  zmq_clients_.clear();
  curve_clients_.clear();
  servers_.clear();
  zmq_servers_.clear();
  redis_.clear();
  tcp_port_.reset();
  zmq_port_.reset();
  curve_port_.reset();
  if (descriptors_.count() != 0) {
    violated("the worker has ended, and not all of its descriptors are closed");
  }
}

void Storm::start_worker() {
  loop_hooks.before_callback = [this] {
    if (pass_next_ != 0) {
      world_.note("long turn", pass_next_);
      world_.pass(std::exchange(pass_next_, 0));
    }
  };
  loop_hooks.readable = [this](int fd) { return bus_.readable(fd); };
  loop_hooks.after_turn = [this] { after_turn(); };
  plan_.worker.on_progress = [this] { on_progress(); };
  plan_.worker.rate_limits = &rate_limits_;
  rate_limits_.set(plan_.rate_limits);
  worker_ = std::make_unique<Worker>(plan_.worker, labels_);
  open_port(kGatewayTcp, tcp_port_);
  must_listen(plan_.tls ? worker_->listen_tls(*tcp_port_)
                        : worker_->listen(Protocol::tcp, *tcp_port_));
  open_port(kGatewayZmq, zmq_port_);
  must_listen(worker_->listen(Protocol::zmq, *zmq_port_));
  if (plan_.curve) {
    open_port(kGatewayCurve, curve_port_);
    must_listen(worker_->listen_curve(*curve_port_));
  }
}

void Storm::secure(TcpClient::Manners& manners, size_t client) const {
  if (plan_.tls) {
    const Certificates::Client& shown = certificates().clients[client % 2];
    manners.tls = shown.tls.get();
    manners.name = shown.name;
  }
}

void Storm::schedule_call() {
  world_.in(1 + world_.random.below(2 * plan_.call_every), [this] {
    if (phase_ == Phase::storm || draining_) {
      call_once();
      schedule_call();
    }
  });
}

Function Storm::any_function() {
  return plan_.many && world_.chance(2)
             ? Function::a_put
             : static_cast<Function>(world_.random.below(kFunctionCount));
}

void Storm::call_once() {
  if (!curve_clients_.empty() && world_.chance(3)) {
    return call_over_curve();
  }
  if (world_.random.below(clients_.size() + zmq_clients_.size()) >= clients_.size()) {
    return call_over_zmq();
  }
  TcpClient& client = *clients_[world_.random.below(clients_.size())];
  if (!client.connected()) {
    if (world_.chance(3)) {
      client.connect();
    }
    return;
  }
  if (client.may_call() && world_.chance(8)) {
    return flood(client);
  }
  if (client.may_call()) {
    client.call(any_function(), world_.random.below(plan_.largest_argument));
  }
}

void Storm::schedule_fault() {
  world_.in(1 + world_.random.below(2 * plan_.fault_every), [this] {
    if (phase_ != Phase::storm) {
      return;
    }
    const auto fault = static_cast<Fault>(world_.random.below(kFaults));
    if (plan_.has(fault)) {
      befall(fault);
    }
    schedule_fault();
  });
}

void Storm::befall(Fault fault) {
  world_.note("fault", static_cast<uint64_t>(fault));
  if (fault <= Fault::client_flood) {
    befall_client(fault);
  } else if (fault <= Fault::server_lies) {
    befall_server(fault);
  } else if (fault <= Fault::names_fail) {
    befall_names(fault);
  } else if (fault <= Fault::redis_failover) {
    befall_redis(fault);
  } else {
    befall_worker(fault);
  }
}

void Storm::befall_client(Fault fault) {
  if (!curve_clients_.empty() && world_.chance(3)) {
    return befall_curve_client(fault);
  }
  if (world_.random.below(clients_.size() + zmq_clients_.size()) >= clients_.size()) {
    return befall_zmq_client(fault);
  }
  TcpClient& client = *clients_[world_.random.below(clients_.size())];
  switch (fault) {
    case Fault::client_reset:
      return client.reset();
    case Fault::client_half_close:
      if (plan_.tls) {
        flood(client);  // the end may come in one read with calls
      }
      return client.half_close();
    case Fault::client_vanish:
      return client.vanish();
    case Fault::client_garbage:
      if (plan_.tls && world_.chance(4)) {
        return let_strangers_call();
      }
      return world_.chance(4) ? begin_frames() : client.send_garbage();
    default:
      return flood(client);
  }
}

void Storm::begin_frames() {
  for (const auto& client : clients_) {
    client->send_beginning();
  }
}

// A client of TLS 1.3 may send as soon as it has said who it is, and so before it is refused.
void Storm::let_strangers_call() {
  for (const SslCtxPtr& tls : certificates().strangers) {
    strangers_.push_back(std::make_unique<TcpClient>(
        world_, network_, ledger_, fmt::format("10.8.3.{}:4000", strangers_.size()), kGatewayTcp,
        TcpClient::Manners{.tls = tls.get(), .name = kStranger}));
    TcpClient& stranger = *strangers_.back();
    stranger.connect();
    world_.in(world_.between(kMs, 100 * kMs), [this, &stranger] {
      if (phase_ == Phase::storm && stranger.may_call()) {
        stranger.call(any_function(), 10);
      }
    });
  }
}

void Storm::befall_zmq_server(Fault fault) {
  ZmqServer& server = *zmq_servers_[world_.random.below(zmq_servers_.size())];
  ZmqServer::Faults& faults = server.faults;
  switch (fault) {
    case Fault::server_down:
      return server.listening() ? server.stop() : server.start();
    case Fault::server_reset:
    case Fault::server_close:
      return server.reset_one();
    case Fault::server_vanish:
      if (world_.chance(2)) {
        return server.vanish_one();
      }
      return network_.vanish(server.address(), !network_.vanished(server.address()));
    case Fault::server_silent:
      faults.silent = !faults.silent;
      return;
    default:
      break;
  }
  faults.twice_one_in = often();
  faults.wrong_id_one_in = often();
  faults.garbage_one_in = often();
  faults.never_one_in = often();
  faults.error_one_in = often();
  faults.service_most = world_.between(100 * kUs, 2 * kSecond);
}

uint32_t Storm::often() {
  return world_.chance(3) ? static_cast<uint32_t>(world_.between(1, 8)) : 0;
}

void Storm::befall_server(Fault fault) {
  if (world_.chance(3)) {
    return befall_zmq_server(fault);
  }
  TcpServer& server = *servers_[world_.random.below(servers_.size())];
  TcpServer::Faults& faults = server.faults;
  switch (fault) {
    case Fault::server_down:
      return server.listening() ? server.stop() : server.start();
    case Fault::server_reset:
      return server.reset_one();
    case Fault::server_vanish:
      if (world_.chance(2)) {
        return server.vanish_one();
      }
      return network_.vanish(server.address(), !network_.vanished(server.address()));
    case Fault::server_close:
      faults.close_one_in = faults.close_one_in == 0 ? 8 : 0;
      return server.close_one();
    case Fault::server_silent:
      faults.silent = !faults.silent && !faults.stuck;
      faults.stuck = faults.silent && world_.chance(2);
      return;
    default:
      break;
  }
  faults.twice_one_in = often();
  faults.wrong_id_one_in = often();
  faults.garbage_one_in = often();
  faults.cut_one_in = often();
  faults.never_one_in = often();
  faults.error_one_in = often();
  faults.too_large_one_in = often();
  faults.no_value_one_in = often();
  faults.impostor_one_in = plan_.b_tls ? often() : 0;
  faults.service_most = world_.between(100 * kUs, 2 * kSecond);
}

void Storm::befall_names(Fault fault) {
  if (fault == Fault::names_fail) {
    const char* name = world_.chance(2) ? kBackendName : kRedisName;
    switch (world_.random.below(3)) {
      case 0:
        return names_.has_no(name);
      case 1:
        return names_.fails(name);
      default:
        return names_.hangs(name);
    }
  }
  std::vector<std::string> addresses;
  for (const std::string& address : plan_.servers_of('b')) {
    if (fault != Fault::names_change || world_.chance(2)) {
      addresses.push_back(address.substr(0, address.rfind(':')));
    }
  }
  if (addresses.empty()) {
    return names_.has_no(kBackendName);
  }
  names_.has(kBackendName, addresses);
  if (fault != Fault::names_change) {
    names_.has(kRedisName, {"10.0.9.1"});
  }
}

void Storm::befall_redis(Fault fault) {
  RedisServer& redis = *redis_[world_.random.below(redis_.size())];
  RedisServer::Faults& faults = redis.faults;
  switch (fault) {
    case Fault::redis_down:
      return world_.chance(2) ? redis.stop() : redis.start();
    case Fault::redis_silent:
      return redis.set_still(!redis.still());
    case Fault::redis_refuses:
      faults.loading = world_.chance(2);
      faults.read_only = world_.chance(2);
      return;
    case Fault::redis_lies:
      faults.close_one_in = world_.chance(2) ? 4 : 0;
      faults.garbage_one_in = world_.chance(2) ? 6 : 0;
      faults.error_one_in = world_.chance(2) ? 3 : 0;
      return;
    default:
      break;
  }
  const size_t primary = world_.random.below(2);
  names_.has(kRedisName, {primary == 0 ? "10.0.9.1" : "10.0.9.2"});
  redis_[primary]->faults.read_only = false;
  redis_[1 - primary]->faults.read_only = true;
}

void Storm::befall_worker(Fault fault) {
  switch (fault) {
    case Fault::reload:
      if (plan_.curve && world_.chance(2)) {
        let_in(!all_let_in_);
      }
      if (!plan_.rate_limits.empty() && world_.chance(3)) {
        rate_limits_.set(world_.chance(2) ? decltype(plan_.rate_limits)() : plan_.rate_limits);
        rates_stood_ = false;
      }
      return worker_->reload(plan_.routing(world_, true));
    case Fault::long_turn:
      pass_next_ = world_.between(kMs, 400 * kMs);
      return;
    case Fault::stopped:
      pass_next_ = world_.between(kSecond, 8 * kSecond);
      return;
    case Fault::few_descriptors:
      descriptors_.limit =
          descriptors_.limit < 1'000 ? 1'000'000 : descriptors_.count() + world_.between(1, 12);
      return;
    default:
      return leave_under_load();
  }
}

void Storm::leave_under_load() {
  phase_ = Phase::ending;
  for (const auto& client : clients_) {
    flood(*client);
  }
  for (const auto& client : zmq_clients_) {
    flood(*client);
  }
  for (const auto& client : curve_clients_) {
    flood(*client);
  }
  // Some of it has come, and some is on its way.
  world_.in(world_.random.below(2 * network_.plan.latency_most), [this] { leave(); });
}

void Storm::heal() {
  if (phase_ != Phase::storm) {
    return;
  }
  world_.note("calm");
  phase_ = Phase::calm;
  network_.plan.slow_one_in = 0;
  descriptors_.limit = 1'000'000;
  pass_next_ = 0;
  for (const auto& client : clients_) {
    client->heal();
  }
  for (const auto& server : servers_) {
    server->heal();
    network_.vanish(server->address(), false);
    server->start();
  }
  for (const auto& server : zmq_servers_) {
    server->heal();
  }
  for (const auto& redis : redis_) {
    redis->faults = {};
    redis->set_still(false);
    redis->start();
  }
  befall_names(Fault::drain);
  let_in(true);
  judge_rates();
  rate_limits_.set(plan_.rate_limits);
  worker_->reload(plan_.worker.routing);
  world_.in(kCalm, [this] { judge_calm(); });
}

}  // namespace zerogate::simulation
