// zmq_load: a closed-loop load generator for Zero's ZeroMQ protocol (W5, zeroapi 0.8.0 to 1.0.1).
//
//   zmq_load zmq://127.0.0.1:5560 echo '{"a":1}' --connections 8 --depth 8 --duration 3s
//
// Each of N DEALER sockets keeps D calls in flight: an answer is checked and the next call sent.
// One thread, besides libzmq's own. Prints one line of JSON. What is measured is on this machine:
// other addresses than loopback are refused. It ends by itself, whatever the server does.
// Exit status: 0 measured (errors are in the line), 1 no server answers, 2 usage.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zmq.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/client/client_url.h"
#include "core/client/json.h"
#include "core/wire/w5.h"
#include "core/wire/zerror.h"
#include "gateway/units.h"
#include "tests/bench/latency_histogram.h"

namespace zerogate::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr uint32_t kMaxConnections = 1'000;  // libzmq's default ZMQ_MAX_SOCKETS is 1,023
constexpr uint32_t kMaxDepth = 1'000;  // the default high-water mark: a send never has to wait
constexpr uint32_t kMaxRunMs = 10 * kMinuteMs;
/// For the handshake, and at the end for the answers that are still missing.
constexpr uint32_t kPatienceMs = 5'000;

struct Options {
  std::string endpoint;  ///< as libzmq takes it
  std::string function;
  std::string argument;  ///< MessagePack
  std::string expected;  ///< MessagePack; empty: any result that is no error will do
  uint32_t connections = 1;
  uint32_t depth = 1;
  uint32_t duration_ms = 3'000;
  uint32_t warmup_ms = 500;
};

struct Totals {
  LatencyHistogram latencies;  ///< of the right answers between warm-up and end
  uint64_t answered = 0;       ///< calls, warm-up and the end included
  uint64_t errors = 0;         ///< all the time: error answers, wrong results, none, unknown ids
};

struct CloseContext {
  void operator()(void* context) const { zmq_ctx_term(context); }
};
struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};
using ZmqContext = std::unique_ptr<void, CloseContext>;
using ZmqSocket = std::unique_ptr<void, CloseSocket>;

/// One call after the other.
struct Slot {
  std::string request;  ///< made once; only the id's last four bytes change from call to call
  uint32_t sequence = 0;
  bool in_flight = false;
  Clock::time_point sent;

  ByteView id() const { return ByteView(request).substr(0, wire::w5::kIdBytes); }
};

struct Connection {
  ZmqSocket socket;
  std::vector<Slot> slots;
};

void put_u32(char* to, uint32_t value) { std::memcpy(to, &value, sizeof value); }

