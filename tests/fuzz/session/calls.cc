#include "tests/fuzz/session/calls.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/zerror.h"
#include "tests/simulation/world.h"

namespace zerogate::fuzz {
namespace {

constexpr size_t kUuidBytes = 36;

std::string item_of(uint32_t number) { return fmt::format("item-{:08x}", number); }
std::string user_of(uint32_t number) { return fmt::format("user-{:08x}", number); }

}  // namespace

uint32_t HonestCalls::begin(Function function) {
  const auto number = static_cast<uint32_t>(calls_.size());
  HonestCall call;
  call.function = function;
  call.argument = argument_of(call, number);
  calls_.push_back(std::move(call));
  return number;
}

std::string HonestCalls::argument_of(HonestCall& call, uint32_t number) const {
  std::string out;
  if (call.function == Function::save_order) {
    wire::write_map(out, 2);
    wire::write_str(out, "user_id");
    wire::write_str(out, user_of(number));
    wire::write_str(out, "items");
    wire::write_array(out, 1);
    wire::write_str(out, item_of(number));
  } else if (call.function == Function::get_order) {
    call.order_id = fmt::format("{:08x}-0000-4000-8000-000000000000", number);
    call.saved_by = UINT32_MAX;
    if (!orders_.empty()) {
      call.order_id = orders_.back().id;
      call.saved_by = orders_.back().saved_by;
    }
    wire::write_str(out, call.order_id);
  } else {
    wire::write_str(out, fmt::format("call-{:08x}", number));
  }
  return out;
}

std::string HonestCalls::result_of(ByteView function, ByteView argument) {
  std::string out;
  wire::write_array(out, 2);
  wire::write_str(out, function);
  out += argument;
  return out;
}

void HonestCalls::answered(uint32_t number, ByteView body, bool over_zmq) {
  HonestCall& call = calls_[number];
  const std::string_view name = kFunctions[static_cast<size_t>(call.function)];
  simulation::world().note_bytes("answer", body);
  if (std::exchange(call.answered, true)) {
    simulation::violated(fmt::format("call {} ({}) was answered twice", number, name));
  }
  if (!wire::is_one_value(body) && !(over_zmq && call.function == Function::c_put)) {
    simulation::violated(fmt::format("the answer to call {} ({}) is no MessagePack", number, name));
  }
  if (wire::is_error_body(body)) {
    call.error.assign(body);
    return;
  }
  call.ok = true;
  if (!is_own(number, body) && !said_(call.function, body)) {
    simulation::violated(
        fmt::format("call {} ({}) has got an answer that is not its own", number, name));
  }
}

bool HonestCalls::is_own(uint32_t number, ByteView body) {
  const HonestCall& call = calls_[number];
  switch (call.function) {
    case Function::hello_world:
      return body == "\xabhello world";
    case Function::echo:
      return body == call.argument;
    case Function::save_order:
      return is_saved(number, body);
    case Function::get_order:
      return body.find(call.order_id) != ByteView::npos &&
             body.find(user_of(call.saved_by)) != ByteView::npos;
    case Function::relay:
      return body == result_of("a_put", call.argument);
    case Function::unknown:
      return false;
    default:
      return body == result_of(kFunctions[static_cast<size_t>(call.function)], call.argument);
  }
}

bool HonestCalls::is_saved(uint32_t number, ByteView body) {
  const size_t head = body.find("\xd9\x24");
  if (head == ByteView::npos || body.find(item_of(number)) == ByteView::npos) {
    return false;
  }
  Order order{std::string(body.substr(head + 2, kUuidBytes)), number};
  const bool is_new =
      std::ranges::none_of(orders_, [&order](const Order& other) { return other.id == order.id; });
  orders_.push_back(std::move(order));
  return is_new;
}

}  // namespace zerogate::fuzz
