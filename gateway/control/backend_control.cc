#include "gateway/control/backend_control.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <uv.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "core/base/endpoint_name.h"
#include "core/base/quote.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

using Action = EndpointOrder::Action;
using Key = std::pair<std::string, std::string>;  // backend and endpoint

struct EndpointSum {
  EndpointReport report;
  std::set<std::string> names;  ///< in full; one, or none when only its address was ordered for
  std::vector<EndpointStatus> views;
};
using EndpointSums = std::map<Key, EndpointSum>;

void add(const EndpointTotals& totals, EndpointSum& sum) {
  const auto count = [&](Outcome outcome) { return totals.requests[index_of(outcome)]; };
  for (const uint64_t requests : totals.requests) {
    sum.report.requests += requests;
  }
  sum.report.failures += count(Outcome::timeout) + count(Outcome::unavailable);
  if (totals.live) {
    sum.report.connections += totals.connections;
    sum.report.in_flight += totals.in_flight;
    sum.views.push_back(totals.status);
  }
}

std::string_view word_for(Action action) {
  switch (action) {
    case Action::disable:
      return "disabled";
    case Action::drain:
      return "drained";
    case Action::enable:
      return "enabled";
    case Action::clear:
      break;
  }
  return "cleared";
}

std::string_view event_for(Action action) {
  switch (action) {
    case Action::disable:
      return "endpoint disabled by hand";
    case Action::drain:
      return "endpoint drained by hand";
    case Action::enable:
      return "endpoint enabled by hand";
    case Action::clear:
      break;
  }
  return "endpoint cleared by hand";
}

std::string_view effect_of(Action action) {
  switch (action) {
    case Action::disable:
      return "its connections are closed, and it gets no calls until it is enabled";
    case Action::drain:
      return "it gets no new calls; its connections are closed when those under way have ended";
    case Action::enable:
      return "it is connected to again";
    case Action::clear:
      break;
  }
  return "it is tried at once";
}

/// Of each backend as often as there are event loops.
std::vector<BackendTotals> totals_of(const std::vector<const WorkerMetrics*>& workers) {
  std::vector<BackendTotals> all;
  for (const WorkerMetrics* worker : workers) {
    std::ranges::move(worker->backends.totals(), std::back_inserter(all));
  }
  return all;
}

/// Those that exist or that something was ordered for, by backend and by what is shown.
EndpointSums endpoint_sums(const std::vector<BackendTotals>& all, const ByHand& by_hand) {
  const auto counts = [&](const BackendTotals& backend, const EndpointTotals& one) {
    return one.live || by_hand.find(backend.backend, one.endpoint).state != HandState::ready;
  };
  std::map<std::string, ShownEndpoints> shown;
  for (const BackendTotals& backend : all) {
    for (const EndpointTotals& one : backend.endpoints) {
      if (counts(backend, one)) {
        shown[backend.backend].add(one.endpoint);
      }
    }
  }
  EndpointSums sums;
  for (const BackendTotals& backend : all) {
    for (const EndpointTotals& one : backend.endpoints) {
      EndpointSum& sum = sums[{backend.backend, shown[backend.backend].name_of(one.endpoint)}];
      add(one, sum);
      if (counts(backend, one)) {
        sum.names.insert(one.endpoint);
      }
    }
  }
  std::erase_if(sums, [&](const auto& item) {
    const auto& [backend, endpoint] = item.first;
    return item.second.names.empty() &&
           by_hand.find(backend, endpoint).state == HandState::ready;  // it has gone
  });
  return sums;
}

/// Those that serve and that no event loop knows an endpoint of.
std::set<std::string> without_endpoints(const std::vector<BackendTotals>& all) {
  std::set<std::string> live, known;
  for (const BackendTotals& backend : all) {
    if (backend.live) {
      live.insert(backend.backend);
    }
    if (std::ranges::any_of(backend.endpoints, &EndpointTotals::live)) {
      known.insert(backend.backend);
    }
  }
  std::erase_if(live, [&](const std::string& name) { return known.contains(name); });
  return live;
}

}  // namespace

