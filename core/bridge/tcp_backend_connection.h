// A connection to a raw-TCP backend (T3).
#pragma once

#include <uv.h>

#include <memory>
#include <string>

#include "core/base/address.h"
#include "core/bridge/backend_connection.h"
#include "core/io/frame_reader.h"
#include "core/io/stream_writer.h"
#include "core/io/uv_ptr.h"

namespace zerogate {

struct BackendConnectionOptions {
  size_t max_message = 16 << 20;        ///< bytes of one reply; a longer one ends the connection
  uint32_t connect_timeout_ms = 1'000;  ///< until `connect` is answered
  /// FrameReader::kSharedBytes, shared by all connections of the loop and owned by the Bridge.
  char* read_buffer = nullptr;
};

class TcpBackendConnection final : public BackendConnection {
 public:
  /// Starts to connect to a numeric address or a Unix socket. Failure is told by on_down(), later.
  TcpBackendConnection(uv_loop_t* loop, Owner& owner, const Address& address,
                       const BackendConnectionOptions& options);
  ~TcpBackendConnection() override;

  void send(ForwardedCall& forwarded) override;
  bool was_written(const ForwardedCall& forwarded) const override;
  void flush() override;
  void fail(std::string_view reason) override;

 private:
  struct Stream;
  void connect(const Address& address);
  void on_connected(int status);
  void start_reading();
  void on_read(ssize_t size);
  void parse(ByteView bytes);
  void on_frame(uint32_t id, ByteView payload);

  uv_loop_t* const loop_;
  const BackendConnectionOptions options_;
  Stream* stream_;  ///< frees itself in its close callback, which comes after pending writes'
  FrameReader reader_;
  UvPtr<uv_timer_t> deadline_;   ///< of connecting
  uint64_t gathered_ = 0;        ///< all bytes ever appended for sending
  std::vector<uint64_t> begin_;  ///< by slot: where its request begins in that count
};

}  // namespace zerogate
