// What the wire formats cost for each call. Not a test: run it by hand
// from a release build, before and after a change to core/wire.

#include <benchmark/benchmark.h>

#include <string>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/t3.h"
#include "core/wire/w5.h"
#include "core/wire/zerror.h"

namespace zerogate::wire {
namespace {

constexpr size_t kLimit = 16 << 20;

std::string str(ByteView text) {
  std::string out;
  write_str(out, text);
  return out;
}

std::string nil() { return std::string(1, kNil); }

/// {"user_id": "1", "items": ["apple", "python"]}, the argument of the benchmark workload.
std::string order() {
  std::string out;
  write_map(out, 2);
  out += str("user_id") + str("1") + str("items");
  write_array(out, 2);
  out += str("apple") + str("python");
  return out;
}

/// A list of `count` maps of five pairs: what a function that reads a table returns.
std::string table(uint32_t count) {
  std::string out;
  write_array(out, count);
  for (uint32_t i = 0; i < count; ++i) {
    write_map(out, 5);
    for (const char* key : {"id", "name", "price", "stock", "seller"}) {
      write_str(out, key);
      write_uint(out, 77777 * i);
    }
  }
  return out;
}

std::string t3_request(ByteView function, ByteView argument) {
  std::string out;
  t3::write_request(out, 1, function, argument);
  return out;
}

void t3_parse(benchmark::State& state, const std::string& bytes) {
  for (auto _ : state) {
    const t3::Frame frame = t3::parse_frame(bytes, kLimit);
    t3::Envelope envelope = t3::parse_envelope(frame.payload);
    benchmark::DoNotOptimize(envelope);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK_CAPTURE(t3_parse, hello_world, t3_request("hello_world", nil()));
BENCHMARK_CAPTURE(t3_parse, save_order, t3_request("save_order", order()));
BENCHMARK_CAPTURE(t3_parse, table_of_1000, t3_request("echo", table(1000)));

void t3_parse_half(benchmark::State& state) {
  const std::string bytes = t3_request("save_order", order()).substr(0, 30);
  for (auto _ : state) {
    t3::Frame frame = t3::parse_frame(bytes, kLimit);
    benchmark::DoNotOptimize(frame);
  }
}
BENCHMARK(t3_parse_half);

void w5_parse(benchmark::State& state, ByteView function, const std::string& argument) {
  std::string body;
  w5::write_request(body, "0123456789abcdef", function, argument);
  for (auto _ : state) {
    w5::Request request = w5::parse_request(body);
    benchmark::DoNotOptimize(request);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(body.size()));
}
BENCHMARK_CAPTURE(w5_parse, hello_world, "hello_world", nil());
BENCHMARK_CAPTURE(w5_parse, save_order, "save_order", order());

void t3_write_reply(benchmark::State& state) {
  const std::string result = str("hello world");
  std::string out;  // kept, as a session keeps its buffer
  for (auto _ : state) {
    out.clear();
    for (uint32_t id = 0; id < 16; ++id) {
      t3::write_frame(out, id, false, result);
    }
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * 16);
}
BENCHMARK(t3_write_reply);

void error_check(benchmark::State& state, const std::string& body) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(is_error_body(body));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(body.size()));
}
std::string error_body() {
  std::string out;
  write_error(out, ErrorKey::server_exception, "RuntimeError('boom')");
  return out;
}
/// A map of one pair with a large value: the search goes over all of it.
std::string map_around(const std::string& value) { return "\x81" + str("data") + value; }

BENCHMARK_CAPTURE(error_check, text, str("hello world"));
BENCHMARK_CAPTURE(error_check, order, order());
BENCHMARK_CAPTURE(error_check, error, error_body());
BENCHMARK_CAPTURE(error_check, map_of_table_1000, map_around(table(1000)));
BENCHMARK_CAPTURE(error_check, map_of_1MiB_text, map_around(str(std::string(1 << 20, '_'))));

void scan(benchmark::State& state, const std::string& bytes) {
  for (auto _ : state) {
    Scan result = scan_value(bytes);
    benchmark::DoNotOptimize(result);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK_CAPTURE(scan, nil, nil());
BENCHMARK_CAPTURE(scan, order, order());
BENCHMARK_CAPTURE(scan, table_of_1000, table(1000));
BENCHMARK_CAPTURE(scan, text_1MiB, str(std::string(1 << 20, 'x')));
BENCHMARK_CAPTURE(scan, integers_1MiB,
                  "\xdd" + std::string("\0\x10\0\0", 4) + std::string(1 << 20, '\1'));

}  // namespace
}  // namespace zerogate::wire

BENCHMARK_MAIN();
