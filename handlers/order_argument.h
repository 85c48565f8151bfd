// The argument of save_order, checked and cut into its parts without being decoded.
#pragma once

#include <string>
#include <vector>

#include "core/sdk/decode.h"

namespace zerogate {

/// `{"user_id": str, "items": [str...]}`. The parts are whole MessagePack values in the form in
/// which they came. They view the argument, and go into record and result as they are.
struct OrderArgument {
  EncodedView<std::string> user_id;
  EncodedView<std::vector<std::string>> items;
  ZEROGATE_FIELDS(user_id, items)
};

}  // namespace zerogate
