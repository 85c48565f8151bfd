// The one-shot right to answer one request.
#pragma once

#include <cstdint>
#include <utility>

#include "core/base/bytes.h"
#include "core/metrics/function_labels.h"
#include "core/metrics/outcome.h"
#include "core/rpc/return_path.h"
#include "core/wire/zerror.h"

namespace zerogate {

class CallTable;

/// A handle to a request under way: a slot and a generation, never a pointer into a listener. It is
/// answered exactly once: by reply(), by fail(), or by its destructor with an error. The caller may
/// have gone by then; the answer is dropped and counted (outcome `abandoned`). Movable, 16 bytes.
/// Loop thread only; must not outlive its CallTable.
class Call {
 public:
  Call() = default;
  Call(Call&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)),
        slot_(other.slot_),
        generation_(other.generation_) {}
  Call& operator=(Call&& other) noexcept {
    if (table_ != nullptr) {
      forgotten();
    }
    table_ = std::exchange(other.table_, nullptr);
    slot_ = other.slot_;
    generation_ = other.generation_;
    return *this;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (table_ != nullptr) {
      forgotten();
    }
  }

  /// False once answered or moved from.
  explicit operator bool() const { return table_ != nullptr; }

  /// Answers with a result: exactly one MessagePack value, copied before this returns. One that is
  /// known to be no error's body needs no look at it.
  void reply(ByteView result, BodyKind kind = BodyKind::any) &&;
  /// The same for an answer that a backend made. `outcome`, which is not ok for an error's body, is
  /// what the metrics count.
  void reply(ByteView body, Outcome outcome) &&;

  /// Answers with an error. `outcome` is what the metrics count; the key of the error body follows
  /// from it: not_found -> function_not_found, invalid -> validation_error, else server_exception.
  void fail(Outcome outcome, ByteView message) &&;

  /// Counts the call under another label than the one it began with, once its function has become
  /// known.
  void relabel(FunctionLabel label);

  /// The bytes by which the caller knows its request; valid until the call is answered.
  ByteView request_id() const;

  /// True when the caller takes a result as the server's own encoder has made it, MessagePack or
  /// not: over ZeroMQ since W3 it is what follows the id, and a client decodes it by itself.
  bool takes_any_bytes() const;

  /// True when it is certain that the caller has gone and waits no more.
  bool caller_gone() const;

  /// Whose call it is.
  CallerId caller() const;

 private:
  friend class CallTable;
  Call(CallTable& table, uint32_t slot, uint32_t generation)
      : table_(&table), slot_(slot), generation_(generation) {}
  /// The call dies unanswered: sends an error in place of the answer.
  void forgotten();

  CallTable* table_ = nullptr;
  uint32_t slot_ = 0;
  uint32_t generation_ = 0;
};

}  // namespace zerogate
