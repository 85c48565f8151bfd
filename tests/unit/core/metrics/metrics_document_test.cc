// docs/metrics.md is made of what a gateway shows (tests/interop/test_documents.py). Its rows of
// the core's families are compared here with what the collector says: a name, a type, a label or a
// line of a help text that is lost is no change that only the page of the next release shows.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <map>
#include <set>

#include "tests/unit/core/metrics/collector_fixture.h"

namespace zerogate {
namespace {

/// Families of the gateway's own: see gateway/.
constexpr const char* kOfTheGateway[] = {"zerogate_config_", "zerogate_rate_limit",
                                         "zerogate_tls_reloads_total", "zerogate_tls_certificate_"};

class MetricsDocumentTest : public CollectorTest {
 protected:
  /// {name: its row}, of the document.
  static std::map<std::string, std::string> documented() {
    std::ifstream file("docs/metrics.md");
    EXPECT_TRUE(file) << "the test has to run in the project's folder";
    std::map<std::string, std::string> rows;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("| `")) {
        rows[line.substr(3, line.find('`', 3) - 3)] = line;
      }
    }
    return rows;
  }
  static std::string row_of(const MetricFamily& family) {
    std::set<std::string> labels;
    for (const ClientMetric& metric : family.metric) {
      for (const auto& label : metric.label) {
        labels.insert(label.name);
      }
    }
    std::string help;
    for (const char c : family.help) {
      help += c == '*' || c == '|' ? std::string("\\") + c : std::string(1, c);
    }
    const char* const type = family.type == MetricType::Counter     ? "counter"
                             : family.type == MetricType::Histogram ? "histogram"
                                                                    : "gauge";
    return fmt::format("| `{}` | {} | {} | {} |", family.name, type, fmt::join(labels, ", "), help);
  }
  /// With one of everything.
  std::vector<MetricFamily> all_families() {
    auto backend = std::make_shared<BackendMetrics>("orders");
    backend->add("10.0.0.2:5559");
    first.backends.add(backend);
    first.duration(1, Protocol::tcp).observe(1);
    first.of(TlsSide::listener).on_handshake(TlsResult::ok, 1);
    return Collector({&first}, blocking, {"1.2.3", "0123456789ab"},
                     {1 << 30, [] { return 1 << 20; }})
        .Collect();
  }
};

TEST_F(MetricsDocumentTest, EveryFamilyIsDescribedAsItIs) {
  auto rows = documented();
  for (const MetricFamily& family : all_families()) {
    EXPECT_EQ(row_of(family), rows[family.name]);
    rows.erase(family.name);
  }
  for (const auto& [name, row] : rows) {
    EXPECT_TRUE(std::ranges::any_of(
        kOfTheGateway, [&name = name](const char* begin) { return name.starts_with(begin); }))
        << name << " is not shown";
  }
}

// Who sees a value on a dashboard finds in the help what it means.
TEST_F(MetricsDocumentTest, EveryReasonIsExplained) {
  first.of(Protocol::zmq).count(Malformed::truncated);
  for (const MetricFamily& family : all_families()) {
    for (const ClientMetric& metric : family.metric) {
      const LabelMap carried = labels_of(metric);
      for (const char* const name : {"reason", "outcome", "use", "result"}) {
        const auto found = carried.find(name);
        if (found == carried.end() || found->second == "ok") {
          continue;
        }
        const bool never = family.name == "zerogate_backend_requests_total" &&
                           (found->second == "overloaded" || found->second == "abandoned");
        const bool said = family.help.find(found->second) != std::string::npos;
        EXPECT_TRUE(said || never)
            << family.name << " does not say what " << found->second << " is";
      }
    }
  }
}

}  // namespace
}  // namespace zerogate
