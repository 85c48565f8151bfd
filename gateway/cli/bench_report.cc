#include "gateway/cli/bench_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/printable.h"
#include "core/base/units.h"

namespace zerogate {
namespace {

using Json = nlohmann::ordered_json;

struct Percentile {
  const char* name;
  double share;
};
constexpr Percentile kPercentiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};

constexpr double kBusy = 0.9;  ///< of the time: then the load generator may be the bottleneck

double seconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }

std::string percentiles(const LatencyHistogram& histogram) {
  std::string text;
  for (const Percentile& each : kPercentiles) {
    text += fmt::format("{} {}   ", each.name, show_latency(histogram.quantile(each.share)));
  }
  return text + "max " + show_latency(histogram.max());
}

Json percentiles_json(const LatencyHistogram& histogram) {
  const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  Json json = {{"mean", us(histogram.mean())}};
  for (const Percentile& each : kPercentiles) {
    json[each.name] = us(histogram.quantile(each.share));
  }
  json["max"] = us(histogram.max());
  return json;
}

std::string show_bytes(uint64_t bytes, double in_seconds) {
  const auto megabytes = static_cast<double>(bytes) / 1e6;
  return fmt::format("{:.1f} MB ({:.1f} MB/s)", megabytes,
                     in_seconds > 0 ? megabytes / in_seconds : 0.0);
}

std::string errors_as_text(const LoadReport& report) {
  std::string text = fmt::format("  errors      {}\n", fmt::group_digits(report.error_count()));
  for (size_t kind = 0; kind < kCallErrorNames.size(); ++kind) {
    if (report.errors[kind] == 0) {
      continue;
    }
    text += fmt::format("    {:12}  {}: {}\n", kCallErrorNames[kind],
                        fmt::group_digits(report.errors[kind]), report.samples[kind]);
  }
  return text;
}

uint64_t sent_bytes(const LoadReport& report) { return report.requests() * report.request_bytes; }

}  // namespace

std::string show_latency(uint64_t ns) {
  struct Unit {
    const char* name;
    double ns;
  };
  // A value that would be rounded up to 1000 of a unit belongs to the next one.
  constexpr Unit kUnits[] = {{"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}};
  const auto value = static_cast<double>(ns);
  const Unit* unit = &kUnits[0];
  while (unit != &kUnits[2] && value >= 999.5 * unit->ns) {
    ++unit;
  }
  const double count = value / unit->ns;
  return fmt::format("{:.{}f} {}", count, count < 9.995 ? 2 : count < 99.95 ? 1 : 0, unit->name);
}

std::string report_as_text(const LoadOptions& options, const LoadReport& report) {
  const double measured_s = seconds(report.measured_ns);
  const bool open_loop = options.rate > 0;
  const std::string how = open_loop ? fmt::format("open loop, {} calls due per second",
                                                  fmt::group_digits(uint64_t{options.rate}))
                                    : "closed loop";
  std::string text = fmt::format(
      "{} on {}: {}, {} connections x {}{} in flight, {:.3g} s after {} of warm-up\n\n",
      options.function, options.url.display(), how, options.connections,
      open_loop ? "at most " : "", options.depth, measured_s, show_duration_ms(options.warmup_ms));
  text += fmt::format("  requests    {}    {}/s\n", fmt::group_digits(report.requests()),
                      fmt::group_digits(std::llround(report.per_second())));
  text += fmt::format("  latency     {}   mean {}\n", percentiles(report.latencies),
                      show_latency(report.latencies.mean()));
  if (open_loop) {
    text += "              (from when a call was due)\n";
    text += fmt::format("  sent late   {}\n", percentiles(report.lateness));
  }
  text += fmt::format("  bytes       sent {}, received {}\n",
                      show_bytes(sent_bytes(report), measured_s),
                      show_bytes(report.received_bytes, measured_s));
  if (report.busy_share() > kBusy) {
    text += fmt::format("  generator   busy {:.0f} % of the time: it may be what limits this\n",
                        report.busy_share() * 100);
  }
  text += errors_as_text(report);
  if (report.disconnects > 0) {
    text += fmt::format("  connections ended {} times and were opened again\n",
                        fmt::group_digits(report.disconnects));
  }
  if (report.unfinished > 0) {
    text += fmt::format("  unfinished  {} calls, in no figure above\n",
                        fmt::group_digits(report.unfinished));
  }
  return text;
}

std::string report_as_json(const LoadOptions& options, const LoadReport& report) {
  Json by_kind, samples = Json::object();
  for (size_t kind = 0; kind < kCallErrorNames.size(); ++kind) {
    const std::string name(kCallErrorNames[kind]);
    by_kind[name] = report.errors[kind];
    if (report.errors[kind] > 0) {
      samples[name] = report.samples[kind];
    }
  }
  Json json = {{"url", options.url.display()},
               {"function", options.function},
               {"connections", options.connections},
               {"depth", options.depth},
               {"rate", options.rate > 0 ? Json(options.rate) : Json()},
               {"seconds", seconds(report.measured_ns)},
               {"requests", report.requests()},
               {"requests_per_second", report.per_second()},
               {"latency_us", percentiles_json(report.latencies)}};
  if (options.rate > 0) {
    json["sent_late_us"] = percentiles_json(report.lateness);
  }
  json["errors"] = report.error_count();
  json["errors_by_kind"] = std::move(by_kind);
  json["error_samples"] = std::move(samples);
  json["sent_bytes"] = sent_bytes(report);
  json["received_bytes"] = report.received_bytes;
  json["answered"] = report.answered;
  json["disconnects"] = report.disconnects;
  json["unfinished"] = report.unfinished;
  json["client_cpu_seconds"] = seconds(report.cpu_ns);
  json["client_busiest_thread"] = report.busy_share();
  // A server's text may hold anything.
  return dump_printable(json);
}

}  // namespace zerogate
