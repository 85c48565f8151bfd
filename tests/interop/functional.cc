// The functions of Zero's own functional test suite, as a team would write them in C++: for
// tests/interop/test_functional.py.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "core/sdk/functions.h"
#include "gateway/cli/command_line.h"

namespace {

using namespace zerogate;

enum class Color { red, green };
ZEROGATE_STR_ENUM(Color, red, green)

enum class ColorInt { red = 1, green = 2 };
ZEROGATE_INT_ENUM(ColorInt, red, green)

struct Person {
  std::string name;
  int64_t age;
  ZEROGATE_FIELDS(name, age)
};

struct Message {
  std::string msg;
  DateTime start_time;
  ZEROGATE_FIELDS(msg, start_time)
};

template <class T>
T echo(T value) {
  return value;
}

int64_t echo_optional(std::optional<int64_t> number) { return number.value_or(0); }

int64_t sum_list(const std::vector<int64_t>& numbers) {
  int64_t sum = 0;
  for (const int64_t number : numbers) {
    sum += number;
  }
  return sum;
}

int64_t divide(std::tuple<int64_t, int64_t> parts) {
  const auto [whole, by] = parts;
  if (by == 0) {
    throw std::domain_error("division by zero");
  }
  return whole / by;
}

Message hello_at(DateTime start) { return {"hello world", start}; }

[[noreturn]] void error(const std::string& text) { throw std::runtime_error(text); }

Task<std::string> sleep(uint32_t ms, Context& context) {
  co_await context.sleep(ms);
  co_return "slept for " + std::to_string(ms) + " msecs";
}

/// The same on a thread of the pool.
Task<std::string> work(int64_t number, Context& context) {
  auto result = context.blocking([number] {
    if (number < 0) {
      throw std::invalid_argument("a negative number");
    }
    return std::to_string(number);
  });
  co_return "worked on " + co_await result;
}

/// Waits for everything that there is to wait for.
Task<std::string> chase(int64_t number, Context& context) {
  const std::string key = "chase:" + std::to_string(number);
  auto work = context.blocking([number] { return number; });
  co_await context.redis.set(key, number);
  co_await context.sleep(static_cast<uint64_t>(number % 5));
  const int64_t worked = co_await work;
  const std::optional<std::string> stored = co_await context.redis.get(key);
  co_await context.redis.command("DEL", key);
  const int64_t found = decode<int64_t>(stored.value()).value();
  co_return std::to_string(worked) + " " + std::to_string(found);
}

Functions functional() {
  const FunctionOptions no_redis = {.redis = false};
  Functions functions({.threads = 2, .queue = 10'000});
  functions.add("hello_world", "", [] { return std::string("hello world"); })
      .add("echo", "", &echo<std::string>)
      .add("echo_bool", "", &echo<bool>)
      .add("echo_int", "", &echo<int64_t>)
      .add("echo_float", "", &echo<double>)
      .add("echo_str", "", &echo<std::string>)
      .add("echo_bytes", "", &echo<Bytes>)
      .add("echo_bytearray", "", &echo<Bytes>)
      .add("echo_tuple", "", &echo<std::tuple<int64_t, std::string>>)
      .add("echo_list", "", &echo<std::vector<int64_t>>)
      .add("echo_dict", "", &echo<std::map<int64_t, std::string>>)
      .add("echo_set", "", &echo<std::set<int64_t>>)
      .add("echo_frozenset", "", &echo<std::set<int64_t>>)
      .add("echo_datetime", "", &echo<DateTime>)
      .add("echo_date", "", &echo<Date>)
      .add("echo_time", "", &echo<TimeOfDay>)
      .add("echo_uuid", "", &echo<Uuid>)
      .add("echo_decimal", "", &echo<Decimal>)
      .add("echo_enum", "", &echo<Color>)
      .add("echo_enum_int", "", &echo<ColorInt>)
      .add("echo_dataclass", "", &echo<Person>)
      .add("echo_pydantic", "", &echo<Person>)
      .add("echo_msgspec_struct", "", &echo<Message>)
      .add("echo_union", "", &echo<std::variant<int64_t, std::string>>)
      .add("echo_optional", "", &echo_optional)
      .add("echo_any", "", &echo<Raw>)
      .add("sum_list", "", &sum_list)
      .add("divide", "", &divide)
      .add("hello_at", "", &hello_at)
      .add("nothing", "", [] {})
      .add("error", "", &error)
      .add("sleep", "", &sleep, no_redis)
      .add("work", "", &work, no_redis)
      .add("chase", "", &chase);
  return functions;
}

}  // namespace

int main(int argc, char** argv) { return zerogate::main(argc, argv, functional()); }
