// One simulated run: a worker, its clients and servers, and what befalls them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <vector>

#include "core/rpc/rate_limits.h"
#include "gateway/runtime/worker.h"
#include "tests/simulation/curve_client.h"
#include "tests/simulation/descriptors.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/names.h"
#include "tests/simulation/network.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/redis_server.h"
#include "tests/simulation/tally.h"
#include "tests/simulation/tcp_client.h"
#include "tests/simulation/tcp_server.h"
#include "tests/simulation/world.h"
#include "tests/simulation/zmq_bus.h"
#include "tests/simulation/zmq_client.h"
#include "tests/simulation/zmq_server.h"

namespace zerogate::simulation {

/// The whole Worker is the gateway's own. It runs on its thread; this one waits meanwhile.
///
/// First the storm, for some seconds. Then everything is healed, and a calm of kCalm in which what
/// the gateway has promised must come true: every call is answered, and every server is used again.
/// Then the worker ends, by a drain or at once.
class Storm {
 public:
  /// What can take longest: a client that has vanished keeps its place among limits.connections for
  /// 60 s, and 30 s more (StreamSession). A server that never was up is tried every 30 s, one that
  /// was set aside comes back after 30 s, each with half as much jitter.
  static constexpr uint64_t kCalm = 100 * kSecond;

  Storm(uint64_t seed, bool verbose);
  ~Storm();
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

  /// Returns when the worker has ended, and adds what it has counted. What is broken ends the
  /// process.
  void run(Tally& tally);
  uint64_t trace() const { return world_.hash(); }
  size_t calls() const { return ledger_.size(); }

 private:
  static constexpr const char* kStranger = "stranger.sim";

  enum class Phase : uint8_t { storm, calm, probing, ending };

  void make_peers();
  void make_clients();
  /// Gives it what it needs for the port, when that speaks TLS.
  void secure(TcpClient::Manners& manners, size_t client) const;
  void start_worker();

  // The storm: storm.cc.
  void schedule_call();
  void schedule_fault();
  void call_once();
  Function any_function();
  void befall(Fault fault);
  void befall_client(Fault fault);
  void befall_server(Fault fault);
  void befall_zmq_server(Fault fault);
  uint32_t often();
  void befall_names(Fault fault);
  void befall_redis(Fault fault);
  void befall_worker(Fault fault);
  void let_strangers_call();
  /// Many calls at once: they arrive in one turn.
  template <class Client>
  void flood(Client& client) {
    const Function function = any_function();
    for (uint64_t left = world_.between(2, 20); left > 0 && client.may_call(); --left) {
      client.call(function, world_.random.below(plan_.largest_argument));
    }
  }
  /// All clients at once.
  void begin_frames();
  void leave_under_load();
  void heal();

  // The same at the ports that speak ZeroMQ: storm_zmq.cc.
  void call_over_zmq();
  template <class Client>
  void befall(Client& client, Fault fault);
  void befall_zmq_client(Fault fault);
  void make_curve_clients();
  std::unique_ptr<CurveClient> make_curve_client(size_t number);
  void call_over_curve();
  void befall_curve_client(Fault fault);
  void let_curve_strangers_knock();
  /// The keys of all clients may call from now on, or of half of them.
  void let_in(bool all);

  // Afterwards: judge.cc.
  void judge_calm();
  void probe(size_t left);
  void judge_probes();
  /// Connections and requests that a port has refused or ended by itself, for all reasons.
  uint64_t rejected(Protocol protocol) const;
  void judge_clients();
  void judge_curve_clients() const;
  void tell_backends() const;
  void leave();
  void begin_drain();
  void on_progress();
  void after_turn();
  uint64_t in_flight() const;
  void judge_in_flight(bool at_end) const;
  void judge_spinning();
  void judge_durations();
  void judge_end();

  // Counters against what has happened: judge_counters.cc.
  void judge_traffic();
  void judge_malformed(const ListenerMetrics& metrics) const;
  void judge_attempts() const;
  void judge_redis() const;
  void judge_leave() const;

  // What has a limit: judge_limits.cc.
  void judge_limits();
  void judge_curve_limit();
  void judge_memory();
  uint64_t most_behind_calls();
  void judge_queues();
  void judge_rates() const;
  void judge_strangers() const;

  World world_;
  Network network_{world_};
  Descriptors descriptors_;
  Names names_{world_};
  ZmqBus bus_;
  Ledger ledger_;
  Plan plan_;
  Phase phase_ = Phase::storm;
  bool draining_ = false;
  FunctionLabels labels_{{}};
  RateLimits rate_limits_;
  uint32_t free_turns_ = 0;  ///< in a row, of many bytes of requests and nothing that they wait for
  uint32_t over_limit_turns_ = 0;  ///< in a row, with more connections over CURVE
  uint64_t over_limit_for_ = 0;    ///< nanoseconds
  uint64_t turn_seen_ = 0;
  bool rates_stood_ = true;  ///< no reload has taken the rate limits away
  uint64_t began_ns_ = world_.now();
  std::optional<ListenSocket> tcp_port_;
  std::optional<ListenSocket> zmq_port_;
  std::optional<ListenSocket> curve_port_;
  RedisStore store_;
  std::vector<std::unique_ptr<RedisServer>> redis_;
  std::vector<std::unique_ptr<TcpServer>> servers_;
  std::vector<std::unique_ptr<ZmqServer>> zmq_servers_;
  std::vector<std::unique_ptr<TcpClient>> clients_;
  std::vector<std::unique_ptr<TcpClient>> strangers_;  ///< whose certificates are not good
  std::vector<std::unique_ptr<ZmqClient>> zmq_clients_;
  std::vector<std::unique_ptr<CurveClient>> curve_clients_;
  std::vector<std::unique_ptr<CurveClient>> curve_strangers_;
  std::vector<uint32_t> unwelcome_;  ///< calls under a key that may not call any more
  bool all_let_in_ = true;
  std::unique_ptr<Worker> worker_;
  std::binary_semaphore ended_{0};
  bool over_ = false;
  uint64_t turns_ = 0;
  uint64_t happened_ = 0;    ///< in the world, as of the last turn
  uint64_t idle_turns_ = 0;  ///< since then
  uint64_t pass_next_ = 0;   ///< time that the next callback takes
  std::unique_ptr<TcpClient> prober_;
  std::unique_ptr<ZmqClient> zmq_prober_;
  std::unique_ptr<CurveClient> curve_prober_;
  size_t probed_ = 0;  ///< calls whose answers have been looked at
};

}  // namespace zerogate::simulation
