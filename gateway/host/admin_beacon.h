// Tells, and finds, where the admin port of a running gateway is, whatever its configuration says
// by now.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/unique_fd.h"

namespace zerogate {

/// Where it can be seen, and by whom it is meant to be found.
struct BeaconScope {
  std::string processes;   ///< the PID namespace, as the kernel spells it; empty: not known
  bool container = false;  ///< that is not the host's: its gateway is the only one
  std::string config;      ///< the configuration file's name in full; empty: none

  /// Of this process; `config_file` as the user wrote it.
  static BeaconScope here(const std::string& config_file);
};

/// Before the address of a port that speaks TLS.
inline constexpr std::string_view kBeaconHttps = "https://";

/// A name in Linux' abstract socket namespace: it needs no disk, which a container may not have,
/// stands in /proc/net/unix for every process of the same network namespace, where the address
/// means the same, and goes with its process. The thread that makes it.
class AdminBeacon {
 public:
  /// Without effect when the name is too long, or no descriptor is left: who looks for it asks
  /// where the configuration says.
  AdminBeacon(const BeaconScope& scope, std::string_view address);

 private:
  UniqueFd socket_;
};

/// The address that a gateway of this scope has told, by the text of /proc/net/unix: the one that
/// was started with this configuration file; in a container also the only one there is, unless
/// `config_only`. Nothing when there is none, or more than one. Any thread.
std::optional<std::string> find_beacon(std::string_view proc_net_unix, const BeaconScope& scope,
                                       bool config_only);

}  // namespace zerogate
