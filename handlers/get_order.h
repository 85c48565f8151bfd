// `get_order`: an order by its id, as save_order or a Python Zero service has stored it.
#pragma once

#include <string>

#include "core/rpc/service.h"
#include "handlers/redis_operation.h"

namespace zerogate {

/// The argument is the id, a str of at most kMaxIdBytes; the answer is what GET finds under it,
/// moved and not decoded. No such order, or a stored value that is not one MessagePack value, is an
/// error that says so. Loop thread only. Redis has answered everything before this is destroyed
/// (see make_handlers).
class GetOrder final : public Service {
 public:
  /// A UUID has 36 bytes; this leaves room for prefixes and keeps error texts readable.
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
