// A whole worker as a state machine: what its peers say and when is the input's choice, byte by
// byte. tests/fuzz/session/program.h has the operations; docs/testing.md says what must hold.
// With ZEROGATE_FUZZ_TRACE set, all that happens is printed.

#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "core/log/log.h"
#include "handlers/registry.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/session/session.h"
#include "tests/simulation/functions.h"

namespace zerogate {

void simulation::violated(const std::string& what) {
  std::fprintf(stderr, "%.6f s: %s\n", static_cast<double>(world().now()) / kSecond, what.c_str());
  std::abort();
}

namespace fuzz {
namespace {

/// Longer inputs say nothing more.
constexpr size_t kLongestInput = 4'096;
/// Of the worker's thread. The address sanitizer clears what it knows of a stack for each thread.
constexpr size_t kStackBytes = 512 << 10;

void prepare() {
  log::set_level(log::Level::off);
  use_functions(&simulation::simulated_functions());
  simulation::keep_real_clock();  // libFuzzer's, for its time-outs
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

uint64_t run(ByteView input) {
  uint64_t trace = 0;
  {
    Session session(input);
    session.run();
    trace = session.trace();
  }
  simulation::set_world(nullptr);
  return trace;
}

}  // namespace
}  // namespace fuzz
}  // namespace zerogate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zerogate;
  static std::once_flag prepared;
  std::call_once(prepared, fuzz::prepare);
  const ByteView input = fuzz::view_of(data, size);
  if (size > fuzz::kLongestInput) {
    return 0;
  }
  const uint64_t trace = fuzz::run(input);
  // Now and then: a run depends on nothing but its input.
  if (size % 16 == 0) {
    fuzz::check(fuzz::run(input) == trace, "the same input gives the same run");
  }
  return 0;
}