EndpointStatus best_of(const std::vector<EndpointStatus>& views) {
  const auto order = [](const EndpointStatus& one) {
    return is_by_hand(one.state) ? -1 - static_cast<int>(one.state) : static_cast<int>(one.state);
  };
  EndpointStatus best = *std::ranges::min_element(views, {}, order);
  const auto others = std::ranges::count_if(
      views, [&](const EndpointStatus& one) { return one.state != best.state; });
  if (others > 0 && !is_by_hand(best.state)) {
    const EndpointStatus& worst = *std::ranges::max_element(views, {}, order);
    best.reason = fmt::format("{} of {} event loops see it differently: {}: {}", others,
                              views.size(), name_of(worst.state), worst.reason);
  }
  return best;
}

EndpointReports BackendControl::report() const {
  const std::vector<BackendTotals> all = totals_of(workers_.metrics());
  EndpointReports reports;
  for (auto& [key, sum] : endpoint_sums(all, *by_hand_)) {
    sum.report.backend = key.first;
    sum.report.endpoint = key.second;
    if (sum.views.empty()) {
      // What is shown is the address alone, or the name that the order was for.
      const std::string& name = sum.names.empty() ? key.second : *sum.names.begin();
      const HandOrder order = by_hand_->standing_for(key.first, name);
      const bool drain = order.state == HandState::drain;
      sum.report.status = {drain ? EndpointState::drain : EndpointState::disabled,
                           in_words(order) + (key.second == address_of(key.second)
                                                  ? "; no backend has this address now"
                                                  : "; this name does not have the address now"),
                           order.since_ns};
    } else {
      sum.report.status = best_of(sum.views);
    }
    reports.endpoints.push_back(std::move(sum.report));
  }
  for (const std::string& backend : without_endpoints(all)) {
    reports.without_endpoints.push_back(
        {backend, "its host name has no address yet; 'name not resolved' in the log says why"});
  }
  return reports;
}

Result<std::string> BackendControl::order(const EndpointOrder& order) {
  const std::lock_guard lock(ordering_);
  std::string known;
  std::vector<std::string> meant;
  for (const auto& [key, sum] : endpoint_sums(totals_of(workers_.metrics()), *by_hand_)) {
    const auto& [backend, endpoint] = key;
    if (backend == order.backend &&
        (address_of(endpoint) == order.endpoint || sum.names.contains(order.endpoint))) {
      meant.push_back(endpoint);
    }
    known += fmt::format("{}{} {}", known.empty() ? "" : ", ", backend, endpoint);
  }
  if (meant.empty()) {
    return Error{fmt::format("backend {} has no endpoint {}; there are: {}", quote(order.backend),
                             quote(order.endpoint), known.empty() ? "none" : known)};
  }
  const HandOrder before = by_hand_->standing_for(order.backend, order.endpoint);
  if (order.action == Action::clear && before.state != HandState::ready) {
    return Error{fmt::format("{} {} is {}; enable it instead", order.backend, order.endpoint,
                             in_words(before))};
  }
  if (order.action != Action::clear) {
    const HandState state = order.action == Action::disable ? HandState::disabled
                            : order.action == Action::drain ? HandState::drain
                                                            : HandState::ready;
    const HandOrder by_hand = {state, order.reason, uv_hrtime()};
    if (Status status = by_hand_->set(order.backend, order.endpoint, by_hand); !status) {
      return Error{status.error()};
    }
  }
  log::warn(event_for(order.action), {{"backend", order.backend},
                                      {"endpoint", order.endpoint},
                                      {"reason", order.reason.empty() ? "-" : order.reason}});
  workers_.tell(order);
  const std::string all =
      meant.size() > 1 ? fmt::format(" (all there: {})", fmt::join(meant, ", ")) : "";
  return fmt::format("{} {}{} {}: {}", order.backend, order.endpoint, all, word_for(order.action),
                     effect_of(order.action));
}

}  // namespace zerogate
