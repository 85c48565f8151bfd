#include "gateway/runtime/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <stdexcept>

#include "core/base/quote.h"
#include "core/log/log.h"
#include "core/metrics/collector.h"
#include "core/sdk/functions.h"
#include "gateway/config/show_config.h"
#include "gateway/control/reload_rules.h"
#include "gateway/host/process.h"
#include "gateway/runtime/client_census.h"
#include "gateway/runtime/memory_budget.h"
#include "gateway/version.h"
#include "handlers/registry.h"

namespace zerogate {

namespace {

/// For a worker to answer a ping: no turn of an event loop that works takes so long.
constexpr std::chrono::seconds kStuckAfter{5};

RouteTableOptions routing_of(const Config& config) {
  return {config.handlers, config.backends, config.routes, config.tls_material,
          config.redis_tls_material};
}

}  // namespace

Gateway::Gateway(const Config& config, const Resources& resources, Reload reload,
                 const SystemdNotifier& manager)
    : manager_(manager),
      config_(config),
      resources_(resources),
      labels_({ConnectService::kName}),
      rate_limits_(std::make_shared<RateLimits>(std::random_device()())),
      liveness_(workers_, kStuckAfter) {
  if (const int error = uv_loop_init(&loop_); error != 0) {
    throw std::runtime_error(std::string("no event loop: ") + uv_strerror(error));
  }
  call_log_.set(config.log_access, config.log_slow_ms);
  rate_limits_->set(config.rate_limits);
  curve_clients_->set(config.curve_clients);
  if (config.admin_tls_material != nullptr) {
    admin_certificate_ = std::make_shared<ServerCertificate>(config.admin_tls_material);
  }
  const auto init_async = [](uv_loop_t* loop, uv_async_t* handle) {
    uv_async_init(loop, handle,
                  [](uv_async_t* async) { static_cast<Gateway*>(async->data)->on_progress(); });
  };
  progress_ = make_uv<uv_async_t>(&loop_, init_async, this);
  make_shutdown();
  trimmer_ = std::make_unique<MemoryTrimmer>(&loop_);
  label_keeper_ = std::make_unique<LabelKeeper>(
      &loop_, labels_,
      LabelUsers{[this] { return worker_metrics(); }, [this](auto label) { return forget(label); }},
      functions_named(routing_of(config)));
  make_reloader(std::move(reload));
}

Gateway::~Gateway() {
  reloader_->stop();
  admin_.reset();
  reloader_.reset();
  label_keeper_.reset();
  for (const auto& worker : workers_) {
    worker->stop();
  }
  workers_.clear();
  watchdog_.reset();
  trimmer_.reset();
  shutdown_.reset();
  signals_.clear();
  progress_.reset();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

Result<std::unique_ptr<Gateway>> Gateway::start(const Config& config, const Resources& resources,
                                                Reload reload, const SystemdNotifier& manager) {
  // No thread that is started here takes a signal: they are all the main thread's.
  const HeldSignals held({kHarmlessSignals, kEndingSignals});
  std::unique_ptr<Gateway> gateway(new Gateway(config, resources, std::move(reload), manager));
  gateway->fit_into_memory();
  gateway->watch_signals();
  // Whatever can be in the way comes before the first call that is answered. The admin port says
  // meanwhile that the gateway starts.
  for (const auto step : {&Gateway::make_workers, &Gateway::start_admin, &Gateway::open_sockets,
                          &Gateway::start_workers}) {
    if (Status status = (gateway.get()->*step)(); !status) {
      return Error{status.error()};
    }
  }
  gateway->log_start();
  return gateway;
}

// Once everything is bound, with what is in force and not with what was asked for.
void Gateway::log_start() const {
  const auto shown = [](const std::vector<ListenSocket>& sockets) {
    return sockets.empty() ? "off" : sockets.front().bound().display();
  };
  const auto shown_zmq = [](const std::vector<ListenSocket>& sockets) {
    return sockets.empty() ? "off" : zmq_display(sockets.front().bound());
  };
  std::vector<std::string_view> backends;
  for (const BackendOptions& backend : config_.backends) {
    backends.push_back(backend.name);
  }
  log::info("start", {{"version", version()},
                      {"revision", revision()},
                      {"threads", config_.threads},
                      {"tcp", shown(tcp_sockets_)},
                      {"zmq", shown_zmq(zmq_sockets_)},
                      {"zmq_curve", shown_zmq(curve_sockets_)},
                      {"tls", shown(tls_sockets_)},
                      {"admin", admin_ != nullptr ? admin_address_ : "off"},
                      {"limits.message", effective_.tcp.max_message},
                      {"limits.connections", max_connections()},
                      {"limits.in_flight", config_.max_in_flight},
                      {"limits.write_buffer", config_.write_buffer},
                      {"memory", config_.threads * effective_.memory},
                      {"handlers", fmt::format("{}", fmt::join(config_.handlers, ","))},
                      {"backends", fmt::format("{}", fmt::join(backends, ","))}});
}

Status Gateway::make_workers() {
  for (uint32_t i = 0; i < config_.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(effective_, labels_));
  }
  return ok_status();
}

Status Gateway::open_sockets() {
  struct Port {
    std::string_view key;
    const std::optional<Address>& address;
    std::vector<ListenSocket>& sockets;
  };
  const Port ports[] = {{"listen.tcp", config_.listen_tcp, tcp_sockets_},
                        {"listen.zmq_curve", config_.listen_zmq_curve, curve_sockets_},
                        {"listen.tls", config_.listen_tls, tls_sockets_},
                        {"listen.zmq", config_.listen_zmq, zmq_sockets_}};
  for (const Port& port : ports) {
    if (!port.address) {
      continue;
    }
    auto opened = ListenSocket::open_group(*port.address, config_.threads,
                                           {config_.listen_mode, config_.listen_group});
    if (!opened) {
      return Error{fmt::format("{}: {}", port.key, opened.error())};
    }
    port.sockets = std::move(opened).value();
  }
  return ok_status();
}

WorkerOptions Gateway::worker_options() const {
  const auto share = [this](uint32_t total) { return std::max(1U, total / config_.threads); };
  WorkerOptions options;
  options.tcp.max_message = options.zmq.max_message = config_.max_message;
  options.tcp.max_connections = options.zmq.max_connections = options.tls_connections =
      options.curve_connections = share(resources_.connections);
  options.tcp.sharers = options.zmq.sharers = config_.threads;
  options.tcp.write_buffer = options.zmq.write_buffer = config_.write_buffer;
  options.tcp.allow = options.zmq.allow = config_.listen_allow;
  options.curve = {config_.curve_secret_key.key, curve_clients_};
  options.max_handshakes = config_.max_handshakes;
  options.handshake_timeout_ms = config_.tls_handshake_timeout_ms;
  options.zmq.keep_alive_ms = config_.zmq_keep_alive_ms;
  options.redis.url = RedisUrl::parse(config_.redis).value();  // load_config has checked it
  options.redis_tls_name =
      config_.redis_tls_name.empty() ? options.redis.url.host : config_.redis_tls_name;
  options.redis.connections = config_.redis_connections;
  options.redis.timeout_ms = config_.redis_timeout_ms;
  options.routing = routing_of(config_);
  std::random_device random;
  options.identity = ConnectService::make_identity(uint64_t{random()} << 32 | random());
  options.max_in_flight = share(config_.max_in_flight);
  options.drain_timeout_ms = config_.drain_timeout_ms;
  options.call_log = &call_log_;
  options.rate_limits = rate_limits_.get();
  options.redis.states = options.zmq.states = states_;
  options.by_hand = by_hand_;
  options.on_churn = [this] { trimmer_->request(); };
  options.on_progress = [this] { uv_async_send(progress_.get()); };
  return options;
}

Status Gateway::start_workers() {
  for (uint32_t i = 0; i < config_.threads; ++i) {
    for (const auto& [protocol, sockets] :
         {std::pair(Protocol::tcp, &tcp_sockets_), std::pair(Protocol::zmq, &zmq_sockets_)}) {
      if (sockets->empty()) {
        continue;
      }
      if (Status status = workers_[i]->listen(protocol, (*sockets)[i]); !status) {
        return status;
      }
    }
  }
  for (size_t i = 0; !curve_sockets_.empty() && i < workers_.size(); ++i) {
    if (Status status = workers_[i]->listen_curve(curve_sockets_[i]); !status) {
      return status;
    }
  }
  for (size_t i = 0; !tls_sockets_.empty() && i < workers_.size(); ++i) {
    if (Status status = workers_[i]->listen_tls(tls_sockets_[i]); !status) {
      return status;
    }
  }
  for (const auto& worker : workers_) {
    worker->start([this] {
      ++exited_;
      uv_async_send(progress_.get());
    });
  }
  if (config_.listen_tcp) {
    note_listening("tcp", tcp_sockets_.front().bound().display());
  }
  if (config_.listen_tls) {
    note_listening("tls", tls_sockets_.front().bound().display());
  }
  if (config_.listen_zmq) {
    note_listening("zmq", zmq_display(zmq_sockets_.front().bound()));
  }
  if (config_.listen_zmq_curve) {
    note_listening("zmq_curve", zmq_display(curve_sockets_.front().bound()));
  }
  if (admin_ != nullptr) {
    note_listening("admin", admin_address_);
  }
  return ok_status();
}

void Gateway::note_listening(std::string_view protocol, const std::string& address) {
  log::info("listening", {{"protocol", protocol}, {"address", address}});
  addresses_ += fmt::format("{}{} {}", addresses_.empty() ? "" : ", ", protocol, address);
}

Status Gateway::start_admin() {
  if (!config_.admin) {
    return ok_status();
  }
  AdminSources sources;
  const BuildInfo build{std::string(version()), std::string(revision())};
  sources.metrics = {std::make_shared<Collector>(
                         worker_metrics(), served_functions().blocking().metrics(), build, memory_),
                     reloader_->metrics(), reloader_->certificates(), rate_limits_};
  sources.readiness = [this] { return readiness(); };
  sources.alive = [this] { return liveness_.alive(); };
  sources.config = [this] { return config_yaml(); };
  sources.written = [this] { return written_yaml(reloader_->in_force()); };
  sources.clients = [this] { return ask_for_clients(workers_); };
  sources.drain = [this] { shutdown_->request(); };
  sources.endpoints = [this] { return control_.report(); };
  sources.order = [this](const EndpointOrder& order) { return control_.order(order); };
  sources.reload = [this] { return reloader_->reload(); };
  sources.set_log_level = [this](std::string_view name) { return reloader_->set_log_level(name); };
  sources.version = version();
  sources.access = resources_.access;
  AdminLimits limits = resources_.admin;
  limits.certificate = admin_certificate_;
  Result<std::unique_ptr<AdminServer>> admin = AdminServer::start(*config_.admin, sources, limits);
  if (!admin) {
    return Error{admin.error()};
  }
  admin_ = std::move(admin).value();
  Address bound = *config_.admin;
  bound.port = admin_->port();
  const std::string_view scheme = admin_certificate_ != nullptr ? kBeaconHttps : "";
  beacon_.emplace(BeaconScope::here(config_.source.file),
                  fmt::format("{}{}", scheme, bound.display()));
  admin_address_ = bound.display();
  return ok_status();
}

// Redis that is away does not make the gateway unready: functions without Redis are served, the
// others fail with a clear error, and no restart or failover elsewhere would bring Redis back.
Readiness Gateway::readiness() const {
  if (shutdown_->begun()) {
    return {false, "draining"};
  }
  if (!std::ranges::all_of(workers_, [](const auto& worker) { return worker->settled(); })) {
    return {false, "starting: connecting to redis and backends"};
  }
  return {true, "ready"};
}

// What is in force, which limits of the host may have lowered.
std::string Gateway::config_yaml() const {
  Config config = reloader_->in_force();
  config.max_connections = max_connections();
  config.max_message = effective_.tcp.max_message;
  config.memory = memory_to_say(memory_.limit);
  return to_yaml(config);
}

bool Gateway::forget(FunctionLabel label) {
  constexpr std::chrono::milliseconds kPatience{200};  // one that is stuck is asked again
  return std::ranges::all_of(workers_,
                             [&](const auto& worker) { return worker->forget(label, kPatience); });
}

void Gateway::apply(const Config& config) {
  label_keeper_->make_room(functions_named(routing_of(config)));
  for (const auto& worker : workers_) {
    worker->reload(routing_of(config));
  }
  if (admin_certificate_ != nullptr) {
    admin_certificate_->set(config.admin_tls_material);
  }
  log::set_level(config.log_level);
  log::set_format(config.log_format);
  call_log_.set(config.log_access, config.log_slow_ms);
  rate_limits_->set(config.rate_limits);
  curve_clients_->set(config.curve_clients);
}

void Gateway::make_reloader(Reload load_again) {
  const auto is_reloading = [](const auto& worker) { return worker->reloading(); };
  ReloadParts parts;
  parts.load = std::move(load_again);
  parts.apply = [this](const Config& config) { apply(config); };
  parts.pending = [this, is_reloading] { return std::ranges::any_of(workers_, is_reloading); };
  parts.on_begin = [this] { manager_.reloading(); };
  parts.on_end = [this] {
    reloading_ = true;  // until no worker is at it any more, which may be so already
    uv_async_send(progress_.get());
  };
  reloader_ = std::make_unique<Reloader>(config_, std::move(parts));
}

// Workers report each step, and the service manager is told what has become true of all of them.
void Gateway::on_progress() {
  if (exited_ == workers_.size()) {
    return uv_stop(&loop_);
  }
  if (shutdown_->begun()) {
    if (std::ranges::all_of(workers_, [](const auto& worker) { return worker->closed(); })) {
      tls_sockets_.clear();
      tcp_sockets_.clear();  // from here on the kernel refuses connections
    }
    return;
  }
  const auto reloading = [](const auto& worker) { return worker->reloading(); };
  const bool reloaded =
      std::ranges::none_of(workers_, reloading) && reloading_.exchange(false) && ready_;
  const bool settled = !ready_ && readiness().ready;
  if (!reloaded && !settled) {
    return;
  }
  ready_ = true;
  const std::string last = reloader_->last_result();
  manager_.ready(fmt::format("serving on {}{}{}", addresses_, last.empty() ? "" : "; ", last));
}

int Gateway::run() {
  watchdog_ = std::make_unique<Watchdog>(&loop_, manager_, workers_);
  uv_run(&loop_, UV_RUN_DEFAULT);
  const int status = exit_status();
  ignore_signals(status);
  return status;
}

int Gateway::exit_status() const {
  uint32_t cut_off = 0;
  for (const auto& worker : workers_) {
    cut_off += worker->cut_off();
  }
  log::info("stopped", {{"calls_cut_off", cut_off}});
  manager_.status(fmt::format("stopped, {} calls cut off", cut_off));
  return cut_off == 0 ? 0 : 1;
}

}  // namespace zerogate
