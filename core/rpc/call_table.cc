#include "core/rpc/call_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace zerogate {

namespace {

wire::ErrorKey key_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::not_found:
      return wire::ErrorKey::function_not_found;
    case Outcome::invalid:
      return wire::ErrorKey::validation_error;
    default:
      return wire::ErrorKey::server_exception;
  }
}

}  // namespace

void Call::forgotten() {
  std::exchange(table_, nullptr)
      ->fail({slot_, generation_}, Outcome::error, "the function ended without an answer");
}

void Call::reply(ByteView result, BodyKind kind) && {
  assert(table_ != nullptr);
  std::exchange(table_, nullptr)->finish({slot_, generation_}, Outcome::ok, result, kind);
}

void Call::reply(ByteView body, Outcome outcome) && {
  assert(table_ != nullptr);
  std::exchange(table_, nullptr)
      ->finish({slot_, generation_}, outcome, body,
               outcome == Outcome::ok ? BodyKind::result : BodyKind::error);
}

void Call::relabel(FunctionLabel label) {
  assert(table_ != nullptr);
  table_->pending_[slot_].function = label;
}

bool Call::caller_gone() const {
  assert(table_ != nullptr);
  const ReturnPath& path = table_->pending_[slot_].path;
  return path.sink->gone(path.caller);
}

CallerId Call::caller() const {
  assert(table_ != nullptr);
  const ReturnPath& path = table_->pending_[slot_].path;
  return {path.sink, path.caller};
}

ByteView Call::request_id() const {
  assert(table_ != nullptr);
  return table_->pending_[slot_].path.id.view();
}

bool Call::takes_any_bytes() const {
  assert(table_ != nullptr);
  switch (table_->pending_[slot_].path.wire) {
    case Wire::w3:
    case Wire::w4:
    case Wire::w5:
      return true;
    default:
      return false;
  }
}

void Call::fail(Outcome outcome, ByteView message) && {
  assert(table_ != nullptr);
  std::exchange(table_, nullptr)->fail({slot_, generation_}, outcome, message);
}

CallTable::CallTable(uint32_t capacity, WorkerMetrics& metrics, const AccessLogSettings& log)
    : capacity_(capacity), metrics_(metrics), log_(log, metrics.labels()) {
  metrics_.in_flight_limit.set(capacity);
}

CallTable::~CallTable() { assert(in_flight_ == 0); }

Call CallTable::begin(const ReturnPath& path, FunctionLabel function, const RequestInfo& arrival) {
  assert(!full());
  uint32_t slot = free_;
  if (slot == kNone) {
    slot = static_cast<uint32_t>(pending_.size());
    pending_.emplace_back();
  } else {
    free_ = pending_[slot].next_free;
  }
  Pending& pending = pending_[slot];
  pending.path = path;
  pending.received_ns = arrival.received_ns;
  pending.request_bytes = arrival.request_bytes;
  pending.function = function;
  if (keeps_name(function)) {
    keep_name(slot, arrival.function);
  }
  ++in_flight_;
  metrics_.begin(protocol_of(path.wire));
  return Call(*this, slot, pending.generation);
}

bool CallTable::uses(FunctionLabel label) const {
  std::vector<bool> is_free(pending_.size());
  for (uint32_t slot = free_; slot != kNone; slot = pending_[slot].next_free) {
    is_free[slot] = true;
  }
  for (size_t slot = 0; slot < pending_.size(); ++slot) {
    if (!is_free[slot] && pending_[slot].function == label) {
      return true;
    }
  }
  return std::ranges::any_of(answered_, [&](const auto& call) { return call.function == label; });
}

// Inlined where a call ends: to hand its parts over costs as much as to count them.
[[gnu::always_inline]] inline void CallTable::account(const ReturnPath& path,
                                                      FunctionLabel function,
                                                      const RequestInfo& arrival, Outcome outcome,
                                                      ByteView body, BodyKind kind) {
  const Delivery delivery = path.sink->deliver(path, body, kind);
  if (delivery != Delivery::queued) {
    outcome = delivery == Delivery::gone ? Outcome::abandoned : Outcome::overloaded;
  }
  metrics_.end(function, path.wire, outcome);
  uint32_t name = 0;
  if (keeps_name(function)) {
    name = static_cast<uint32_t>(names_.size());
    names_.emplace_back(arrival.function.substr(0, FunctionLabels::kMaxNameBytes));
  }
  answered_.push_back({arrival.received_ns, path.sink, path.caller, function, arrival.request_bytes,
                       static_cast<uint32_t>(body.size()), name, path.wire, outcome});
}

void CallTable::refuse(const ReturnPath& path, FunctionLabel function, const RequestInfo& arrival,
                       Outcome outcome, wire::ErrorKey key, ByteView message) {
  metrics_.begin(protocol_of(path.wire));
  error_body_.clear();
  wire::write_error(error_body_, key, message);
  account(path, function, arrival, outcome, error_body_, BodyKind::error);
}

void CallTable::fail(SlotKey key, Outcome outcome, ByteView message) {
  error_body_.clear();
  wire::write_error(error_body_, key_of(outcome), message);
  finish(key, outcome, error_body_, BodyKind::error);
}

void CallTable::finish(SlotKey key, Outcome outcome, ByteView body, BodyKind kind) {
  Pending& pending = pending_[key.slot];
  assert(pending.generation == key.generation);
  account(pending.path, pending.function,
          {pending.received_ns, keeps_name(pending.function) ? name_of_slot(key.slot) : ByteView(),
           pending.request_bytes},
          outcome, body, kind);
  ++pending.generation;
  pending.next_free = std::exchange(free_, key.slot);
  --in_flight_;
}

void CallTable::keep_name(uint32_t slot, ByteView name) {
  if (slot >= pending_names_.size()) {
    pending_names_.resize(slot + 1);
  }
  pending_names_[slot].generation = pending_[slot].generation;
  pending_names_[slot].text.assign(name.substr(0, FunctionLabels::kMaxNameBytes));
}

// Empty when the log was off as the call began.
ByteView CallTable::name_of_slot(uint32_t slot) const {
  if (slot >= pending_names_.size()) {
    return {};
  }
  const Name& name = pending_names_[slot];
  return name.generation == pending_[slot].generation ? ByteView(name.text) : ByteView();
}

void CallTable::on_turn_end(uint64_t now_ns) {
  observe_durations(now_ns);
  if (log_.on()) {
    write_log(now_ns);
  }
  answered_.clear();
  names_.clear();
  log_.refresh();
}

// Calls of one function that came in one batch mostly lie side by side: one observation for all.
void CallTable::observe_durations(uint64_t now_ns) {
  for (size_t at = 0; at < answered_.size();) {
    const AnsweredCall& first = answered_[at];
    size_t end = at + 1;
    while (end < answered_.size() && answered_[end].received_ns == first.received_ns &&
           answered_[end].function == first.function && answered_[end].wire == first.wire) {
      ++end;
    }
    metrics_.duration(first.function, protocol_of(first.wire))
        .observe(now_ns - first.received_ns, end - at);
    at = end;
  }
}

void CallTable::write_log(uint64_t now_ns) {
  for (const AnsweredCall& call : answered_) {
    const uint64_t duration_ns = now_ns - call.received_ns;
    if (!log_.wants(duration_ns)) {
      continue;
    }
    const bool named = call.function == FunctionLabels::other() && call.name < names_.size();
    log_.write(call, duration_ns, named ? std::string_view(names_[call.name]) : "");
  }
}

}  // namespace zerogate
