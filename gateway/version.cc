#include "gateway/version.h"

namespace zerogate {

std::string_view version() { return ZEROGATE_VERSION; }
std::string_view revision() { return ZEROGATE_REVISION; }

}  // namespace zerogate
