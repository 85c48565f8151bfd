#include "tests/fuzz/session/session.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "tests/simulation/fake_uv.h"

namespace zerogate::fuzz {
namespace {

using simulation::kMs;
using simulation::kSecond;
using simulation::kUs;
using simulation::loop_hooks;
using simulation::violated;

constexpr size_t kMostOperations = 120;
constexpr uint64_t kBetween = 300 * kUs;  ///< operations: longer than any latency
constexpr uint64_t kMostWaiting = 20 * kSecond;
constexpr size_t kMostFiller = 512 << 10;
constexpr const char* kA1 = "10.0.1.1:7000";
constexpr const char* kA2 = "10.0.1.2:7000";
constexpr const char* kC = "10.0.3.1:7000";
constexpr const char* kRedisName = "redis.sim";
constexpr const char* kRedisHost = "10.0.9.1";

// The bits of the plan.
constexpr size_t kPoorNetwork = 1;  ///< reads and writes are cut anywhere, buffers are small
constexpr size_t kTwoServers = 2;   ///< of backend a
constexpr size_t kAdaptive = 4;     ///< in_flight: auto
constexpr size_t kKeepAlive = 8;
/// Long messages, and little memory for them. Then ZeroMQ's connections are looked at each
/// millisecond, which would be most of the run: there are none, but a newcomer's.
constexpr size_t kLong = 16;

}  // namespace

Session::Session(ByteView input)
    : program_(input),
      seed_(program_.number()),
      plan_(program_.number()),
      calls_([this](Function function, ByteView body) {
        switch (function) {
          case Function::a_get:
          case Function::a_put:
          case Function::relay:
            return servers_[0]->said(body) || servers_[1]->said(body);
          case Function::c_put:
            return servers_[2]->said(body);
          case Function::get_order:
            return servers_[3]->said(body);
          default:
            return false;
        }
      }) {
  world_.verbose = std::getenv("ZEROGATE_FUZZ_TRACE") != nullptr;
  set_world(&world_);
  set_network(&network_);
  set_descriptors(&descriptors_);
  set_names(&names_);
  set_zmq_bus(&bus_);
  configure();
  const uint32_t most_waiting = (plan_ & kAdaptive) != 0 ? UINT32_MAX : a_.in_flight;
  const auto start = [](auto server) {
    server->start();
    return server;
  };
  servers_[0] = start(std::make_unique<TcpBackend>(kA1, most_waiting));
  servers_[1] = start(std::make_unique<TcpBackend>(kA2, most_waiting));
  servers_[2] = start(std::make_unique<ZmqBackend>(kC));
  servers_[3] = start(std::make_unique<Redis>(std::string(kRedisHost) + ":6379"));
  for (size_t i = 0; i < kTcpStrangers; ++i) {
    strangers_.push_back(std::make_unique<TcpStranger>("10.8.0." + std::to_string(i + 1) + ":40"));
  }
  for (size_t i = 0; i < kZmqStrangers; ++i) {
    zmq_strangers_.push_back(
        std::make_unique<ZmqStranger>("10.8.1." + std::to_string(i + 1) + ":40"));
  }
  honest_.push_back(std::make_unique<TcpCaller>(calls_, "10.8.2.1:40"));
  honest_.push_back(std::make_unique<TcpCaller>(calls_, "10.8.2.2:40"));
  zmq_honest_ = std::make_unique<ZmqCaller>(calls_, "10.8.2.3:40");
}

Session::~Session() { loop_hooks = {}; }

void Session::configure() {
  network_.plan.latency_most = 100 * kUs;
  if ((plan_ & kPoorNetwork) != 0) {
    network_.plan.short_one_in = 2;
    network_.plan.buffer = 700;
  }
  names_.has(kRedisName, {kRedisHost});
  const bool is_long = (plan_ & kLong) != 0;
  options_.identity = "gateway:simulate";  // as long as one is
  options_.max_in_flight = 8;
  options_.tcp.max_message = is_long ? 200 << 10 : 2'000;
  options_.tcp.max_connections = 5;
  options_.tcp.write_buffer = is_long ? 100 << 10 : 1'500;
  options_.tcp.receive_memory = is_long ? 600 << 10 : 3'000;
  options_.tcp.send_memory = is_long ? 600 << 10 : 6'000;
  options_.tcp.stall_timeout_ms = 1'000;
  options_.tcp.kept_capacity = 256;
  options_.zmq.max_message = options_.tcp.max_message;
  options_.zmq.max_connections = 4;
  options_.zmq.write_buffer = options_.tcp.write_buffer;
  options_.zmq.send_memory = options_.tcp.send_memory;
  options_.zmq.keep_alive_ms = (plan_ & kKeepAlive) != 0 ? 1'000 : 0;
  options_.request_memory = is_long ? 300 << 10 : 6'000;
  if (is_long) {
    options_.memory = 400 << 10;
  }
  options_.drain_timeout_ms = 500;
  options_.redis.url.host = kRedisName;
  options_.redis.timeout_ms = 200;
  options_.redis.max_pending = 3;
  a_.name = "a";
  a_.urls = {ServerUrl::parse(std::string("tcp://") + kA1).value()};
  if ((plan_ & kTwoServers) != 0) {
    a_.urls.push_back(ServerUrl::parse(std::string("tcp://") + kA2).value());
  }
  a_.connections = 2;
  a_.in_flight = (plan_ & kAdaptive) != 0 ? 0 : 1;
  c_.name = "c";
  c_.urls = {ServerUrl::parse(std::string("zmq://") + kC).value()};
  c_.in_flight = 3;
  for (BackendOptions* backend : {&a_, &c_}) {
    backend->queue = 3;
    backend->timeout_ms = 300;
    backend->connect_timeout_ms = 200;
    backend->eject_after = 3;
    backend->idempotent = {"*_get"};
  }
  options_.routing = routing(0);
}

RouteTableOptions Session::routing(size_t change) const {
  RouteTableOptions routing;
  routing.handlers = {"hello_world", "echo", "save_order", "get_order", "relay"};
  routing.backends = {a_, c_};
  routing.routes = {{{"a_get", "a_put"}, "a", 0}, {{"c_*"}, "c", 0}};
  switch (change) {
    case 1:
      routing.routes.pop_back();
      break;
    case 2:
      routing.handlers.erase(routing.handlers.begin() + 1);
      break;
    case 3:
      routing.backends[0].queue = 1;
      break;
    case 4:
      routing.backends[0].connections = 1;
      break;
    case 5:
      routing.backends[1].timeout_ms = 100;
      break;
    case 6:
      routing.backends[0].urls = {ServerUrl::parse(std::string("tcp://") + kA2).value()};
      break;
    default:
      break;
  }
  return routing;
}

void Session::start_worker() {
  loop_hooks.before_callback = [this] {
    if (pass_next_ != 0) {
      world_.pass(std::exchange(pass_next_, 0));
    }
  };
  loop_hooks.readable = [this](int fd) { return bus_.readable(fd); };
  loop_hooks.after_turn = [this] { after_turn(); };
  options_.on_progress = [this] { on_progress(); };
  worker_ = std::make_unique<Worker>(options_, labels_);
  listen(Protocol::tcp, kGatewayTcp, tcp_port_);
  listen(Protocol::zmq, kGatewayZmq, zmq_port_);
}

void Session::listen(Protocol protocol, const char* address, std::optional<ListenSocket>& port) {
  port.emplace(std::move(ListenSocket::open(Address::parse(address).value(), false)).value());
  if (!worker_->listen(protocol, *port).ok()) {
    violated("the worker does not listen");
  }
}

void Session::run() {
  start_worker();
  for (const auto& client : honest_) {
    client->connect();
  }
  if ((plan_ & kLong) == 0) {
    zmq_honest_->connect();
  }
  world_.in(5 * kMs, [this] { go_on(); });
  worker_->start([this] { ended_.release(); });
  ended_.acquire();
  judge_end();
  worker_.reset();
  tcp_port_.reset();
  zmq_port_.reset();
  if (descriptors_.count() != 0) {
    violated("the worker has ended, and not all of its descriptors are closed");
  }
}

void Session::go_on() {
  judge_counters(false);
  judge_limits();
  if (program_.done() || operations_ == kMostOperations) {
    return leave_room();
  }
  ++operations_;
  pause_ = kBetween;
  const Op op = program_.op();
  world_.note("operation", static_cast<uint64_t>(op));
  perform(op);
  world_.in(pause_, [this] { go_on(); });
}

void Session::perform(Op op) {
  switch (op) {
    case Op::connect:
    case Op::send:
    case Op::dribble:
    case Op::frame:
    case Op::filler:
    case Op::half_close:
    case Op::hang_up:
    case Op::reset:
    case Op::stop_reading:
    case Op::read_on:
      return perform_stranger(op);
    case Op::zmq_connect:
    case Op::zmq_send:
    case Op::zmq_pause:
    case Op::zmq_hang_up:
    case Op::zmq_bare:
    case Op::zmq_bytes:
      return perform_zmq_stranger(op);
    case Op::call: {
      const size_t client = program_.below(kHonest);
      const auto function = static_cast<Function>(program_.below(std::size(kFunctions)));
      return client < honest_.size() ? honest_[client]->call(function)
             : (plan_ & kLong) != 0  ? honest_[0]->call(function)
                                     : zmq_honest_->call(function);
    }
    case Op::leave: {
      const size_t client = program_.below(kHonest);
      return client < honest_.size() ? honest_[client]->hang_up() : zmq_honest_->hang_up();
    }
    case Op::mode:
    case Op::say:
    case Op::answer:
    case Op::disconnect:
      return perform_server(op);
    default:
      return perform_worker(op);
  }
}

void Session::perform_stranger(Op op) {
  TcpStranger& stranger = *strangers_[program_.below(kTcpStrangers)];
  switch (op) {
    case Op::connect:
      return stranger.connect();
    case Op::send:
      return stranger.send(program_.bytes());
    case Op::dribble:
      return stranger.send(program_.bytes(), true);
    case Op::frame:
      return stranger.send_frame(program_.bytes());
    case Op::filler:
      return send_filler(stranger);
    case Op::half_close:
      return stranger.half_close();
    case Op::reset:
      return stranger.reset();
    case Op::stop_reading:
      return stranger.set_reading(false);
    case Op::read_on:
      return stranger.set_reading(true);
    default:
      return stranger.hang_up();
  }
}

void Session::send_filler(TcpStranger& stranger) {
  const size_t unit = (plan_ & kLong) != 0 ? 4 << 10 : 50;
  const size_t size = program_.number() * unit;
  const size_t there = std::min(program_.number() * unit, kMostFiller - filled_);
  filled_ += there;
  stranger.send_filler(size, there);
}

void Session::perform_zmq_stranger(Op op) {
  ZmqStranger& stranger = *zmq_strangers_[program_.below(kZmqStrangers)];
  switch (op) {
    case Op::zmq_connect:
      return (plan_ & kLong) != 0 ? void() : stranger.connect();
    case Op::zmq_send:
      return stranger.send(program_.frames());
    case Op::zmq_bare:
      return (plan_ & kLong) != 0 ? void() : stranger.connect_bare();
    case Op::zmq_bytes:
      return stranger.send_bytes(program_.bytes());
    case Op::zmq_pause:
      return stranger.turn_pause();
    default:
      return stranger.hang_up();
  }
}

void Session::perform_server(Op op) {
  const size_t which = program_.below(kServers);
  Server& server = *servers_[which];
  if (op == Op::mode) {
    return server.set_mode(static_cast<Mode>(program_.below(kModes)));
  }
  const size_t connection = program_.number();
  switch (op) {
    case Op::say:
      return server.say(
          connection, which == 2 ? program_.frames() : std::vector{std::string(program_.bytes())});
    case Op::answer:
      return server.answer(connection, program_.bytes());
    default:
      return server.disconnect(connection, static_cast<End>(program_.below(kEnds)));
  }
}

void Session::wait(uint64_t ns) {
  pause_ = std::min(ns, kMostWaiting - waited_);
  waited_ += pause_;
}

void Session::perform_worker(Op op) {
  constexpr size_t kChanges = 7;
  switch (op) {
    case Op::together:
      pause_ = 0;
      return;
    case Op::wait:
      return wait(program_.number() * kMs);
    case Op::wait_long:
      return wait(program_.number() * 100 * kMs);
    case Op::long_turn:
      pass_next_ = program_.number() * 10 * kMs;
      return;
    case Op::reload:
      reloaded_ = true;
      return worker_->reload(routing(program_.below(kChanges)));
    case Op::descriptors:
      lacked_descriptors_ = true;
      descriptors_.limit = descriptors_.limit == kEnoughDescriptors
                               ? descriptors_.count() + program_.below(4)
                               : kEnoughDescriptors;
      return;
    case Op::names_change:
      switch (program_.below(4)) {
        case 0:
          return names_.has(kRedisName, {kRedisHost});
        case 1:
          return names_.has_no(kRedisName);
        case 2:
          return names_.fails(kRedisName);
        default:
          return names_.hangs(kRedisName);
      }
    default:
      return draining_ ? void() : begin_drain();
  }
}

void Session::heal() {
  descriptors_.limit = kEnoughDescriptors;
  names_.has(kRedisName, {kRedisHost});
  for (const auto& server : servers_) {
    server->heal();
  }
  for (const auto& stranger : zmq_strangers_) {
    stranger->hang_up();
  }
  if (reloaded_) {
    worker_->reload(routing(0));
  }
  constexpr uint64_t kCalm = 5 * kSecond;  ///< connections are tried every 1.5 s at the latest
  world_.in(kCalm, [this] { judge_honest(); });
}

}  // namespace zerogate::fuzz
