// Blocking connections with a deadline, for the commands that are clients.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/client/deadline.h"

namespace zerogate {

/// Waits until the descriptor is ready for `events` (those of poll). False when the deadline came
/// first.
bool wait_for(int fd, short events, const Deadline& deadline);

/// Connects to the first address of a name, or the local socket, that answers; the socket does not
/// block. The error says why, without the address: "connection refused; is the gateway running?".
/// The time-out does not hold for looking up the name; see resolve().
Result<UniqueFd> connect_to(const Address& address, uint32_t timeout_ms);

/// strerror's text with a small first letter, for the middle of a line.
std::string errno_text(int error);

}  // namespace zerogate
