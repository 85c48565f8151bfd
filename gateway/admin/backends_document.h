// The endpoints of the backends as JSON, and the orders for them. Pure functions, any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "gateway/admin/endpoint_report.h"

namespace zerogate {

struct Moment {
  uint64_t ns = 0;     ///< of the reports' clock
  int64_t wall_s = 0;  ///< the same, since 1970
};

/// {"endpoints": [ENDPOINT, ...], "without_endpoints": [{"backend", "reason"}, ...]}. An ENDPOINT
/// has backend, endpoint, state (see kEndpointStateNames), reason (null when it is up), since (UTC,
/// as in "2026-11-27T20:15:57Z"), since_seconds, connections, in_flight, requests and failures.
std::string backends_json(const EndpointReports& reports, const Moment& now);
nlohmann::ordered_json endpoints_json(const EndpointReports& reports, const Moment& now);

/// Takes "action=disable&backend=NAME&endpoint=ADDRESS&reason=TEXT", each value percent-encoded.
/// The error says what is missing.
Result<EndpointOrder> parse_order(std::string_view query);

}  // namespace zerogate
