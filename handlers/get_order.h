// `get_order`: an order by its id, as save_order or a Python Zero service has stored it.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/sdk/context.h"
#include "core/sdk/task.h"
#include "handlers/order.h"

namespace zerogate {

/// An id has 36 bytes. A longer one up to this is unknown; error texts, which show it, stay
/// readable.
inline constexpr size_t kMaxOrderIdBytes = 256;

/// Answers with what GET finds, moved and not decoded. An id that has not the form of a UUID, or
/// under which no order is stored (a map with an order's fields), is an unknown one: no other key
/// of Redis can be read.
Task<EncodedView<Order>> get_order(std::string_view id, Context& context);

}  // namespace zerogate
