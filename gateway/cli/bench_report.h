// The report of `zerogate bench`, for people and for programs. Pure functions.
#pragma once

#include <string>

#include "core/load/load_options.h"
#include "core/load/load_report.h"

namespace zerogate {

/// Some lines of text.
std::string report_as_text(const LoadOptions& options, const LoadReport& report);

/// One line of JSON. Its names are fixed; latencies are in microseconds.
std::string report_as_json(const LoadOptions& options, const LoadReport& report);

/// "812 µs", "7.21 ms", "1.02 s": three digits that matter.
std::string show_latency(uint64_t ns);

}  // namespace zerogate
