#include "core/rpc/call_table.h"

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

Call::Call(Call&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)),
      slot_(other.slot_),
      generation_(other.generation_) {}

Call& Call::operator=(Call&& other) noexcept {
  Call old(std::move(*this));  // answers by itself if it was still open
  table_ = std::exchange(other.table_, nullptr);
  slot_ = other.slot_;
  generation_ = other.generation_;
  return *this;
}

Call::~Call() {
  if (table_ == nullptr) return;
  table_->fail(slot_, generation_, Outcome::error, "the function ended without an answer");
}

void Call::reply(ByteView result) && {
  assert(table_ != nullptr);
  std::exchange(table_, nullptr)->finish(slot_, generation_, Outcome::ok, result);
}

void Call::reply(ByteView body, Outcome outcome) && {
  assert(table_ != nullptr);
  std::exchange(table_, nullptr)->finish(slot_, generation_, outcome, body);
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

void Call::fail(Outcome outcome, ByteView message) && {
  assert(table_ != nullptr);
  std::exchange(table_, nullptr)->fail(slot_, generation_, outcome, message);
}

CallTable::CallTable(uint32_t capacity, WorkerMetrics& metrics)
    : capacity_(capacity), metrics_(metrics) {
  metrics_.in_flight_limit.set(capacity);
}

CallTable::~CallTable() { assert(in_flight_ == 0); }

Call CallTable::begin(const ReturnPath& path, FunctionLabel function, uint64_t received_ns) {
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
  pending.received_ns = received_ns;
  pending.function = function;
  ++in_flight_;
  metrics_.begin(protocol_of(path.wire));
  return Call(*this, slot, pending.generation);
}

void CallTable::refuse(const ReturnPath& path, FunctionLabel function, uint64_t received_ns,
                       Outcome outcome, wire::ErrorKey key, ByteView message) {
  metrics_.begin(protocol_of(path.wire));
  error_body_.clear();
  wire::write_error(error_body_, key, message);
  account(path, function, received_ns, outcome, error_body_);
}

void CallTable::fail(uint32_t slot, uint32_t generation, Outcome outcome, ByteView message) {
  error_body_.clear();
  wire::write_error(error_body_, key_of(outcome), message);
  finish(slot, generation, outcome, error_body_);
}

void CallTable::finish(uint32_t slot, uint32_t generation, Outcome outcome, ByteView body) {
  Pending& pending = pending_[slot];
  assert(pending.generation == generation);
  (void)generation;
  account(pending.path, pending.function, pending.received_ns, outcome, body);
  ++pending.generation;
  pending.next_free = std::exchange(free_, slot);
  --in_flight_;
}

void CallTable::account(const ReturnPath& path, FunctionLabel function, uint64_t received_ns,
                        Outcome outcome, ByteView body) {
  const bool delivered = path.sink->deliver(path, body);
  metrics_.end(function, path.wire, delivered ? outcome : Outcome::abandoned);
  finished_.push_back({&metrics_.duration(function, protocol_of(path.wire)), received_ns});
}

void CallTable::on_turn_end(uint64_t now_ns) {
  for (const Finished& call : finished_) call.duration->observe(now_ns - call.received_ns);
  finished_.clear();
}

}  // namespace zerogate
