#include "tests/simulation/tally.h"

#include <fmt/format.h>

#include <string_view>

namespace zerogate::simulation {

void Tally::add(const WorkerMetrics& metrics) {
  for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
    uint64_t& count = counts_[fmt::format("outcome {}", kOutcomeNames[i])];
    for (FunctionLabel label = 0; label < FunctionLabels::kLabels; ++label) {
      for (size_t wire = 0; wire < kWireNames.size(); ++wire) {
        count += metrics.ended(label, static_cast<Wire>(wire), static_cast<Outcome>(i));
      }
    }
  }
  for (size_t protocol = 0; protocol < kProtocolNames.size(); ++protocol) {
    const ListenerMetrics& listener = metrics.transport[protocol];
    for (size_t i = 0; i < kRejectedNames.size(); ++i) {
      counts_[fmt::format("rejected {}", kRejectedNames[i])] += listener.rejected[i].value();
    }
    for (size_t i = 0; i < kMalformedNames.size(); ++i) {
      counts_[fmt::format("malformed {}", kMalformedNames[i])] += listener.malformed[i].value();
    }
    for (size_t i = 0; i < kCurveResultNames.size(); ++i) {
      counts_[fmt::format("CURVE {}", kCurveResultNames[i])] += listener.curve[i].value();
    }
    counts_["keep-alive frames"] += listener.keep_alives.value();
  }
  for (const BackendTotals& backend : metrics.backends.totals()) {
    counts_["retries"] += backend.retries;
    counts_["pipelined"] += backend.pipelined;
    counts_["sent again"] += backend.resent;
    for (const EndpointTotals& endpoint : backend.endpoints) {
      for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
        counts_[fmt::format("attempt {}", kOutcomeNames[i])] += endpoint.requests[i];
      }
    }
  }
  for (size_t side = 0; side < kTlsSideNames.size(); ++side) {
    for (size_t result = 0; result < kTlsResultNames.size(); ++result) {
      counts_[fmt::format("TLS {} {}", kTlsSideNames[side], kTlsResultNames[result])] +=
          metrics.tls[side].handshakes[result].value();
    }
  }
  counts_["redis ok"] += metrics.redis.ok.value();
  counts_["redis error"] += metrics.redis.error.value();
  counts_["redis timeout"] += metrics.redis.timeout.value();
  counts_["redis unavailable"] += metrics.redis.unavailable.value();
  counts_["redis overloaded"] += metrics.redis.overloaded.value();
}

std::string Tally::text() const {
  std::string text;
  for (const auto& [what, count] : counts_) {
    if (count != 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, count);
    }
  }
  return text;
}

std::string Tally::missing() const {
  // Not counted for streams and sockets as these are, or what the models do not do.
  constexpr std::string_view kNever[] = {
      "TLS backend no_certificate", "malformed bad_frames", "attempt not_found", "attempt invalid",
      "attempt overloaded",         "attempt abandoned",    "attempt limited"};
  for (const auto& [what, count] : counts_) {
    bool never = false;
    for (const std::string_view one : kNever) {
      never |= what == one;
    }
    if (count == 0 && !never) {
      return what;
    }
  }
  return {};
}

}  // namespace zerogate::simulation
