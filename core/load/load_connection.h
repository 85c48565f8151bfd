// One connection of a load: a stream of bytes, in which each protocol has its own frames.
#pragma once

#include <uv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/client/resolve.h"
#include "core/io/tcp_stream.h"
#include "core/load/load_report.h"

namespace zerogate {

/// What all connections of a load share. Outlives them.
struct LoadWire {
  std::string call;       ///< a call's bytes, as they are sent
  size_t id_at = 0;       ///< of them the four of the id, which each call writes for itself
  size_t call_bytes = 0;  ///< of them those of Zero, without what ZeroMQ puts around
  std::string read_buffer = std::string(FrameReader::kSharedBytes, '\0');  ///< of FrameReader
  std::optional<TlsUse> tls{};
};

/// Connects, calls `connect` as Zero's clients do, and then carries calls that differ only in their
/// ids. It does not reconnect: its owner makes a new one. Loop thread only.
class LoadConnection : private TcpStream::Owner {
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

  LoadConnection(uv_loop_t* loop, uint32_t number, Owner& owner, LoadWire& wire,
                 const SocketAddress& address);
  virtual ~LoadConnection() = default;
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  /// Starts to connect. on_end() may come before this returns. There is no time-out: destroy it.
  void open();
  /// Appends a call to what the next flush() sends. Not before on_open() or after on_end().
  void send(uint32_t id);
  void flush();

 protected:
  /// The id of `connect`: never a call's, see CallSlots.
  static constexpr uint32_t kHandshakeId = UINT32_MAX;
  /// Replies above this end the connection, as with `zerogate call`.
  static constexpr size_t kMaxReplyBytes = size_t{1} << 30;

  /// It is connected: appends to `out` what is to be said first.
  virtual void greet(OutBuffer& out) = 0;
  /// Takes the first frame of `bytes`: how long it was, or 0 when it is not whole yet, and then
  /// `frame_size` is how long it will be, if that is known.
  virtual size_t take(ByteView bytes, uint64_t now_ns, size_t& frame_size) = 0;

  /// For take(): an answer of the server's.
  void answer(uint32_t id, bool is_error, ByteView result, size_t size, uint64_t now_ns);
  /// What the next flush() sends. The owner flushes calls, and who says anything else that.
  OutBuffer& out() { return stream_.out(); }
  /// The last that its owner hears.
  void end(CallError kind, std::string_view reason);

 private:
  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_writable() override { flush(); }
  void on_closed(int error) override;

  Owner& owner_;
  LoadWire& wire_;
  const SocketAddress address_;
  TcpStream stream_;
  bool open_ = false;
  bool ended_ = false;
};

}  // namespace zerogate
