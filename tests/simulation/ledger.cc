#include "tests/simulation/ledger.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/zerror.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {
namespace {

constexpr size_t kUuidBytes = 36;

/// The number that an argument or a result begins with: an array's first item.
bool read_number(ByteView body, uint32_t& number) {
  wire::Reader reader(body);
  uint32_t items = 0;
  ByteView text;
  if (!reader.read_array(items) || items == 0 || !reader.read_str(text) || text.size() != 8) {
    return false;
  }
  number = static_cast<uint32_t>(std::stoul(std::string(text), nullptr, 16));
  return true;
}

void write_number(std::string& out, uint32_t number) {
  wire::write_str(out, fmt::format("{:08x}", number));
}

std::string items_of(uint32_t number) { return fmt::format("item-{:08x}", number); }
std::string user_of(uint32_t number) { return fmt::format("user-{:08x}", number); }

}  // namespace

uint32_t Ledger::begin(Function function, Wire wire, std::string_view caller, size_t bytes) {
  const auto number = static_cast<uint32_t>(calls_.size());
  CallRecord call;
  call.function = function;
  call.wire = wire;
  call.caller = caller;
  std::string& out = call.argument;
  if (function == Function::save_order) {
    wire::write_map(out, 2);
    wire::write_str(out, "user_id");
    wire::write_str(out, user_of(number));
    wire::write_str(out, "items");
    wire::write_array(out, 1);
    wire::write_str(out, items_of(number));
  } else if (function == Function::get_order) {
    const Order order = orders.empty() ? Order{std::string(kUuidBytes, 'x'), UINT32_MAX}
                                       : orders[world().random.below(orders.size())];
    call.order_id = order.id;
    call.saved_by = order.saved_by;
    wire::write_str(out, order.id);
  } else {
    wire::write_array(out, 2);
    write_number(out, number);
    wire::write_str(out, std::string(bytes, static_cast<char>('a' + number % 26)));
  }
  calls_.push_back(std::move(call));
  return number;
}

uint32_t Ledger::executed(ByteView function, ByteView argument) {
  uint32_t number = 0;
  if (!read_number(argument, number) || number >= calls_.size()) {
    violated("a backend got a call that nobody has made");
  }
  CallRecord& call = calls_[number];
  const bool relayed = call.function == Function::relay && function == "a_put";
  if (argument != call.argument ||
      (!relayed && function != kFunctions[static_cast<size_t>(call.function)])) {
    violated(fmt::format("call {} reached a backend changed", number));
  }
  if (++call.executions > 1 && !is_idempotent(call.function)) {
    violated(fmt::format("call {} ({}), which is not idempotent, was executed {} times", number,
                         function, call.executions));
  }
  if (call.executions > 2) {
    violated(fmt::format("call {} was executed {} times", number, call.executions));
  }
  return number;
}

std::string Ledger::result_of(uint32_t number, std::string_view server) {
  const CallRecord& call = calls_[number];
  std::string out;
  wire::write_array(out, 3);
  write_number(out, number);
  wire::write_str(out, server);
  wire::write_str(out, call.argument);
  return out;
}

void Ledger::answered(uint32_t number, ByteView body) {
  CallRecord& call = calls_[number];
  if (++call.answers > 1) {
    violated(fmt::format("call {} was answered {} times", number, call.answers));
  }
  world().note_bytes("answer", body);
  if (!wire::is_one_value(body)) {
    violated(fmt::format("the answer to call {} is no MessagePack", number));
  }
  if (const auto error = wire::error_key(body)) {
    call.not_found = *error == wire::ErrorKey::function_not_found;
    call.error.assign(body);
    return;
  }
  call.ok = true;
  judge_result(number, body);
}

void Ledger::judge_result(uint32_t number, ByteView body) {
  const CallRecord& call = calls_[number];
  const auto wrong = [&] {
    violated(fmt::format("call {} ({}) has got another call's answer", number,
                         kFunctions[static_cast<size_t>(call.function)]));
  };
  switch (call.function) {
    case Function::hello_world:
      if (body != "\xabhello world") {
        wrong();
      }
      return;
    case Function::echo:
      if (body != call.argument) {
        wrong();
      }
      return;
    case Function::save_order: {
      const size_t id = body.find("\xd9\x24");
      if (id == ByteView::npos || body.find(items_of(number)) == ByteView::npos) {
        wrong();
      }
      orders.push_back({std::string(body.substr(id + 2, kUuidBytes)), number});
      return;
    }
    case Function::get_order:
      if (body.find(call.order_id) == ByteView::npos ||
          body.find(user_of(call.saved_by)) == ByteView::npos) {
        wrong();
      }
      return;
    case Function::unknown:
      return wrong();
    default:
      break;
  }
  uint32_t of = 0;
  if (!read_number(body, of) || of != number || call.executions == 0 ||
      !body.ends_with(call.argument)) {
    wrong();
  }
  wire::Reader reader(body);
  uint32_t items = 0;
  ByteView text;
  reader.read_array(items);
  reader.read_str(text);
  reader.read_str(text);
  if (std::ranges::find(heard, text) == heard.end()) {
    heard.emplace_back(text);
  }
}

void Ledger::strange_answer(std::string_view what) {
  violated(fmt::format("a client got an answer that belongs to no call of its: {}", what));
}

Ledger::Sums Ledger::sums(Function function, Wire wire) const {
  Sums sums;
  for (const CallRecord& call : calls_) {
    if (call.function == function && call.wire == wire) {
      ++sums.begun;
      sums.answered += call.not_found ? 0 : call.answers;
      sums.ok += static_cast<uint64_t>(call.ok);
    }
  }
  return sums;
}

}  // namespace zerogate::simulation