/// Run, connection, slot, sequence: four bytes each. The run is never 0: a gateway sends frames
/// with an id of 16 zero bytes to keep quiet clients alive, which are nobody's answer.
std::string make_id(uint32_t connection, uint32_t slot) {
  std::string id(wire::w5::kIdBytes, '\0');
  put_u32(&id[0], static_cast<uint32_t>(getpid()));
  put_u32(&id[4], connection);
  put_u32(&id[8], slot);
  return id;
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options), context_(zmq_ctx_new()) {}

  /// Connects and does the handshake of Zero's clients on every socket.
  Status connect() {
    for (uint32_t index = 0; index < options_.connections; ++index) {
      auto opened = open(index);
      if (!opened) return Error{opened.error()};
    }
    for (const Connection& each : connections_) {
      std::array<char, 64> answer;
      if (zmq_recv(each.socket.get(), answer.data(), answer.size(), 0) < 0) {
        return Error{
            fmt::format("no answer from {} within {} ms; is this a Zero server's ZeroMQ port?",
                        options_.endpoint, kPatienceMs)};
      }
    }
    return ok_status();
  }

  const Totals& run() {
    const Clock::time_point begin = Clock::now();
    measure_from_ = begin + Milliseconds(options_.warmup_ms);
    end_ = measure_from_ + Milliseconds(options_.duration_ms);
    std::vector<zmq_pollitem_t> items;
    for (Connection& each : connections_) {
      items.push_back({each.socket.get(), 0, ZMQ_POLLIN, 0});
      for (Slot& slot : each.slots) send(each, slot, Clock::now());
    }
    const Clock::time_point give_up = end_ + Milliseconds(kPatienceMs);
    while (in_flight_ > 0 && Clock::now() < give_up) {
      if (zmq_poll(items.data(), static_cast<int>(items.size()), /*timeout ms*/ 100) <= 0) continue;
      for (size_t i = 0; i < items.size(); ++i) {
        if ((items[i].revents & ZMQ_POLLIN) != 0) drain(connections_[i]);
      }
    }
    totals_.errors += in_flight_;
    return totals_;
  }

 private:
  Status open(uint32_t index) {
    Connection connection{ZmqSocket(zmq_socket(context_.get(), ZMQ_DEALER)), {}};
    void* socket = connection.socket.get();
    const int linger = 0, ipv6 = 1, timeout = kPatienceMs;
    if (socket == nullptr || zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6) != 0 ||
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
        zmq_connect(socket, options_.endpoint.c_str()) != 0) {
      return Error{
          fmt::format("cannot connect to {}: {}", options_.endpoint, zmq_strerror(zmq_errno()))};
    }
    for (uint32_t slot = 0; slot < options_.depth; ++slot) {
      wire::w5::write_request(connection.slots.emplace_back().request, make_id(index, slot),
                              options_.function, options_.argument);
    }
    // Not padded here, in Zero's clients neither.
    const std::string hello = make_id(index, options_.depth) + "connect";
    if (zmq_send(socket, hello.data(), hello.size(), ZMQ_DONTWAIT) < 0) {
      return Error{
          fmt::format("cannot send to {}: {}", options_.endpoint, zmq_strerror(zmq_errno()))};
    }
    connections_.push_back(std::move(connection));
    return ok_status();
  }

  void send(Connection& connection, Slot& slot, Clock::time_point now) {
    put_u32(&slot.request[12], ++slot.sequence);
    slot.sent = now;
    const std::string& request = slot.request;
    if (zmq_send(connection.socket.get(), request.data(), request.size(), ZMQ_DONTWAIT) < 0) {
      ++totals_.errors;
      return;
    }
    slot.in_flight = true;
    ++in_flight_;
  }

  /// Takes what has come. There cannot be more answers than calls in flight, unless the server
  /// makes them up: hence the budget, so that one socket cannot keep us from the others.
  void drain(Connection& connection) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (uint32_t budget = options_.depth; budget > 0; --budget) {
      if (zmq_msg_recv(&message, connection.socket.get(), ZMQ_DONTWAIT) < 0) break;
      take(connection, {static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message)});
    }
    zmq_msg_close(&message);
  }

  void take(Connection& connection, ByteView body) {
    const Clock::time_point now = Clock::now();
    const wire::w5::Reply reply = wire::w5::parse_reply(body);
    static constexpr std::array<char, wire::w5::kIdBytes> kKeepAlive{};
    if (reply.id == ByteView(kKeepAlive.data(), kKeepAlive.size())) return;
    Slot* slot = slot_of(connection, reply);
    if (slot == nullptr) {
      fail("an id that is not of a call in flight", body);
      return;
    }
    slot->in_flight = false;
    --in_flight_;
    ++totals_.answered;
    if (wire::is_error_body(reply.result)) {
      fail("an error", reply.result);
    } else if (!options_.expected.empty() && reply.result != options_.expected) {
      fail("another result than expected", reply.result);
    } else if (now >= measure_from_ && now < end_) {
      const auto latency = std::chrono::nanoseconds(now - slot->sent).count();
      totals_.latencies.add(static_cast<uint64_t>(latency));
    }
    if (now < end_) send(connection, *slot, now);
  }

  /// The slot whose call this answers, or null.
  static Slot* slot_of(Connection& connection, const wire::w5::Reply& reply) {
    if (reply.status != wire::w5::ReplyStatus::ok) return nullptr;
    uint32_t index = 0;
    std::memcpy(&index, reply.id.data() + 8, sizeof index);
    if (index >= connection.slots.size()) return nullptr;
    Slot& slot = connection.slots[index];
    return slot.in_flight && slot.id() == reply.id ? &slot : nullptr;
  }

  /// Counts it; the first one is shown.
  void fail(const char* what, ByteView body) {
    if (totals_.errors++ > 0) return;
    const auto json = msgpack_to_json(body);
    fmt::print(stderr, "zmq_load: {} answered with {}: {}\n", options_.endpoint, what,
               json ? json.value() : fmt::format("{} bytes", body.size()));
  }

  const Options& options_;
  ZmqContext context_;  ///< behind the sockets, which must be closed before it ends
  std::vector<Connection> connections_;
  Clock::time_point measure_from_;
  Clock::time_point end_;
  uint64_t in_flight_ = 0;
  Totals totals_;
};

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/// zmq://127.x.x.x:port, zmq://[::1]:port or ipc:/path, as libzmq takes it.
Result<std::string> endpoint_of(const std::string& text) {
  auto url = ClientUrl::parse(text);
  if (!url) return Error{url.error()};
  const Address& address = url.value().address;
  if (url.value().protocol != Protocol::zmq) {
    return Error{fmt::format("{} is not ZeroMQ's protocol; write zmq://host:port", text)};
  }
  if (address.is_path()) return "ipc://" + address.path;
  if (!is_loopback(address.host)) {
    return Error{
        fmt::format("{} is not on this machine; write an address of loopback in digits, "
                    "such as zmq://127.0.0.1:5560",
                    text)};
  }
  return "tcp://" + address.display();
}

