#include "handlers/save_order.h"

#include <memory>
#include <utility>

#include "core/wire/msgpack_write.h"

namespace zerogate {
namespace {

/// Buffers that an unusually large order has grown beyond this are given back after it.
constexpr size_t kKeptBytes = 1024;
/// Of an order that was just placed, in the benchmark's enumeration.
constexpr uint64_t kStatusInitiated = 0;

void empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptBytes) buffer.shrink_to_fit();
}

}  // namespace

/// One SET under way, with the answer for when it succeeds.
class SaveOrder::Pending final : public RedisRequest {
 public:
  explicit Pending(OperationPool<Pending>& pool) : pool_(pool) {}

  void start(Call call, ByteView id, ByteView items) {
    call_ = std::move(call);
    wire::write_map(result_, 3);
    wire::write_str(result_, "order_id");
    wire::write_str(result_, id);
    wire::write_str(result_, "status");
    wire::write_uint(result_, kStatusInitiated);
    wire::write_str(result_, "items");
    result_.append(items);
  }

  void on_reply(const RedisReply& reply) override {
    if (reply.status == RedisReply::Status::ok) {
      std::move(call_).reply(result_);
    } else {
      fail_with(std::move(call_), reply);
    }
    empty(result_);
    pool_.give_back(std::unique_ptr<Pending>(this));
  }

 private:
  OperationPool<Pending>& pool_;
  Call call_;
  std::string result_;
};

SaveOrder::SaveOrder(RedisCommand redis, LocalTime::Clock clock)
    : redis_(std::move(redis)), time_(clock) {}

SaveOrder::~SaveOrder() = default;

void SaveOrder::serve(const Request& request, Call call) {
  OrderArgument order;
  const std::string fault = read_order(request.argument, order);
  if (!fault.empty()) return std::move(call).fail(Outcome::invalid, fault);

  const ByteView id = uuids_.next();
  write_record(id, order);
  Pending* pending = pool_.take(pool_).release();  // on_reply gives it back
  pending->start(std::move(call), id, order.items);
  redis_({"SET", id, record_}, *pending);  // may have called on_reply already
  empty(record_);
}

/// The map of the benchmark's Order, in its order. The benchmark reads the clock for each of the
/// two times; a new order has never been updated, so here they are one.
void SaveOrder::write_record(ByteView id, const OrderArgument& order) {
  const ByteView now = time_.now();
  wire::write_map(record_, 6);
  wire::write_str(record_, "id");
  wire::write_str(record_, id);
  wire::write_str(record_, "items");
  record_.append(order.items);
  wire::write_str(record_, "created_by");
  record_.append(order.user_id);
  wire::write_str(record_, "created_at");
  wire::write_str(record_, now);
  wire::write_str(record_, "status");
  wire::write_uint(record_, kStatusInitiated);
  wire::write_str(record_, "updated_at");
  wire::write_str(record_, now);
}

}  // namespace zerogate
