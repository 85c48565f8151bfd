// The order of Zero's benchmark: as it is asked for, as Redis has it, and as save_order answers it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/sdk/fields.h"
#include "core/sdk/values.h"

namespace zerogate {

/// What save_order takes. The parts were checked and stay in the form in which they came: they go
/// into record and answer as they are.
struct NewOrder {
  EncodedView<std::string> user_id;
  EncodedView<std::vector<std::string>> items;
  ZEROGATE_FIELDS(user_id, items)
};

/// What stands in Redis under the order's id, for a Python service of the benchmark to read.
struct Order {
  std::string_view id;
  EncodedView<std::vector<std::string>> items;
  EncodedView<std::string> created_by;
  std::string_view created_at;  ///< local time, as Python's datetime.now().isoformat()
  int32_t status = 0;           ///< 0: just placed
  std::string_view updated_at;
  ZEROGATE_FIELDS(id, items, created_by, created_at, status, updated_at)
};

/// What save_order answers.
struct SavedOrder {
  std::string_view order_id;
  int32_t status = 0;
  EncodedView<std::vector<std::string>> items;
  ZEROGATE_FIELDS(order_id, status, items)
};

}  // namespace zerogate
