// Tells the service manager that started the gateway what state it is in: systemd's readiness
// protocol.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "gateway/host/environment.h"

namespace zerogate {

/// Sends the states of sd_notify(3) to the socket that NOTIFY_SOCKET names; does nothing without
/// one. Owned by run_serve and outlives the gateway. Any thread but the workers'.
///
/// The protocol is one datagram for each state; systemd documents it as stable and as fit to be
/// written anew. libsystemd would serve one system call here, and would bring 7 libraries, 4 of
/// them for compression and cryptography, 1.2 MB of resident memory and some milliseconds of start
/// into a process that faces the network.
///
/// When the service manager's queue is full, a state waits at most a second; this holds up the
/// caller and never a worker. A state that cannot be sent is lost with a warning in the log. The
/// service manager then acts by its time-outs; the gateway goes on serving.
class SystemdNotifier {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. A mistake in one of them goes to the log.
  explicit SystemdNotifier(const Environment& environment);
  SystemdNotifier(const SystemdNotifier&) = delete;
  SystemdNotifier& operator=(const SystemdNotifier&) = delete;

  /// /readyz would say 200. Also the end of a reload.
  void ready(std::string_view status) const;
  /// A configuration is being loaded: until ready() the service manager waits.
  void reloading() const;
  /// Calls under way are being answered, for at most `timeout_ms`; a service manager that would
  /// kill earlier is asked for that time.
  void stopping(std::string_view status, uint32_t timeout_ms) const;
  /// One line for people: systemctl status shows it.
  void status(std::string_view text) const;
  /// Every part of the process is at work. To be sent within watchdog_ms().
  void alive() const;

  /// How long the service manager waits for alive() before it ends the process; 0: it does not.
  uint64_t watchdog_ms() const { return watchdog_ms_; }

 private:
  Status open();
  void read_watchdog(const Environment& environment);
  void send(const std::string& state) const;

  std::string path_;  ///< of the socket, as in NOTIFY_SOCKET; empty: none
  UniqueFd socket_;
  uint64_t watchdog_ms_ = 0;
};

}  // namespace zerogate
