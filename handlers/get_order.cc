#include "handlers/get_order.h"

#include <fmt/format.h>

#include <cctype>
#include <iterator>
#include <memory>
#include <utility>

#include "core/base/uuid.h"
#include "core/sdk/decode.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate {
namespace {

/// The fields of an order, as save_order and the Python services write it.
constexpr ByteView kFields[] = {"id", "items", "created_by", "created_at", "status", "updated_at"};
constexpr uint32_t kAllFields = (1u << std::size(kFields)) - 1;
/// A map with more pairs is no order. It may have some fields that later services add.
constexpr uint32_t kMaxPairs = 64;

/// 8-4-4-4-12 hexadecimal digits.
bool has_uuid_form(ByteView id) {
  if (id.size() != UuidSource::kTextBytes) {
    return false;
  }
  for (size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? id[i] != '-' : std::isxdigit(static_cast<unsigned char>(id[i])) == 0) {
      return false;
    }
  }
  return true;
}

/// True for one map that has each of an order's fields.
bool is_order(ByteView stored) {
  wire::Reader reader(stored);
  uint32_t pairs = 0;
  if (!wire::is_one_value(stored) || !reader.read_map(pairs) || pairs > kMaxPairs) {
    return false;
  }
  uint32_t seen = 0;
  for (uint32_t i = 0; i < pairs; ++i) {
    ByteView name;
    ByteView value;
    if (!reader.read_str(name) || !reader.read_value(value)) {
      return false;
    }
    for (size_t field = 0; field < std::size(kFields); ++field) {
      seen |= uint32_t{name == kFields[field]} << field;
    }
  }
  return seen == kAllFields;
}

std::string not_found(ByteView id) { return fmt::format("order `{}` not found", id); }

}  // namespace

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
  bool idempotent() const override { return true; }  // it only reads

 private:
  void answer(const RedisReply& reply) {
    if (reply.status != RedisReply::Status::ok) {
      return fail_with(std::move(call_), reply);
    }
    // Redis may hold other things than orders, which are nobody's to read here.
    if (!reply.has_value || !is_order(reply.value)) {
      return std::move(call_).fail(Outcome::error, not_found(id_));
    }
    std::move(call_).reply(reply.value);
  }

  OperationPool<Pending>& pool_;
  Call call_;
  std::string id_;
};

GetOrder::GetOrder(RedisCommand redis) : redis_(std::move(redis)) {}

GetOrder::~GetOrder() = default;

void GetOrder::serve(const Request& request, Call call) {
  const Result<ByteView> argument = decode<ByteView>(request.argument);
  if (!argument) {
    return std::move(call).fail(Outcome::invalid, argument.error());
  }
  const ByteView id = argument.value();
  if (id.size() > kMaxIdBytes) {
    return std::move(call).fail(Outcome::invalid,
                                fmt::format("Expected `str` of length <= {}", kMaxIdBytes));
  }
  if (!has_uuid_form(id)) {
    return std::move(call).fail(Outcome::error, not_found(id));
  }
  Pending* pending = pool_.take(pool_).release();  // on_reply gives it back
  pending->start(std::move(call), id);
  redis_({"GET", id}, *pending);  // may have called on_reply already
}

}  // namespace zerogate
