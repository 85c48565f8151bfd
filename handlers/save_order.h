// `save_order`: the benchmark's function that writes.
#pragma once

#include "core/sdk/context.h"
#include "core/sdk/task.h"
#include "handlers/order.h"

namespace zerogate {

/// Saves an order under a fresh UUID4, as a Python service of the benchmark would, and answers once
/// Redis has said OK. No bound of its own on an order: limits.message is one.
Task<SavedOrder> save_order(const NewOrder& order, Context& context);

}  // namespace zerogate
