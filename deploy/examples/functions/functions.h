// Notes that are kept in Redis.
#pragma once

#include "zerogate.h"

namespace notes {

/// For the gateway and for its tests.
zerogate::Functions functions();

}  // namespace notes
