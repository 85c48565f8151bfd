// Keys that were written and do nothing, since what they are about is off. Used while a
// configuration is built, by one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/config/bridge_entries.h"
#include "gateway/config/config.h"
#include "gateway/config/settings.h"

namespace zerogate {

/// The place of a key that was written; nothing of one that was not.
using PlaceOf = std::function<std::optional<std::string>(std::string_view path)>;

/// A line for each thing that is off, with the keys that were written in vain. A key with its
/// default is none of them: it may stand there for the reader.
void warn_of_idle_keys(const Config& config, const SettingsTable& table, const PlaceOf& place,
                       const Warn& warn);
void warn_of_idle_keys(const Entries<BackendOptions>& backends, const Warn& warn);

/// Functions of rate limits that neither a handler nor a route serves, as far as that can be known
/// of the gateway's own functions.
void warn_of_idle_limits(const Entries<RateLimitOptions>& limits, const Config& config,
                         const Warn& warn);

}  // namespace zerogate
