// Two workers, what a scrape of them yields, and what promtool thinks of it.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/metrics/collector.h"

namespace zerogate {

class CollectorTest : public ::testing::Test {
 protected:
  using ClientMetric = prometheus::ClientMetric;
  using MetricFamily = prometheus::MetricFamily;
  using MetricType = prometheus::MetricType;
  using LabelMap = std::map<std::string, std::string>;

  bool has_family(const std::string& name) {
    families = collector.Collect();
    for (const MetricFamily& one : families) {
      if (one.name == name) {
        return true;
      }
    }
    return false;
  }
  const MetricFamily& family(const std::string& name) {
    families = collector.Collect();
    for (const MetricFamily& one : families) {
      if (one.name == name) {
        return one;
      }
    }
    ADD_FAILURE() << "no family " << name;
    static const MetricFamily none;
    return none;
  }
  static LabelMap labels_of(const ClientMetric& metric) {
    LabelMap map;
    for (const auto& label : metric.label) {
      map[label.name] = label.value;
    }
    return map;
  }
  /// Valid until the next look.
  const ClientMetric* find(const std::string& name, const LabelMap& wanted) {
    return find_in(family(name), wanted);
  }
  std::optional<double> value(const std::string& name, const LabelMap& wanted = {}) {
    const MetricFamily& one = family(name);
    const ClientMetric* metric = find_in(one, wanted);
    if (!metric) {
      return std::nullopt;
    }
    return one.type == MetricType::Counter ? metric->counter.value : metric->gauge.value;
  }
  static const ClientMetric* find_in(const MetricFamily& family, const LabelMap& wanted) {
    for (const ClientMetric& metric : family.metric) {
      if (labels_of(metric) == wanted) {
        return &metric;
      }
    }
    return nullptr;
  }
  std::string text() { return prometheus::TextSerializer().Serialize(collector.Collect()); }

  static bool has_promtool() { return std::system("command -v promtool >/dev/null 2>&1") == 0; }
  /// What `promtool check metrics` says, and its exit status when that is not 0.
  static std::string promtool(const std::string& page) {
    char path[] = "/tmp/zerogate_metrics_XXXXXX";
    const int file = mkstemp(path);
    EXPECT_GE(file, 0);
    EXPECT_EQ(write(file, page.data(), page.size()), static_cast<ssize_t>(page.size()));
    close(file);
    const std::string command = "promtool check metrics < " + std::string(path) + " 2>&1";
    std::FILE* check = popen(command.c_str(), "r");
    std::string said;
    for (int c; (c = std::fgetc(check)) != EOF;) {
      said += static_cast<char>(c);
    }
    if (const int status = pclose(check); status != 0) {
      said += "exit status " + std::to_string(status);
    }
    unlink(path);
    return said;
  }

  FunctionLabels labels{{"hello_world", "echo"}};
  WorkerMetrics first{labels}, second{labels};
  BlockingMetrics blocking;
  Collector collector{{&first, &second}, blocking, {"1.2.3", "0123456789ab"}};
  std::vector<MetricFamily> families;
};

}  // namespace zerogate
