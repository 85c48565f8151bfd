// Python's spelling of a C++ type, for contracts: `list[str]`, `Order`, `int | None`.
#pragma once

#include <string>

#include "core/sdk/codec_containers.h"
#include "core/sdk/codec_struct.h"

namespace zerogate {

/// Dates and the like are spelled with their module, `datetime.date`, and any value is `Any`. A
/// struct or an enumeration goes by its name without namespaces. void is None.
template <class T>
std::string type_name() {
  if constexpr (std::is_void_v<T>) {
    return "None";
  } else {
    return sdk::Codec<T>::name();
  }
}

}  // namespace zerogate
