// Which commands a function must not send to Redis, because all calls of a worker share its
// connections.
#pragma once

#include <span>
#include <string>

#include "core/base/bytes.h"

namespace zerogate::sdk {

/// Why the command is refused, and what to use instead. Empty for one that is sent: most are.
/// Refused are those that would change the connection for the calls of others (a transaction takes
/// in their commands, SELECT their keys), hold it up, or get another number of replies than one, so
/// that others' calls got the wrong ones. `words` has the name, in either case, and the arguments.
std::string why_redis_refuses(std::span<const ByteView> words);

}  // namespace zerogate::sdk
