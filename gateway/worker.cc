#include "gateway/worker.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace zerogate {

namespace {

/// How long libzmq may go on sending replies after the last call was answered.
constexpr int kZmqLingerMs = 1'000;

}  // namespace

Worker::Worker(const WorkerOptions& options, const FunctionLabels& labels)
    : options_(options),
      metrics_(labels),
      router_(labels),
      calls_(options.max_in_flight, metrics_),
      dispatcher_(router_, calls_) {
  uv_loop_init(&loop_);
  const auto init_async = [](uv_loop_t* loop, uv_async_t* handle) {
    uv_async_init(loop, handle,
                  [](uv_async_t* async) { static_cast<Worker*>(async->data)->on_order(); });
  };
  order_signal_ = make_uv<uv_async_t>(&loop_, init_async, this);
  drain_timer_ = make_uv<uv_timer_t>(&loop_, uv_timer_init, this);
  turn_ = std::make_unique<Turn>(&loop_);

  if (std::ranges::any_of(options.handlers, needs_redis)) {
    redis_ = std::make_unique<RedisClient>(&loop_, *turn_, metrics_.redis, options.redis);
  }
  handlers_ = make_handlers(options.handlers, redis_.get());
  router_.add(ConnectService::kName, connect_);
  for (const NamedService& handler : handlers_) router_.add(handler.name, *handler.service);

  // At a turn's end commands leave for Redis first (it works while we write), then the replies;
  // the calls' durations end when these are written; the worker itself looks at the result.
  tcp_ = std::make_unique<TcpListener>(&loop_, *turn_, dispatcher_, metrics_.of(Protocol::tcp),
                                       options.tcp);
  zmq_ = std::make_unique<ZmqListener>(&loop_, *turn_, dispatcher_, metrics_.of(Protocol::zmq),
                                       options.zmq);
  turn_->add(calls_);
  turn_->add(*this);
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
  uv_run(&loop_, UV_RUN_DEFAULT);
  const int closed = uv_loop_close(&loop_);
  assert(closed == 0);
  (void)closed;
}

Status Worker::listen(const ListenSocket* tcp, const ListenSocket* zmq) {
  if (tcp != nullptr) {
    if (Status status = tcp_->listen(*tcp); !status) return status;
  }
  return zmq != nullptr ? zmq_->listen(*zmq) : ok_status();
}

void Worker::start(std::function<void()> on_exit) {
  thread_ = std::thread([this, on_exit = std::move(on_exit)] {
    uv_run(&loop_, UV_RUN_DEFAULT);
    shut_down();
    on_exit();
  });
}

void Worker::drain() { give(Order::drain); }
void Worker::stop() { give(Order::stop); }

void Worker::give(Order order) {
  order_ = order;
  uv_async_send(order_signal_.get());
}

void Worker::on_order() {
  if (order_ == Order::stop) return finish();
  if (!draining_) begin_drain();
}

void Worker::begin_drain() {
  draining_ = true;
  dispatcher_.drain();
  tcp_->stop_accepting();
  zmq_->stop_accepting();
  uv_timer_start(
      drain_timer_.get(), [](uv_timer_t* timer) { static_cast<Worker*>(timer->data)->finish(); },
      options_.drain_timeout_ms, 0);
}

void Worker::end_of_turn() {
  notice_churn();
  if (!settled_) settled_ = redis_ == nullptr || redis_->settled();
  if (draining_ && calls_.in_flight() == 0 && tcp_->flushed()) finish();
}

void Worker::notice_churn() {
  uint64_t gone = 0;
  for (const TransportMetrics& transport : metrics_.transport) {
    gone += transport.accepted.value() - transport.connections.value();
  }
  if (gone < gone_noticed_ + kChurn) return;
  gone_noticed_ = gone;
  options_.on_churn();
}

void Worker::finish() {
  cut_off_ = calls_.in_flight();
  uv_stop(&loop_);
}

// Whoever answers calls goes first, so that every call under way gets its error while there is
// still a way back; then those who bring answers. The loop runs once more to close the handles.
void Worker::shut_down() {
  redis_.reset();
  handlers_.clear();
  assert(calls_.in_flight() == 0);
  tcp_->end_of_turn();
  tcp_.reset();
  zmq_->set_linger(kZmqLingerMs);
  zmq_.reset();
  calls_.end_of_turn();
  turn_.reset();
  drain_timer_.reset();
  uv_unref(reinterpret_cast<uv_handle_t*>(order_signal_.get()));
  uv_run(&loop_, UV_RUN_DEFAULT);
}

}  // namespace zerogate
