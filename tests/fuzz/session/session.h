// One run of the target `session`: a whole worker in the simulation's world, and peers that say
// what the input tells them to.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <vector>

#include "gateway/runtime/worker.h"
#include "tests/fuzz/session/callers.h"
#include "tests/fuzz/session/calls.h"
#include "tests/fuzz/session/program.h"
#include "tests/fuzz/session/servers.h"
#include "tests/fuzz/session/zmq_callers.h"
#include "tests/simulation/descriptors.h"
#include "tests/simulation/names.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"
#include "tests/simulation/zmq_bus.h"

namespace zerogate::fuzz {

/// The worker is the gateway's own, with limits so small that a short input reaches them. It runs
/// on its thread; this one waits meanwhile.
///
/// First the operations, one after the other. Then the clients that nothing was done to have to be
/// served: newcomers on both ports at once, though strangers are still there; and, once the servers
/// are honest again, every function. Then the worker ends.
class Session {
 public:
  /// The input's first byte is the seed of the world, the second the configuration.
  explicit Session(ByteView input);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run();
  /// Of two runs that were the same it is the same.
  uint64_t trace() const { return world_.hash(); }

 private:
  static constexpr size_t kTcpStrangers = 4;
  static constexpr size_t kZmqStrangers = 3;
  static constexpr size_t kHonest = 3;  ///< the last one over ZeroMQ
  static constexpr size_t kServers = 4;
  static constexpr size_t kEnoughDescriptors = 1'000'000;

  void configure();
  RouteTableOptions routing(size_t change) const;
  void start_worker();
  void listen(Protocol protocol, const char* address, std::optional<ListenSocket>& port);

  // The operations.
  void go_on();
  void perform(Op op);
  void perform_stranger(Op op);
  void perform_zmq_stranger(Op op);
  void perform_server(Op op);
  void perform_worker(Op op);
  void send_filler(TcpStranger& stranger);
  void wait(uint64_t ns);

  // What follows: session_end.cc.
  void leave_room();
  void probe_bystanders();
  void judge_bystanders();
  void heal();
  void judge_honest();
  void probe_next(size_t done);
  void finish();
  void begin_drain();
  void on_progress();
  void after_turn();
  void judge_counters(bool at_end);
  void judge_limits();
  void judge_end();

  Program program_;
  const uint64_t seed_;
  const size_t plan_;  ///< bits: see configure()
  simulation::World world_{seed_};
  simulation::Network network_{world_};
  simulation::Descriptors descriptors_;
  simulation::Names names_{world_};
  simulation::ZmqBus bus_;
  FunctionLabels labels_{{}};
  WorkerOptions options_;
  BackendOptions a_, c_;
  std::optional<ListenSocket> tcp_port_, zmq_port_;
  HonestCalls calls_;
  std::array<std::unique_ptr<Server>, kServers> servers_;
  std::vector<std::unique_ptr<TcpStranger>> strangers_;
  std::vector<std::unique_ptr<ZmqStranger>> zmq_strangers_;
  std::vector<std::unique_ptr<TcpCaller>> honest_;
  std::unique_ptr<ZmqCaller> zmq_honest_;
  std::unique_ptr<TcpCaller> prober_;
  std::unique_ptr<ZmqCaller> zmq_prober_;
  std::unique_ptr<Worker> worker_;
  std::binary_semaphore ended_{0};
  bool over_ = false;
  bool draining_ = false;
  bool lacked_descriptors_ = false;
  bool reloaded_ = false;
  size_t operations_ = 0;
  uint64_t pause_ = 0;       ///< before the next operation
  uint64_t waited_ = 0;      ///< by operations that wait
  uint64_t filled_ = 0;      ///< bytes of filler
  uint64_t pass_next_ = 0;   ///< time that the next callback takes
  uint64_t happened_ = 0;    ///< in the world, as of the last turn
  uint64_t last_turn_ = 0;   ///< when it was
  uint64_t idle_turns_ = 0;  ///< with nothing to do
};

}  // namespace zerogate::fuzz
