#include "gateway/admin/status_document.h"

#include <cassert>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/base/printable.h"
#include "gateway/admin/backends_document.h"

namespace zerogate {
namespace {

using Json = nlohmann::ordered_json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Every function has a series of it, also before its first call.
constexpr std::string_view kRequestsFamily = "zerogate_requests_total";

std::string_view name_of(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "other";
  }
}

/// Whole numbers without the ".0" that a double has in JSON.
Json number(double value) {
  constexpr double kExact = 1LL << 53;
  if (!std::isfinite(value)) {
    return nullptr;
  }
  if (value == std::floor(value) && std::abs(value) < kExact) {
    return static_cast<int64_t>(value);
  }
  return value;
}

Json label_names(const MetricFamily& family) {
  Json names = Json::array();
  if (!family.metric.empty()) {
    for (const auto& label : family.metric.front().label) {
      names.push_back(label.name);
    }
  }
  return names;
}

/// The label values, to which the value is to be added.
Json begin_sample(const MetricFamily& family, const ClientMetric& metric) {
  assert(metric.label.size() == family.metric.front().label.size());
  Json sample = Json::array();
  for (const auto& label : metric.label) {
    sample.push_back(label.value);
  }
  return sample;
}

Json counts_of(const ClientMetric::Histogram& histogram) {
  Json counts = Json::array();
  uint64_t below = 0;
  for (const auto& bucket : histogram.bucket) {
    counts.push_back(bucket.cumulative_count - std::exchange(below, bucket.cumulative_count));
  }
  return counts;
}

Json bounds_of(const MetricFamily& family) {
  Json bounds = Json::array();
  if (!family.metric.empty()) {
    for (const auto& bucket : family.metric.front().histogram.bucket) {
      if (std::isfinite(bucket.upper_bound)) {
        bounds.push_back(number(bucket.upper_bound));
      }
    }
  }
  return bounds;
}

Json family_json(const MetricFamily& family) {
  Json json{{"type", name_of(family.type)}, {"labels", label_names(family)}};
  if (family.type == MetricType::Histogram) {
    json["bounds"] = bounds_of(family);
  }
  Json& samples = json["samples"] = Json::array();
  for (const ClientMetric& metric : family.metric) {
    if (family.type == MetricType::Counter && metric.counter.value == 0) {
      continue;
    }
    Json sample = begin_sample(family, metric);
    if (family.type == MetricType::Histogram) {
      sample.push_back(number(metric.histogram.sample_sum));
      sample.push_back(counts_of(metric.histogram));
    } else {
      sample.push_back(
          number(family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value));
    }
    samples.push_back(std::move(sample));
  }
  return json;
}

/// In the order of the samples, in which a function's come together.
Json functions_of(const std::vector<MetricFamily>& families) {
  Json names = Json::array();
  for (const MetricFamily& family : families) {
    for (const ClientMetric& metric : family.metric) {
      for (const auto& label : metric.label) {
        if (family.name == kRequestsFamily && label.name == "function" &&
            (names.empty() || names.back() != label.value)) {
          names.push_back(label.value);
        }
      }
    }
  }
  return names;
}

}  // namespace

std::string status_json(const StatusHead& head, const std::vector<MetricFamily>& families) {
  Json json{{"instance", head.instance},
            {"uptime", head.uptime_seconds},
            {"ready", head.ready},
            {"readiness", head.readiness},
            {"functions", functions_of(families)},
            {"families", Json::object()}};
  json.update(endpoints_json(head.backends, head.now));
  for (const MetricFamily& family : families) {
    json["families"][family.name] = family_json(family);
  }
  return dump_printable(json);
}

}  // namespace zerogate
