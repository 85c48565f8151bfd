#include "handlers/save_order.h"

#include <cassert>
#include <memory>
#include <utility>

#include "core/base/byte_writer.h"

namespace zerogate {
namespace {

/// Buffers that an unusually large order has grown beyond this are given back after it.
constexpr size_t kKeptBytes = 1024;
// Result and record are written as bytes, in one go: what is fixed in them, MessagePack's heads
// included, is a literal. An id is a str of 36 bytes (d9 24), a time one of 26 (ba). The status 0
// is that of an order that was just placed, in the benchmark's enumeration.
static_assert(UuidSource::kTextBytes == 36 && LocalTime::kTextBytes == 26);
constexpr char kResultId[] = "\x83\xa8order_id\xd9\x24";
constexpr char kResultItems[] = "\xa6status\0\xa5items";
constexpr char kRecordId[] = "\x86\xa2id\xd9\x24";
constexpr char kRecordItems[] = "\xa5items";
constexpr char kRecordUser[] = "\252created_by";
constexpr char kRecordCreated[] = "\252created_at\xba";
constexpr char kRecordUpdated[] = "\xa6status\0\xaaupdated_at\xba";

/// Bytes of these literals, each less its NUL.
template <size_t... kSizes>
constexpr size_t bytes_of(const char (&... literals)[kSizes]) {
  return (... + (sizeof literals - 1));
}
/// Without the items, and without items and user.
constexpr size_t kResultBytes = bytes_of(kResultId, kResultItems) + UuidSource::kTextBytes;
constexpr size_t kRecordBytes =
    bytes_of(kRecordId, kRecordItems, kRecordUser, kRecordCreated, kRecordUpdated) +
    UuidSource::kTextBytes + 2 * LocalTime::kTextBytes;

/// Lets go of what an unusually large order has grown. What stands in a kept buffer stays: the next
/// order overwrites it.
void trim(std::string& buffer) {
  if (buffer.capacity() > kKeptBytes) {
    std::string().swap(buffer);
  }
}

}  // namespace

/// One SET under way, with the answer for when it succeeds.
class SaveOrder::Pending final : public RedisRequest {
 public:
  explicit Pending(OperationPool<Pending>& pool) : pool_(pool) {}

  void start(Call call, ByteView id, ByteView items) {
    call_ = std::move(call);
    result_.resize(kResultBytes + items.size());
    ByteWriter to(result_.data());
    to.put(kResultId).put(id).put(kResultItems).put(items);
    assert(to.at() == result_.data() + result_.size());
  }

  void on_reply(const RedisReply& reply) override {
    if (reply.says_ok()) {
      std::move(call_).reply(result_);
    } else if (reply.status == RedisReply::Status::ok) {
      std::move(call_).fail(Outcome::error, "redis answered SET with something else than OK");
    } else {
      fail_with(std::move(call_), reply);
    }
    trim(result_);
    pool_.give_back(std::unique_ptr<Pending>(this));
  }
  bool idempotent() const override { return true; }  // the key is new, and the value the same

 private:
  OperationPool<Pending>& pool_;
  Call call_;
  std::string result_;
};

SaveOrder::SaveOrder(RedisCommand redis, LocalTime::Clock clock)
    : redis_(std::move(redis)), time_(clock) {}

SaveOrder::~SaveOrder() = default;

void SaveOrder::serve(const Request& request, Call call) {
  const Result<OrderArgument> order = decode<OrderArgument>(request.argument);
  if (!order) {
    return std::move(call).fail(Outcome::invalid, order.error());
  }

  const ByteView id = uuids_.next();
  write_record(id, order.value());
  Pending* pending = pool_.take(pool_).release();  // on_reply gives it back
  pending->start(std::move(call), id, order.value().items.msgpack);
  redis_({"SET", id, record_}, *pending);  // may have called on_reply already
  trim(record_);
}

/// The map of the benchmark's Order, in its order. The benchmark reads the clock for each of the
/// two times; a new order has never been updated, so here they are one.
void SaveOrder::write_record(ByteView id, const OrderArgument& order) {
  const ByteView now = time_.now();
  record_.resize(kRecordBytes + order.items.msgpack.size() + order.user_id.msgpack.size());
  ByteWriter to(record_.data());
  to.put(kRecordId).put(id).put(kRecordItems).put(order.items.msgpack);
  to.put(kRecordUser).put(order.user_id.msgpack);
  to.put(kRecordCreated).put(now).put(kRecordUpdated).put(now);
  assert(to.at() == record_.data() + record_.size());
}

}  // namespace zerogate
