// hot_path: drives a worker turn by turn, the same way each time, so that callgrind can count what
// a call costs in the gateway. Run by tests/bench/instructions, which says what is counted.
//
//   hot_path NAME ROUNDS    the calls that were made in counted_turn(), on stdout
//   hot_path --list         the names

#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "gateway/runtime/worker.h"
#include "tests/bench/step_peers.h"

namespace zerogate::bench {

// Outside the anonymous namespace and never inlined: callgrind knows them by name. The turns of the
// warm-up do the same and are not counted.
[[gnu::noinline]] void counted_turn(Worker& worker) {
  worker.run_turn();
  asm volatile("");  // no tail call: the function is left when the turn has ended
}
[[gnu::noinline]] void warm_up_turn(Worker& worker) {
  worker.run_turn();
  asm volatile("" ::: "memory");
}

namespace {

constexpr uint32_t kWarmUpRounds = 20;
constexpr ByteView kNil = "\xc0";
constexpr ByteView kOrder =
    "\x82\xa7user_id\xa1"
    "1\xa5items\x92\xa5"
    "apple\xa6python";

enum class From { tcp, zmq };
enum class Behind { nothing, redis, tcp_backend, zmq_backend };

struct Path {
  const char* name;
  From from;
  Behind behind;
  uint32_t connections;
  uint32_t depth;
};
constexpr Path kPaths[] = {
    {"tcp_hello_64x1", From::tcp, Behind::nothing, 64, 1},
    {"tcp_hello_64x16", From::tcp, Behind::nothing, 64, 16},
    {"zmq_hello_8x8", From::zmq, Behind::nothing, 8, 8},
    {"zmq_hello_8x64", From::zmq, Behind::nothing, 8, 64},
    {"tcp_save_order_64x1", From::tcp, Behind::redis, 64, 1},
    {"zmq_save_order_8x8", From::zmq, Behind::redis, 8, 8},
    {"bridge_zmq_to_tcp_8x8", From::zmq, Behind::tcp_backend, 8, 8},
    {"bridge_tcp_to_zmq_64x1", From::tcp, Behind::zmq_backend, 64, 1},
};

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "hot_path.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      std::exit(1);
    }
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

class Run {
 public:
  Run(const Path& path, const std::string& folder)
      : path_(path), tcp_(folder + "/tcp"), zmq_(folder + "/zmq"), behind_(folder + "/behind") {
    if (path.behind == Behind::redis) {
      redis_ = std::make_unique<RedisStepServer>(behind_);
    }
    if (path.behind == Behind::tcp_backend) {
      to_tcp_ = std::make_unique<TcpStepBackend>(behind_);
    }
    if (path.behind == Behind::zmq_backend) {
      to_zmq_ = std::make_unique<ZmqStepBackend>(behind_);
    }
    worker_ = std::make_unique<Worker>(options(), labels_);
    listen(Protocol::tcp, tcp_);
    listen(Protocol::zmq, zmq_);
    settle();
    connect();
  }

  /// Returns the calls made.
  uint64_t go(uint32_t rounds) {
    for (uint32_t i = 0; i < kWarmUpRounds; ++i) {
      round(&warm_up_turn);
    }
    const uint64_t before = ended();
    for (uint32_t i = 0; i < rounds; ++i) {
      round(&counted_turn);
    }
    return ended() - before;
  }

 private:
  using EventLoop = void (*)(Worker&);

  [[noreturn]] static void fail(const std::string& text) {
    fmt::print(stderr, "hot_path: {}\n", text);
    std::exit(1);
  }

  void listen(Protocol protocol, const std::string& path) {
    auto opened = ListenSocket::open(Address{"", 0, path}, false);
    if (!opened) {
      fail(opened.error());
    }
    sockets_.push_back(std::move(opened).value());
    if (const Status status = worker_->listen(protocol, sockets_.back()); !status) {
      fail(status.error());
    }
  }

  WorkerOptions options() const {
    WorkerOptions options;
    options.zmq.keep_alive_ms = 3'600'000;  // no timer comes between two turns
    options.redis.url.path = behind_;
    options.redis.timeout_ms = kPatienceMs;  // under callgrind all is fifty times slower
    if (bridged()) {
      BackendOptions backend;
      backend.name = "backend";
      backend.urls = {{path_.behind == Behind::tcp_backend ? Protocol::tcp : Protocol::zmq,
                       Address{"", 0, behind_}}};
      if (path_.behind == Behind::tcp_backend) {
        // Whether `auto` pipelines depends on how fast the machine is, here with valgrind.
        backend.in_flight = kInFlight;
      }
      backend.connect_timeout_ms = backend.timeout_ms = kPatienceMs;
      options.routing.backends = {backend};
      options.routing.routes = {{{"*"}, "backend", 0}};
    } else {
      options.routing.handlers = {function()};
    }
    return options;
  }
  bool bridged() const {
    return path_.behind == Behind::tcp_backend || path_.behind == Behind::zmq_backend;
  }
  const char* function() const {
    return path_.behind == Behind::redis ? "save_order" : "hello_world";
  }

