#include "handlers/get_order.h"

#include <fmt/format.h>

#include <optional>

#include "core/sdk/call_failure.h"
#include "core/sdk/decode.h"

namespace zerogate {
namespace {

/// Of an order that a later service has written nothing but the names is known.
struct AnyOrder {
  EncodedView<Raw> id, items, created_by, created_at, status, updated_at;
  ZEROGATE_FIELDS(id, items, created_by, created_at, status, updated_at)
};

/// 8-4-4-4-12 hexadecimal digits.
bool has_uuid_form(std::string_view id) {
  Uuid uuid;
  return id.size() == 36 && Uuid::parse(id, uuid);
}

}  // namespace

Task<EncodedView<Order>> get_order(std::string_view id, Context& context) {
  if (id.size() > kMaxOrderIdBytes) {
    throw CallFailure(Outcome::invalid,
                      fmt::format("Expected `str` of length <= {}", kMaxOrderIdBytes));
  }
  std::optional<std::string_view> stored;
  if (has_uuid_form(id)) {
    stored = co_await context.redis.get_view(id);
  }
  // Redis may hold other things than orders, which are not to be read here.
  if (!stored || !decode<AnyOrder>(*stored)) {
    throw CallFailure(Outcome::error, fmt::format("order `{}` not found", id));
  }
  co_return {*stored};
}

}  // namespace zerogate
