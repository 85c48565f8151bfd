// `save_order`: the benchmark's function that writes. One SET of a new order, as a Python Zero
// service of the benchmark would write it, so that either side reads what the other has saved.
#pragma once

#include <string>

#include "core/base/uuid.h"
#include "core/rpc/service.h"
#include "handlers/local_time.h"
#include "handlers/order_argument.h"
#include "handlers/redis_operation.h"

namespace zerogate {

/// Saves {"user_id": str, "items": [str...]} under a fresh UUID4 and answers
/// {"order_id": uuid, "status": 0, "items": [...]} once Redis has said OK, not before. An argument
/// of another shape is refused as invalid. No bound of its own on an order: limits.message is one.
/// Loop thread only. Redis has answered everything before this is destroyed (see make_handlers).
class SaveOrder final : public Service {
 public:
  explicit SaveOrder(RedisCommand redis, LocalTime::Clock clock = &LocalTime::system_clock);
  ~SaveOrder() override;
  void serve(const Request& request, Call call) override;

 private:
  class Pending;

  void write_record(ByteView id, const OrderArgument& order);

  RedisCommand redis_;
  LocalTime time_;
  UuidSource uuids_;
  std::string record_;  ///< what goes to Redis; kept for its capacity
  OperationPool<Pending> pool_;
};

}  // namespace zerogate