  /// Until Redis and the backend are connected, and every link is.
  void settle() {
    if (to_zmq_) {
      to_zmq_->accept();
    }
    bool answered = false;
    for (int quiet = 0; quiet < 50;) {
      worker_->run_turn();
      if (to_zmq_ && !answered) {
        to_zmq_->step(1);  // `connect`
        answered = true;
      }
      if (redis_) {
        redis_->step();
      }
      if (to_tcp_) {
        to_tcp_->step();
      }
      if (worker_->settled()) {
        ++quiet;
      }
    }
  }

  void connect() {
    const ByteView argument = path_.behind == Behind::redis ? kOrder : kNil;
    for (uint32_t i = 0; i < path_.connections; ++i) {
      if (path_.from == From::tcp) {
        tcp_clients_.emplace_back(tcp_, path_.depth, function(), argument);
      } else {
        zmq_clients_.emplace_back(zmq_, path_.depth, function(), argument);
        zmq_clients_.back().connect();
      }
    }
    for (int turn = 0; turn < kGreetingTurns; ++turn) {
      worker_->run_turn();
    }
    for (auto& client : zmq_clients_) {
      client.take_greeting();
    }
  }

  /// Every client asks; then turns until everything is answered; then every client takes it.
  void round(EventLoop turn) {
    for (auto& client : tcp_clients_) {
      client.send();
    }
    for (auto& client : zmq_clients_) {
      client.send();
    }
    const uint64_t calls = uint64_t{path_.connections} * path_.depth;
    const uint64_t goal = ended() + calls;
    for (int turns = 0; ended() < goal; ++turns) {
      if (turns == kMaxTurns) {
        fail("the calls of a round are not answered");
      }
      turn(*worker_);
      if (redis_) {
        redis_->step();
      }
      if (to_tcp_) {
        to_tcp_->step();
      }
      if (to_zmq_ && turns == 0) {
        to_zmq_->step(static_cast<uint32_t>(calls));
      }
    }
    for (auto& client : tcp_clients_) {
      client.receive();
    }
    for (auto& client : zmq_clients_) {
      client.receive();
    }
  }

  uint64_t ended() const {
    uint64_t sum = 0;
    for (const FunctionLabel label : {labels_.find(function()), FunctionLabels::other()}) {
      for (const Wire wire : {Wire::t3, Wire::w5}) {
        sum += worker_->metrics().ended(label, wire, Outcome::ok);
      }
    }
    return sum;
  }

  static constexpr int kMaxTurns = 10'000;
  static constexpr int kGreetingTurns = 4;  // of which two do it: one accepts, one reads
  static constexpr uint32_t kInFlight = 16;
  static constexpr uint32_t kPatienceMs = 60'000;
  const Path path_;
  const std::string tcp_, zmq_, behind_;
  FunctionLabels labels_{{"hello_world", "save_order"}};
  std::list<ListenSocket> sockets_;
  std::unique_ptr<RedisStepServer> redis_;
  std::unique_ptr<TcpStepBackend> to_tcp_;
  std::unique_ptr<ZmqStepBackend> to_zmq_;
  std::unique_ptr<Worker> worker_;
  std::vector<TcpStepClient> tcp_clients_;
  std::vector<ZmqStepClient> zmq_clients_;
};

int run(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  if (name == "--list") {
    for (const Path& path : kPaths) {
      fmt::print("{}\n", path.name);
    }
    return 0;
  }
  signal(SIGPIPE, SIG_IGN);
  log::set_level(log::Level::off);
  for (const Path& path : kPaths) {
    if (name != path.name || argc != 3) {
      continue;
    }
    const Folder folder;
    fmt::print("{}\n", Run(path, folder.path).go(static_cast<uint32_t>(std::atoi(argv[2]))));
    return 0;
  }
  fmt::print(stderr, "usage: hot_path NAME ROUNDS; hot_path --list prints the names\n");
  return 2;
}

}  // namespace
}  // namespace zerogate::bench

int main(int argc, char** argv) { return zerogate::bench::run(argc, argv); }
