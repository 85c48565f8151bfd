#include "gateway/runtime/memory_budget.h"

#include <uv.h>

#include <algorithm>

#include "core/log/log.h"
#include "gateway/config/config.h"
#include "gateway/runtime/gateway.h"

namespace zerogate {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// The limit is the sum of these.
// - The program: its heap and the pages of code in use (3 MiB and 5 MiB with one thread).
constexpr uint64_t kProgram = 8 * kMiB;
// - Each thread: its stack, counters and libzmq's contexts.
constexpr uint64_t kThread = 1 * kMiB;
constexpr uint64_t kMostOfProgram = 4;  // of a very low limit both together are a quarter
// - What no count of ours knows: the kernel's page tables, the allocator's gaps. Half of it is for
//   what the kernel keeps of clients' connections, see below.
constexpr uint64_t kSparePart = 8;
// - Messages by which the account may be exceeded: one that is read, one that is copied from a
//   request to a reply, one that is copied to be written.
constexpr uint64_t kMessagePart = 16;
constexpr uint64_t kMessagesInHand = 3;
// - Of the rest: what Redis has not read yet,
constexpr uint64_t kRedisPart = 16;
// - the connections of clients, of which those of CURVE and of TLS cost thirty times as much as the
//   others,
constexpr uint64_t kConnectionsPart = 2;
constexpr uint64_t kCurveQuarters = 3;
constexpr uint64_t kTlsQuarters = 3;  // of what CURVE leaves
// - and what is left for the account: see MemoryAccount. Calls to backends, which it counts twice,
//   have a part of it.
constexpr uint64_t kBridgePart = 8;

// What the kernel keeps of clients' connections. Where the limit counts it, they can be sure of
// this part alone, once the other part of the limit is in use.
constexpr uint64_t kSocketsPart = 16;
constexpr uint64_t kHighPart = 2;
// And of each direction of each connection. Loopback's segments have 64 KiB: with room for one each
// waits for the acknowledgement of the one before, which the peer puts off for 40 ms (measured: 88
// echoes of 100 KB a second instead of 12,000). From kMostSocketBuffer on the kernel's own choice
// is no worse.
constexpr uint64_t kSocketBufferPart = 1'024;
constexpr uint64_t kLeastSocketBuffer = 128 << 10;
constexpr uint64_t kMostSocketBuffer = 1 * kMiB;

// The port would be of no use with fewer.
constexpr uint64_t kFewestOfAPort = 4;
// Under a limit a connection keeps less for its replies: more connections fit.
constexpr size_t kKeptCapacity = 1 << 10;

bool lower_to(uint64_t bytes, size_t& option) {
  if (option <= bytes) {
    return false;
  }
  option = bytes;
  return true;
}

bool lower_connections(uint64_t bytes, uint64_t price, uint32_t& option) {
  const uint64_t fit = std::max(bytes / price, kFewestOfAPort);
  if (option <= fit) {
    return false;
  }
  option = static_cast<uint32_t>(fit);
  return true;
}

}  // namespace

std::optional<uint64_t> memory_limit(const FileReader& read) {
  const std::string cgroups = read("/proc/self/cgroup").value_or("");
  const auto limit_of = [&](const char* controller, auto limit_of_path) {
    return tightest(find_cgroup(cgroups, controller).value_or("/"), limit_of_path);
  };
  const auto in_v2 = [&](const std::string& path) {
    return memory_limit_of(read, "/sys/fs/cgroup" + path);
  };
  const auto in_v1 = [&](const std::string& path) {
    return memory_limit_in(read("/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"));
  };
  return lower_of(limit_of("", in_v2), limit_of("memory", in_v1));
}

uint64_t memory_to_say(std::optional<uint64_t> limit_bytes) {
  return limit_bytes ? std::clamp(*limit_bytes, kMinMemory, kMaxMemory) : 0;
}

