#include "gateway/runtime/worker.h"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "core/listener/zmq_listener.h"
#include "core/listener/zmtp_listener.h"
#include "core/sdk/functions.h"

namespace zerogate {
namespace {

[[gnu::cold]] void answer_without_redis(RedisRequest& request) {
  RedisReply reply;
  reply.status = RedisReply::Status::error;
  reply.text = "the function was added without redis";
  request.on_reply(reply);
}

}  // namespace

Worker::Worker(const WorkerOptions& options, FunctionLabels& labels)
    : options_(options),
      memory_(options.memory, options.socket_buffer),
      labels_(labels),
      metrics_(labels),
      calls_(options.max_in_flight, metrics_,
             options.call_log != nullptr ? *options.call_log : no_call_log_),
      dispatcher_(calls_, options.rate_limits) {
  const auto init_async = [](uv_loop_t* loop, uv_async_t* handle) {
    uv_async_init(loop, handle,
                  [](uv_async_t* async) { static_cast<Worker*>(async->data)->on_order(); });
  };
  order_signal_ = make_uv<uv_async_t>(loop_.uv(), init_async, this);

  make_functions();
  // At a turn's end requests leave for backends and Redis first (they work while we write), then
  // the replies; the worker itself looks at the result. The calls' durations end with the turn.
  bridge_ = std::make_unique<Bridge>(
      loop_, metrics_,
      BridgeOptions{.max_message = options.tcp.max_message,
                    .request_memory = options.request_memory,
                    .memory = &memory_,
                    .identity = options.identity,
                    .names = options.names,
                    .states = options.redis.states,
                    .by_hand = options.by_hand,
                    .tls_loop = tls_loop_.get(),
                    .learn = [this](ByteView name) { return labels_.learn(name); }});
  prepare(options.routing);
  take_over_routing();
  metrics_.memory_limit.set(memory_.limit());
  loop_.add(*this);
  loop_.set_observer(*this);
}

// Functions come first at a turn's end: what they send leaves in the same turn.
void Worker::make_functions() {
  const Functions& functions = served_functions();
  functions_ =
      std::make_unique<FunctionRuntime>(FunctionEnvironment{.loop = &loop_,
                                                            .timers = &loop_.timers(),
                                                            .labels = &labels_,
                                                            .redis = this,
                                                            .backends = this,
                                                            .blocking = &functions.blocking(),
                                                            .failures = &functions.failures()});
  contract_service_ = std::make_unique<sdk::ContractService>(*functions_, contract_routes_);
}

void Worker::send_to_redis(ByteView command, RedisRequest& request) {
  redis_ != nullptr ? redis_->send(command, request) : answer_without_redis(request);
}

Service* Worker::find_service(std::string_view backend) { return routing_->find_service(backend); }

// Handlers stay once they are made: an order may be under way in them, and an idle one costs
// nothing. The same goes for the connection to Redis.
void Worker::prepare(const RouteTableOptions& options) {
  const auto missing = [this](const std::string& name) {
    return std::ranges::none_of(handlers_, [&](const auto& made) { return made.name == name; });
  };
  std::vector<std::string> names;
  std::ranges::copy_if(options.handlers, std::back_inserter(names), missing);
  if (redis_ == nullptr && std::ranges::any_of(names, needs_redis)) {
    redis_network_.set_max_message(options_.tcp.max_message);
    redis_network_.charge(memory_);
    secure_redis(options.redis_tls);
    const RedisContext context = {
        .loop = &loop_, .timers = &loop_.timers(), .network = &redis_network_, .seed = uv_hrtime()};
    redis_ = std::make_unique<RedisClient>(context, metrics_.redis, options_.redis);
  }
  std::ranges::move(make_handlers(names, *functions_), std::back_inserter(handlers_));
  for (const std::string& name : functions_named(options)) {
    labels_.learn(name);
  }
  next_routing_ =
      std::make_unique<RouteTable>(options, labels_, handlers_, *bridge_, contract_service_.get());
}

void Worker::take_over_routing() {
  dispatcher_.set_router(next_routing_->router());
  routing_ = std::move(next_routing_);
  const std::lock_guard lock(reload_mutex_);
  if (reload_ || !reloading_) {
    return;
  }
  reloading_ = false;
  options_.on_progress();
}

// The signal's handle lives until here, so that drain() and stop() stay safe to call while the
// thread ends by itself.
Worker::~Worker() {
  if (thread_.joinable()) {
    thread_.join();
  } else {
    shut_down();  // never started
  }
  order_signal_.reset();
}

Status Worker::listen(Protocol protocol, const ListenSocket& socket) {
  return add_listener(make_listener(protocol), socket);
}

Status Worker::listen_curve(const ListenSocket& socket) {
  ZmqOptions options = options_.zmq;
  options.curve = options_.curve;
  options.max_connections = options_.curve_connections;
  options.memory = &memory_;
  return add_listener(
      std::make_unique<ZmqListener>(loop_, dispatcher_, metrics_.of(Protocol::zmq), options),
      socket);
}

Status Worker::add_listener(std::unique_ptr<Listener> listener, const ListenSocket& socket) {
  loop_.remove(*this);
  listeners_.push_back(std::move(listener));
  loop_.add(*this);  // the worker stays the last at a turn's end
  return listeners_.back()->listen(socket);
}

std::unique_ptr<Listener> Worker::make_listener(Protocol protocol) {
  ListenerMetrics& metrics = metrics_.of(protocol);
  if (protocol == Protocol::tcp) {
    StreamOptions options = options_.tcp;
    charge(options);
    return std::make_unique<TcpListener>(loop_, dispatcher_, metrics, options);
  }
  ZmqOptions options = options_.zmq;
  charge(options);
  return std::make_unique<ZmtpListener>(loop_, dispatcher_, metrics, options);
}

void Worker::start(std::function<void()> on_exit) {
  thread_ = std::thread([this, on_exit = std::move(on_exit)] {
    pthread_setname_np(pthread_self(), "worker");  // as top -H shows it
    loop_.run();
    shut_down();
    ended_ = true;
    on_exit();
  });
}

void Worker::drain() { give(Command::drain); }
void Worker::stop() { give(Command::stop); }

void Worker::reload(RouteTableOptions routing) {
  {
    const std::lock_guard lock(reload_mutex_);
    reload_ = std::move(routing);
    reloading_ = true;
  }
  uv_async_send(order_signal_.get());
}

void Worker::order(const EndpointOrder& order) {
  {
    const std::lock_guard lock(reload_mutex_);
    orders_.push_back(order);
  }
  uv_async_send(order_signal_.get());
}

uint64_t Worker::ping() {
  const uint64_t ticket = ++asked_;
  uv_async_send(order_signal_.get());
  return ticket;
}

bool Worker::forget(FunctionLabel label, std::chrono::milliseconds patience) {
  bool used = true;
  const auto question = [&] {
    for (const auto& routing : {&routing_, &next_routing_}) {
      if (*routing != nullptr) {
        (*routing)->router().forget(label);
      }
    }
    dispatcher_.forget(label);
    bridge_->forget(label);
    used = calls_.uses(label);
  };
  const auto wake = [this] { uv_async_send(order_signal_.get()); };
  return !ended_ && questions_.ask(question, wake, patience) && !used;
}

bool Worker::list_clients(ClientList& list, std::chrono::milliseconds patience) {
  const auto question = [this, &list] {
    for (const auto& listener : listeners_) {
      listener->list_clients(list);
    }
    for (ClientInfo& client : list.clients) {
      client.function = labels_.name_now(client.label);
    }
  };
  return !ended_ && questions_.ask(
                        question, [this] { uv_async_send(order_signal_.get()); }, patience);
}

void Worker::give(Command command) {
  if (command_ != Command::stop) {
    command_ = command;  // nothing takes a stop back
  }
  uv_async_send(order_signal_.get());
}

void Worker::on_order() {
  answered_ = asked_.load();
  if (shutting_down_) {  // the loop runs on to close its handles; a reload would make new ones
    if (linger_timer_.active() && command_ == Command::stop) {
      loop_.stop();
    }
    return;
  }
  questions_.answer_all();
  if (command_ == Command::stop) {
    return finish();
  }
  if (command_ == Command::drain && !draining_) {
    begin_drain();
  }
  std::optional<RouteTableOptions> routing;
  std::vector<EndpointOrder> orders;
  {
    const std::lock_guard lock(reload_mutex_);
    routing.swap(reload_);
    orders.swap(orders_);
  }
  std::ranges::for_each(orders, [this](const EndpointOrder& order) { obey(order); });
  if (routing) {
    renew_tls(*routing);
    prepare(*routing);
  }
}

void Worker::obey(const EndpointOrder& order) {
  if (order.action == EndpointOrder::Action::clear) {
    bridge_->clear(order.backend, order.endpoint);
  } else {
    bridge_->look_at_orders();
  }
}

void Worker::begin_drain() {
  draining_ = true;
  dispatcher_.drain();
  for (const auto& listener : listeners_) {
    listener->drain();
  }
  drain_timer_.start(options_.drain_timeout_ms);
}

void Worker::end_of_turn() {
  if (shutting_down_) {
    if (linger_timer_.active() && all(&Listener::empty)) {
      loop_.stop();
    }
    return;
  }
  notice_churn();
  if (next_routing_ != nullptr && next_routing_->settled()) {
    take_over_routing();
  }
  if (!settled_ && routing_->settled() && (redis_ == nullptr || redis_->settled())) {
    settled_ = true;
    options_.on_progress();
  }
  memory_keeper_.keep(listeners_, loop_.now_ms());
  if (draining_) {
    go_on_draining();
  }
}

bool Worker::all(bool (Listener::*is)() const) const {
  return std::ranges::all_of(listeners_, [is](const auto& one) { return ((*one).*is)(); });
}

void Worker::go_on_draining() {
  if (!closed_ && all(&Listener::closed)) {
    closed_ = true;
    options_.on_progress();
  }
  if (!closed_ || calls_.in_flight() != 0 || !all(&Listener::flushed)) {
    return;
  }
  if (!leaving_) {
    leaving_ = true;
    for (const auto& listener : listeners_) {
      listener->leave();
    }
    leave_timer_.start(kLeaveMs);
  }
  if (all(&Listener::empty)) {
    finish();
  }
}

void Worker::on_turn_begin(uint64_t began_ns) {
  metrics_.loop.busy_since_ns.set(began_ns);
  dispatcher_.refresh_limits();
}

void Worker::on_turn_end(uint64_t began_ns, uint64_t ended_ns) {
  metrics_.loop.lag.observe(ended_ns - began_ns);
  metrics_.loop.busy_since_ns.set(0);
  calls_.on_turn_end(ended_ns);
  metrics_.show(memory_);
}

void Worker::notice_churn() {
  uint64_t gone = 0;
  for (const ListenerMetrics& transport : metrics_.transport) {
    gone += transport.accepted.value() - transport.connections.value();
  }
  if (gone < gone_noticed_ + kChurn) {
    return;
  }
  gone_noticed_ = gone;
  options_.on_churn();
}

void Worker::finish() {
  cut_off_ = calls_.in_flight();
  loop_.stop();
}

// A peer that is read from no more has what it was sent, or this long to read it: the kernel
// forgets what it has not delivered when a connection is closed that has more to be read.
void Worker::linger() {
  if (command_ == Command::stop || all(&Listener::flushed)) {
    return;
  }
  linger_timer_.start(kLingerMs);
  loop_.run();
  linger_timer_.stop();
}

// What answers calls goes first, so that every call under way gets its error while there is
// still a way back; then what brings answers. The loop runs once more to close the handles.
void Worker::shut_down() {
  shutting_down_ = true;
  dispatcher_.drain();  // the answers below make room for frames that wait: their services are gone
  functions_->fail_all();
  redis_.reset();
  bridge_->fail_all();
  assert(calls_.in_flight() == 0);
  for (const auto& listener : listeners_) {
    listener->finish();
  }
  calls_.on_turn_end(uv_hrtime());  // the access log asks the listeners for its callers
  linger();
  calls_.on_turn_end(uv_hrtime());  // of calls that were refused meanwhile
  listeners_.clear();
  tls_listener_ = nullptr;
  next_routing_.reset();
  routing_.reset();
  bridge_.reset();
  handlers_.clear();
  contract_service_.reset();
  functions_.reset();
  drain_timer_.stop();
  leave_timer_.stop();
  tls_loop_.reset();
  memory_keeper_.stop();
  uv_unref(reinterpret_cast<uv_handle_t*>(order_signal_.get()));
  loop_.close();
}

}  // namespace zerogate