/// What the command line says, as text.
struct Words {
  std::string url, function, argument = "null", expected, duration = "3s", warmup = "500ms";
};

/// Fills in what is not a plain number.
Status read_words(const Words& words, Options& options) {
  auto endpoint = endpoint_of(words.url);
  if (!endpoint) return Error{endpoint.error()};
  auto argument = json_to_msgpack(words.argument);
  if (!argument) return Error{"the argument is " + argument.error()};
  auto expected =
      words.expected.empty() ? Result<std::string>(std::string()) : json_to_msgpack(words.expected);
  if (!expected) return Error{"the expected result is " + expected.error()};
  if (words.function.size() > wire::w5::kNameBytes) {
    return Error{fmt::format("a function's name has at most {} bytes", wire::w5::kNameBytes)};
  }
  const auto duration_ms = parse_duration_ms(words.duration);
  if (!duration_ms) return Error{"--duration: " + duration_ms.error()};
  const auto warmup_ms = parse_duration_ms(words.warmup);
  if (!warmup_ms) return Error{"--warmup: " + warmup_ms.error()};
  if (duration_ms.value() == 0 || duration_ms.value() > kMaxRunMs ||
      warmup_ms.value() > kMaxRunMs) {
    return Error{
        fmt::format("--duration is 1ms to {0}, --warmup at most {0}", show_duration_ms(kMaxRunMs))};
  }
  options.endpoint = std::move(endpoint).value();
  options.function = words.function;
  options.argument = std::move(argument).value();
  options.expected = std::move(expected).value();
  options.duration_ms = duration_ms.value();
  options.warmup_ms = warmup_ms.value();
  return ok_status();
}

double in_us(uint64_t ns) { return static_cast<double>(ns) / 1e3; }

void print(const Options& options, const Totals& totals) {
  const double seconds = options.duration_ms / 1e3;
  const uint64_t requests = totals.latencies.count();
  fmt::print(
      "{{\"requests\":{},\"seconds\":{:.3f},\"rps\":{:.1f},\"p50_us\":{:.1f},\"p99_us\":{:.1f},"
      "\"errors\":{},\"answered\":{}}}\n",
      requests, seconds, static_cast<double>(requests) / seconds,
      in_us(totals.latencies.quantile(0.5)), in_us(totals.latencies.quantile(0.99)), totals.errors,
      totals.answered);
}

int fail(int status, const std::string& text) {
  fmt::print(stderr, "zmq_load: {}\n", text);
  return status;
}

int run(int argc, char** argv) {
  CLI::App app("Closed-loop load over Zero's ZeroMQ protocol; prints one line of JSON.");
  Words words;
  Options options;
  app.add_option("url", words.url, "zmq://127.0.0.1:port or ipc:/path")->required();
  app.add_option("function", words.function, "the function to call")->required();
  app.add_option("argument", words.argument, "its argument, in JSON; default: null");
  app.add_option("--expect", words.expected, "the result, in JSON; anything else is an error");
  app.add_option("--connections", options.connections, "DEALER sockets; default 1")
      ->check(CLI::Range(1U, kMaxConnections));
  app.add_option("--depth", options.depth, "calls in flight on each; default 1")
      ->check(CLI::Range(1U, kMaxDepth));
  app.add_option("--duration", words.duration, "what is measured; default 3s");
  app.add_option("--warmup", words.warmup, "what comes before it; default 500ms");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const auto read = read_words(words, options); !read) return fail(2, read.error());

  // On the heap: the histogram is some 30 KB.
  const auto load = std::make_unique<Load>(options);
  if (const auto connected = load->connect(); !connected) return fail(1, connected.error());
  print(options, load->run());
  return 0;
}

}  // namespace
}  // namespace zerogate::bench

int main(int argc, char** argv) { return zerogate::bench::run(argc, argv); }
