// Says which changes of the configuration a running gateway takes over. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/settings.h"

namespace zerogate {

/// Why `next` is surely a mistake, and what would be accepted; empty when it is good. An example: a
/// file that an editor has just emptied reads as one that asks for all defaults.
std::string reload_refusal(const Config& running, const Config& next);

/// The paths of the keys ("listen.tcp") that differ and need a restart: listeners, threads, limits,
/// Redis and others that are not live. Backends, routes, handlers, rate limits, curve.clients, tls
/// (but handshake_timeout and watch) and the log are live. The live keys of a listener that comes
/// or goes (`tls` of listen.tls) wait for the restart with it: the port serves until then, and as
/// before.
///
/// Both must be as load_config gave them. A gateway that has lowered limits.connections to what its
/// descriptors allow would otherwise look changed.
std::vector<std::string> unreloadable_changes(const Config& running, const Config& next,
                                              const SettingsTable& table = settings());

/// Makes of `running` what a reload puts into force: copies the values of the live keys that do not
/// wait, and what their files say.
void take_over_live(const Config& next, Config& running, const SettingsTable& table = settings());

/// Why the keys of `next` that do not wait cannot be together with those that do, as they are in
/// `running`; a line each, empty when they can. An example: a backend on the port that a listener
/// leaves at the restart only.
std::vector<std::string> problems_until_restart(const Config& running, const Config& next,
                                                const SettingsTable& table = settings());

/// Why a reload refuses `next`, a line each; empty when it does not.
std::vector<std::string> reload_problems(const Config& running, const Config& next,
                                         const SettingsTable& table = settings());

}  // namespace zerogate
