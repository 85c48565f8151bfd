#include "handlers/get_order.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "core/wire/msgpack_scan.h"
#include "handlers/order_argument.h"

namespace zerogate {

/// One GET under way, with the id for error texts.
class GetOrder::Pending final : public RedisRequest {
 public:
  explicit Pending(OperationPool<Pending>& pool) : pool_(pool) {}

  void start(Call call, ByteView id) {
    call_ = std::move(call);
    id_.assign(id);
  }

  void on_reply(const RedisReply& reply) override {
    answer(reply);
    pool_.give_back(std::unique_ptr<Pending>(this));
  }

 private:
  void answer(const RedisReply& reply) {
    if (reply.status != RedisReply::Status::ok) {
      return fail_with(std::move(call_), reply);
    }
    if (!reply.has_value) {
      return fail(fmt::format("order `{}` not found", id_));
    }
    if (!wire::is_one_value(reply.value)) {
      return fail(fmt::format("what is stored as order `{}` is not one MessagePack value", id_));
    }
    std::move(call_).reply(reply.value);
  }

  void fail(const std::string& text) { std::move(call_).fail(Outcome::error, text); }

  OperationPool<Pending>& pool_;
  Call call_;
  std::string id_;
};

GetOrder::GetOrder(RedisCommand redis) : redis_(std::move(redis)) {}

GetOrder::~GetOrder() = default;

void GetOrder::serve(const Request& request, Call call) {
  const std::string fault = check_str(request.argument, "");
  if (!fault.empty()) {
    return std::move(call).fail(Outcome::invalid, fault);
  }
  ByteView id;
  wire::Reader(request.argument).read_str(id);
  if (id.size() > kMaxIdBytes) {
    return std::move(call).fail(Outcome::invalid,
                                fmt::format("Expected `str` of length <= {}", kMaxIdBytes));
  }
  Pending* pending = pool_.take(pool_).release();  // on_reply gives it back
  pending->start(std::move(call), id);
  redis_({"GET", id}, *pending);  // may have called on_reply already
}

}  // namespace zerogate
