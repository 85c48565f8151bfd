// Runs seeds of the simulation: see docs/testing.md.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/log/log.h"
#include "handlers/registry.h"
#include "tests/simulation/functions.h"
#include "tests/simulation/storm.h"

namespace zerogate::simulation {
namespace {

using Clock = std::chrono::steady_clock;

volatile uint64_t running_seed = 0;
constexpr unsigned kLongestSeconds = 60;  ///< of one seed, on the real clock
constexpr uint64_t kEnoughSeeds = 5'000;  ///< for everything to have happened

// Also from a signal's handler: only what may be called there.
void print_seed() {
  char text[160];
  const int size = std::snprintf(
      text, sizeof text, "the seed is %llu: tests/run simulation --seed %llu shows it again\n",
      static_cast<unsigned long long>(running_seed), static_cast<unsigned long long>(running_seed));
  (void)!::write(STDERR_FILENO, text, static_cast<size_t>(size));
}

void on_signal(int signal) {
  const char* what = signal == SIGALRM ? "the run does not end\n" : "the worker has crashed\n";
  (void)!::write(STDERR_FILENO, what, std::strlen(what));
  print_seed();
  ::_exit(1);
}

struct Options {
  uint64_t first = 1;
  uint64_t count = 10'000;
  double hours = 0;  ///< instead of a count
  bool trace = false;
  bool hashes = false;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (argument == "--trace") {
      options.trace = true;
    } else if (argument == "--hashes") {
      options.hashes = true;
    } else if (value == nullptr) {
      return false;
    } else if (argument == "--seed") {
      options.first = std::strtoull(argv[++i], nullptr, 10);
      options.count = 1;
    } else if (argument == "--from") {
      options.first = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--seeds") {
      options.count = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--hours") {
      options.hours = std::strtod(argv[++i], nullptr);
    } else {
      return false;
    }
  }
  return true;
}

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

int run(const Options& options) {
  constexpr double kSecondsPerHour = 3'600;
  const auto begun = Clock::now();
  uint64_t calls = 0;
  uint64_t seeds = 0;
  Tally tally;
  const auto more = [&] {
    return options.hours > 0 ? seconds_since(begun) < options.hours * kSecondsPerHour
                             : seeds < options.count;
  };
  for (; more(); ++seeds) {
    running_seed = options.first + seeds;
    ::alarm(kLongestSeconds);
    Storm storm(running_seed, options.trace);
    storm.run(tally);
    calls += storm.calls();
    if (options.hashes) {
      fmt::print("{} {:016x}\n", static_cast<uint64_t>(running_seed), storm.trace());
    }
  }
  fmt::print("{}\n", tally.text());
  if (const std::string missing = tally.missing(); seeds >= kEnoughSeeds && !missing.empty()) {
    fmt::print(stderr, "in all these runs there was no '{}': the storm is too mild\n", missing);
    return 1;
  }
  fmt::print("{} seeds, {} calls in {:.1f} s: every promise was kept\n", seeds, calls,
             seconds_since(begun));
  return 0;
}

}  // namespace

void violated(const std::string& what) {
  fmt::print(stderr, "{:.6f} s: {}\n", static_cast<double>(world().now()) / kSecond, what);
  print_seed();
  std::fflush(nullptr);
  ::_exit(1);
}

}  // namespace zerogate::simulation

int main(int argc, char** argv) {
  using namespace zerogate::simulation;
  Options options;
  if (!parse(argc, argv, options)) {
    fmt::print(stderr,
               "usage: simulation [--seeds N] [--from SEED] [--hours H] [--seed SEED] [--trace] "
               "[--hashes]\n");
    return 2;
  }
  zerogate::log::set_level(zerogate::log::Level::off);
  mallopt(M_ARENA_MAX, 1);
  for (const int signal : {SIGABRT, SIGSEGV, SIGALRM}) {
    std::signal(signal, on_signal);
  }
  zerogate::use_functions(&simulated_functions());
  return run(options);
}
