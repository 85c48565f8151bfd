#include "gateway/cli/bench_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "core/io/event_loop.h"
#include "core/io/uv_ptr.h"
#include "core/load/load_run.h"
#include "gateway/ask/exit_status.h"
#include "gateway/cli/bench_options.h"
#include "gateway/cli/bench_report.h"
#include "gateway/host/descriptors.h"

namespace zerogate {
namespace {

constexpr uint64_t kProgressMs = 1'000;

/// libzmq's: its own and the socket's signaler, and a pair of sockets for its events.
constexpr uint32_t kDescriptorsOf[] = {/*tcp*/ 1, /*zmq*/ 4};

/// One line on stderr that is written over, when that is a terminal.
class Progress {
 public:
  explicit Progress(const LoadRun& run) : run_(run), shown_(isatty(STDERR_FILENO) != 0) {}

  void show() {
    if (!shown_) {
      return;
    }
    const LoadReport& report = run_.report();
    const uint64_t requests = report.requests();
    fmt::print(stderr, "\r\033[K{}: {} requests, {}/s now, p99 {}, {} errors", phase_text(),
               fmt::group_digits(requests), fmt::group_digits(requests - last_requests_),
               show_latency(report.latencies.quantile(0.99)),
               fmt::group_digits(report.error_count()));
    std::fflush(stderr);
    last_requests_ = requests;
  }
  void clear() const {
    if (shown_) {
      fmt::print(stderr, "\r\033[K");
    }
  }

 private:
  const char* phase_text() const {
    switch (run_.phase()) {
      case LoadRun::Phase::opening:
        return "connecting";
      case LoadRun::Phase::warmup:
        return "warming up";
      case LoadRun::Phase::measuring:
        return "measuring";
      default:
        return "waiting for the last answers";
    }
  }

  const LoadRun& run_;
  const bool shown_;
  uint64_t last_requests_ = 0;
};

/// The run with the user beside it: shows progress, listens to Ctrl-C.
Result<LoadReport> run_attended(const LoadOptions& options) {
  EventLoop loop;
  LoadRun run(loop, options);
  Progress progress(run);
  const auto stop = [](uv_signal_t* signal, int) { static_cast<LoadRun*>(signal->data)->stop(); };
  const auto interrupt = make_uv<uv_signal_t>(loop.uv(), uv_signal_init, &run);
  uv_signal_start(interrupt.get(), stop, SIGINT);
  const auto terminate = make_uv<uv_signal_t>(loop.uv(), uv_signal_init, &run);
  uv_signal_start(terminate.get(), stop, SIGTERM);
  const auto every_second = make_uv<uv_timer_t>(loop.uv(), uv_timer_init, &progress);
  const auto show = [](uv_timer_t* timer) { static_cast<Progress*>(timer->data)->show(); };
  uv_timer_start(every_second.get(), show, kProgressMs, kProgressMs);
  const Status status = run.run();
  progress.clear();
  if (!status) {
    return Error{status.error()};
  }
  return run.report();
}

Status check_descriptors(const LoadOptions& options) {
  const uint64_t wanted =
      uint64_t{options.connections} * kDescriptorsOf[index_of(options.url.protocol)];
  const uint32_t usable = claim_descriptors();
  if (wanted <= usable) {
    return ok_status();
  }
  return Error{
      fmt::format("{} connections need {} file descriptors and this process may have {}; "
                  "lower --connections or raise 'ulimit -n'",
                  options.connections, wanted, usable)};
}

}  // namespace

int run_bench(const BenchCommand& command) {
  const auto options = load_options(command);
  if (!options) {
    return fail(kUsage, options.error());
  }
  if (const auto enough = check_descriptors(options.value()); !enough) {
    return fail(kFailed, enough.error());
  }
  std::signal(SIGPIPE, SIG_IGN);  // a server that has closed is an error code, not a signal
  const auto report = run_attended(options.value());
  if (!report) {
    return fail(kFailed, report.error());
  }
  fmt::print("{}{}",
             command.as_json ? report_as_json(options.value(), report.value())
                             : report_as_text(options.value(), report.value()),
             command.as_json ? "\n" : "");
  if (std::fflush(stdout) != 0) {
    return fail(kFailed, "cannot write to stdout");
  }
  if (report.value().requests() > 0) {
    return kOk;
  }
  return fail(kFailed, fmt::format("no call was answered rightly in {:.3g} s",
                                   static_cast<double>(report.value().measured_ns) / 1e9));
}

}  // namespace zerogate