bool fit_into(uint64_t limit_bytes, uint32_t threads, Ports ports, WorkerOptions& options) {
  threads = std::max(threads, 1U);
  bool lowered = lower_to(limit_bytes / kMessagePart, options.tcp.max_message);
  lowered |= lower_to(limit_bytes / kMessagePart, options.zmq.max_message);
  const uint64_t program = std::min(kProgram + threads * kThread, limit_bytes / kMostOfProgram);
  const uint64_t rest = (limit_bytes - program - limit_bytes / kSparePart -
                         kMessagesInHand * options.tcp.max_message) /
                        threads;

  const uint64_t socket_buffer = std::max(limit_bytes / kSocketBufferPart, kLeastSocketBuffer);
  options.socket_buffer = socket_buffer < kMostSocketBuffer ? socket_buffer : 0;
  options.sockets.least = limit_bytes / kSocketsPart / threads;

  const uint64_t redis = rest / kRedisPart;
  lowered |=
      lower_to(redis / std::max(options.redis.connections, 1U), options.redis.max_unsent_bytes);

  const uint64_t connections = (rest - redis) / kConnectionsPart;
  const uint32_t plain_ports = ports.tcp + ports.zmq;
  uint64_t curve = 0;
  if (ports.curve != 0) {
    curve = plain_ports + ports.tls != 0 ? connections * kCurveQuarters / 4 : connections;
    lowered |= lower_connections(curve, ZmqOptions::kConnectionBytes, options.curve_connections);
  }
  options.zmq.connection_memory = curve;
  const uint64_t streams = connections - curve;
  const auto price = [&] { return StreamOptions::kConnectionBytes + options.tcp.kept_capacity; };
  uint64_t tls = 0;
  if (ports.tls != 0) {
    tls = plain_ports != 0 ? streams * kTlsQuarters / 4 : streams;
    lowered |= lower_connections(tls, price() + StreamOptions::kTlsBytes, options.tls_connections);
  }
  const uint64_t plain = (streams - tls) / std::max(plain_ports, 1U);  // of each of the two
  if (std::max(options.tcp.max_connections, options.zmq.max_connections) * price() > plain) {
    lowered |= lower_to(kKeptCapacity, options.tcp.kept_capacity);
    lowered |= lower_connections(plain, price(), options.tcp.max_connections);
    lowered |= lower_connections(plain, price(), options.zmq.max_connections);
  }
  options.zmq.kept_capacity = options.tcp.kept_capacity;

  const uint64_t account = rest - redis - connections;
  lowered |= lower_to(account, options.memory);
  lowered |= lower_to(account, options.tcp.receive_memory);
  lowered |= lower_to(account, options.zmq.receive_memory);
  lowered |= lower_to(account, options.tcp.send_memory);
  lowered |= lower_to(account, options.zmq.send_memory);
  lowered |= lower_to(account / kBridgePart, options.request_memory);
  return lowered;
}

// Logs what it lowers.
void Gateway::fit_into_memory() {
  effective_ = worker_options();
  const auto configured = config_.memory != 0 ? std::optional(config_.memory) : std::nullopt;
  memory_.limit = lower_of(memory_limit(read_system_file), configured);
  const Ports ports{config_.listen_tcp ? 1U : 0U, config_.listen_zmq ? 1U : 0U,
                    config_.listen_tls ? 1U : 0U, config_.listen_zmq_curve ? 1U : 0U};
  if (auto cgroup = CgroupMemory::open(read_system_file)) {
    effective_.sockets.high = cgroup->limit() / kHighPart;
    effective_.sockets.used = [cgroup] { return cgroup->used(); };
    effective_.sockets.reclaimable =
        read_seldom([cgroup] { return cgroup->inactive_files(); }, uv_hrtime);
    if (memory_.limit == cgroup->limit()) {
      memory_.working_set = [cgroup] { return cgroup->working_set(); };
    }
  }
  if (!memory_.limit || !fit_into(*memory_.limit, config_.threads, ports, effective_)) {
    return;
  }
  log::info("buffers follow the cgroup's memory limit",
            {{"limit", *memory_.limit},
             {"limits.message", effective_.tcp.max_message},
             {"connections_tcp", ports.tcp * config_.threads * effective_.tcp.max_connections},
             {"connections_tls", ports.tls * config_.threads * effective_.tls_connections},
             {"connections_zmq", ports.zmq * config_.threads * effective_.zmq.max_connections},
             {"connections_curve", ports.curve * config_.threads * effective_.curve_connections},
             {"buffers", config_.threads * effective_.memory},
             {"socket_buffer", effective_.socket_buffer},
             {"unsent_redis", effective_.redis.max_unsent_bytes},
             {"requests_to_backends", effective_.request_memory}});
}

// Of the port that may have fewer.
uint32_t Gateway::max_connections() const {
  uint32_t most = resources_.connections;
  if (config_.listen_tcp) {
    most = std::min(most, config_.threads * effective_.tcp.max_connections);
  }
  if (config_.listen_tls) {
    most = std::min(most, config_.threads * effective_.tls_connections);
  }
  if (config_.listen_zmq) {
    most = std::min(most, config_.threads * effective_.zmq.max_connections);
  }
  if (config_.listen_zmq_curve) {
    most = std::min(most, config_.threads * effective_.curve_connections);
  }
  return most;
}

}  // namespace zerogate
