#include "core/load/load_meter.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/clock.h"
#include "core/client/error_text.h"
#include "core/wire/json.h"

namespace zerogate {
namespace {

constexpr size_t kSampleBytes = 200;  ///< of an error's text: a line of the report

uint64_t load_cpu_ns() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * kNsPerSecond +
           static_cast<uint64_t>(time.tv_usec) * 1'000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

std::string shorten(std::string text) {
  if (text.size() > kSampleBytes) {
    text.replace(kSampleBytes, std::string::npos, "…");
  }
  return text;
}

std::string as_json(ByteView value) {
  const auto json = msgpack_to_json(value);
  return json ? json.value() : "bytes that are " + json.error();
}

}  // namespace

void LoadMeter::set_window(uint64_t from_ns, uint64_t end_ns) {
  from_ns_ = from_ns;
  end_ns_ = end_ns;
}

void LoadMeter::cut_window(uint64_t now_ns) { end_ns_ = std::min(end_ns_, now_ns); }

void LoadMeter::begin_cpu() { cpu_begin_ns_ = load_cpu_ns(); }

void LoadMeter::end_cpu() { report_.cpu_ns = load_cpu_ns() - cpu_begin_ns_; }

void LoadMeter::finish() { report_.measured_ns = end_ns_ > from_ns_ ? end_ns_ - from_ns_ : 0; }

void LoadMeter::count_answer(const CallTimes& times, std::optional<CallError> error,
                             ByteView result, size_t size, uint64_t now_ns) {
  if (!in_window(open_loop() ? times.intended_ns : now_ns)) {
    return;
  }
  if (!error && !options_.expected.empty() && result != options_.expected) {
    error = CallError::unexpected;
  }
  if (!error) {
    report_.latencies.add(now_ns - times.intended_ns);
    report_.received_bytes += size;
    return;
  }
  const bool first = report_.errors[static_cast<size_t>(*error)] == 0;
  std::string text;
  if (first) {
    text = *error == CallError::unexpected ? as_json(result) : error_text(result);
  }
  report_.count(*error, 1, shorten(std::move(text)));
}

void LoadMeter::count_lost(const CallTimes& times, CallError kind, std::string_view reason,
                           uint64_t now_ns) {
  const uint64_t begun_ns = open_loop() ? times.intended_ns : times.sent_ns;
  if (!in_window(begun_ns != 0 ? begun_ns : now_ns)) {
    return;  // 0: it was about to be sent
  }
  const uint64_t timeout_ns = options_.timeout_ms * kNsPerMs;
  const bool overdue = times.sent_ns != 0 && now_ns - times.sent_ns > timeout_ns;
  report_.count(overdue ? CallError::timeout : kind, 1, reason);
}

void LoadMeter::count_sent(const CallTimes& times, uint64_t now_ns) {
  if (open_loop() && in_window(times.intended_ns)) {
    report_.lateness.add(now_ns - times.intended_ns);
  }
}

}  // namespace zerogate
