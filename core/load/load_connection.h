// One connection of a load, over either protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/load/load_report.h"

namespace zerogate {

/// Connects, calls `connect` as Zero's clients do, and then carries calls that differ only in their
/// ids. It does not reconnect: its owner makes a new one. Loop thread only.
class LoadConnection {
 public:
  /// Called from the loop or from flush(). The owner must not destroy the connection in them.
  class Owner {
   public:
    virtual void on_open(LoadConnection& connection) = 0;
    /// `error` is set for an error answer; `result`, valid during the call, is the rest of it.
    /// `now_ns` is when the bytes were read, `size` their number with all framing of Zero. False
    /// when no call has this id: then the peer makes answers up, and the connection ends.
    virtual bool on_reply(LoadConnection& connection, uint32_t id, std::optional<CallError> error,
                          ByteView result, size_t size, uint64_t now_ns) = 0;
    /// The last call. `kind` is malformed or disconnected.
    virtual void on_end(LoadConnection& connection, CallError kind, std::string_view reason) = 0;

   protected:
    ~Owner() = default;
  };

  /// Whose connection it is: its owner's number for it.
  const uint32_t index;

  virtual ~LoadConnection() = default;
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  /// Starts to connect. on_end() may come before this returns. There is no time-out: destroy it.
  virtual void open() = 0;
  /// Appends a call to what the next flush() sends. Not before on_open() or after on_end().
  virtual void send(uint32_t id) = 0;
  virtual void flush() = 0;

 protected:
  LoadConnection(uint32_t number, Owner& owner) : index(number), owner_(owner) {}

  /// The id of `connect`: never a call's, see CallSlots.
  static constexpr uint32_t kHandshakeId = UINT32_MAX;

  bool ended() const { return ended_; }
  void end(CallError kind, std::string_view reason) {
    if (ended_) {
      return;
    }
    ended_ = true;
    owner_.on_end(*this, kind, reason);
  }

  Owner& owner_;

 private:
  bool ended_ = false;
};

/// Replies above this end the connection, as with `zerogate call`.
inline constexpr size_t kMaxLoadReplyBytes = size_t{1} << 30;

/// The kind of an error answer.
CallError call_error_of(ByteView body);

}  // namespace zerogate
