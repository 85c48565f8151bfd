// `get_order`: an order by its id, as save_order or a Python Zero service has stored it.
#pragma once

#include <string>

#include "core/rpc/service.h"
#include "handlers/redis_operation.h"

namespace zerogate {

/// The argument is the id, a str of at most kMaxIdBytes; the answer is what GET finds under it,
/// moved and not decoded. An id that has not the form of a UUID, or under which no order is stored
/// (a map with an order's fields), is an unknown one: no other key of Redis can be read. Loop
/// thread only. Redis has answered everything before this is destroyed (see make_handlers).
class GetOrder final : public Service {
 public:
  /// An id has 36 bytes. A longer one up to this is unknown; error texts, which show it, stay
  /// readable.
  static constexpr size_t kMaxIdBytes = 256;

  explicit GetOrder(RedisCommand redis);
  ~GetOrder() override;
  void serve(const Request& request, Call call) override;

 private:
  class Pending;

  RedisCommand redis_;
  OperationPool<Pending> pool_;
};

}  // namespace zerogate
