#include "gateway/admin/backends_document.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/clock.h"
#include "core/base/printable.h"
#include "core/base/quote.h"

namespace zerogate {
namespace {

using Json = nlohmann::ordered_json;
using Action = EndpointOrder::Action;

constexpr std::array<std::pair<std::string_view, Action>, 4> kActions = {
    {{"disable", Action::disable},
     {"drain", Action::drain},
     {"enable", Action::enable},
     {"clear", Action::clear}}};

Json report_json(const EndpointReport& report, const Moment& now) {
  const EndpointStatus& status = report.status;
  const uint64_t age_ns = now.ns > status.since_ns ? now.ns - status.since_ns : 0;
  const auto age_s = static_cast<int64_t>(age_ns / kNsPerSecond);
  return {{"backend", report.backend},
          {"endpoint", report.endpoint},
          {"state", name_of(status.state)},
          {"reason", status.reason.empty() ? Json() : Json(status.reason)},
          {"since", fmt::format("{:%FT%TZ}", fmt::gmtime(static_cast<time_t>(now.wall_s - age_s)))},
          {"since_seconds", age_s},
          {"connections", report.connections},
          {"in_flight", report.in_flight},
          {"requests", report.requests},
          {"failures", report.failures}};
}

/// "%2F" and "+" as a form sends them.
std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    unsigned code = 0;
    const char* const digits = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2) {
      return std::nullopt;
    }
    decoded += static_cast<char>(code);
    i += 2;
  }
  return decoded;
}

Status take(std::string_view key, const std::string& value, EndpointOrder& order) {
  if (key == "action") {
    const auto known = std::ranges::find(kActions, value, [](auto& one) { return one.first; });
    if (known == kActions.end()) {
      return Error{fmt::format("unknown action {}; there are disable, drain, enable and clear",
                               quote(value))};
    }
    order.action = known->second;
  } else if (key == "backend") {
    order.backend = value;
  } else if (key == "endpoint") {
    order.endpoint = value;
  } else if (key == "reason") {
    order.reason = value;
  } else {
    return Error{fmt::format("unknown parameter {}", quote(key))};
  }
  return ok_status();
}

}  // namespace

Json endpoints_json(const EndpointReports& reports, const Moment& now) {
  Json endpoints = Json::array();
  for (const EndpointReport& report : reports.endpoints) {
    endpoints.push_back(report_json(report, now));
  }
  Json without = Json::array();
  for (const BackendWithoutEndpoints& one : reports.without_endpoints) {
    without.push_back({{"backend", one.backend}, {"reason", one.reason}});
  }
  return {{"endpoints", std::move(endpoints)}, {"without_endpoints", std::move(without)}};
}

std::string backends_json(const EndpointReports& reports, const Moment& now) {
  return dump_printable(endpoints_json(reports, now)) + "\n";
}

Result<EndpointOrder> parse_order(std::string_view query) {
  EndpointOrder order;
  bool has_action = false;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const auto value = decode(equals == pair.npos ? "" : pair.substr(equals + 1));
    if (!value) {
      return Error{fmt::format("{}: '%' needs two hexadecimal digits behind it", quote(key))};
    }
    if (Status status = take(key, *value, order); !status) {
      return Error{status.error()};
    }
    has_action |= key == "action";
  }
  if (!has_action || order.backend.empty() || order.endpoint.empty()) {
    return Error{
        "which? POST '/backends?action=disable&backend=NAME&endpoint=HOST:PORT' (or drain, enable, "
        "clear; &reason=TEXT if you like)"};
  }
  return order;
}

}  // namespace zerogate
