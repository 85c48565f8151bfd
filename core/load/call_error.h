// The kind of an error answer, for the report of a load.
#pragma once

#include "core/base/bytes.h"
#include "core/load/load_report.h"

namespace zerogate {

CallError call_error_of(ByteView body);

}  // namespace zerogate
