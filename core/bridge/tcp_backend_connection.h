// A connection to a raw-TCP backend (T3).
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/address.h"
#include "core/bridge/backend_connection.h"
#include "core/io/event_loop.h"
#include "core/io/tcp_stream.h"
#include "core/wire/t3.h"

namespace zerogate {

/// One connection, on which replies may come in any order, each with the number of its call's slot.
/// Owned by its endpoint, which learns of its end by on_down(). A reply over the limit costs its
/// own call only, and a long one to a call that was given up, or to none, is not kept. Loop thread
/// only.
class TcpBackendConnection final : public BackendConnection, private TcpStream::Owner {
 public:
  /// Starts to connect to a numeric address or a Unix socket. Failure is told by on_down(), later.
  TcpBackendConnection(EventLoop& loop, BackendConnection::Owner& owner, const Address& address,
                       const BackendConnectionOptions& options);

  void send(ForwardedCall& forwarded) override;
  bool was_written(const ForwardedCall& forwarded) const override;
  void flush() override;
  void fail(std::string_view reason) override;

 private:
  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_writable() override { flush(); }
  void on_closed(int error) override;
  void on_frame(uint32_t id, ByteView payload);
  void on_given_up() override;
  /// A frame over the limit, or one that is not whole and needs memory of its own, of which at
  /// least the header has come. Returns what is behind it.
  ByteView on_long_frame(ByteView front, const wire::t3::Frame& frame);
  /// A reply over the limit, or to no call that waits, is thrown away as its bytes come. `id` is
  /// its call's, or kProbeId when it has none.
  void begin_skipping(uint32_t id, size_t frame_size);
  ByteView skip(ByteView bytes);

  TcpStream stream_;
  uint64_t gathered_ = 0;        ///< all bytes ever appended for sending
  std::vector<uint64_t> begin_;  ///< by slot: where its request begins in that count
  size_t skip_ = 0;              ///< bytes still to come of the reply that is thrown away
  size_t skipped_reply_ = 0;     ///< bytes of its payload
  uint32_t skipped_id_ = 0;
};

}  // namespace zerogate
