// The limits of a ZeroMQ listener: ZmtpListener, or ZmqListener, which speaks CURVE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/address_range.h"
#include "core/base/memory_account.h"
#include "core/listener/stream_options.h"
#include "core/log/state_log.h"
#include "core/security/curve_clients.h"

namespace zerogate {

/// Of a port that speaks CURVE.
struct CurvePort {
  std::string secret_key;                 ///< as text
  std::shared_ptr<CurveClients> clients;  ///< null: the port is a plain one
};

struct ZmqOptions {
  /// Bytes of replies over all peers, beyond one of the largest size. The callers of more get an
  /// error: the worker ends those who hold most before that, unless it cannot.
  static constexpr size_t kSendMemory = 256 << 20;
  /// Of a connection of the CURVE port, in libzmq and here: 28 KiB at first, and 24 KiB more when
  /// some hundred keep-alive frames have gone round libzmq's queue for its peer (measured).
  static constexpr size_t kConnectionBytes = 64 << 10;
  /// What comes to it once its peer has made kManyCalls: libzmq's queues have then all the memory
  /// that they keep (measured: 108 to 123 KiB together).
  static constexpr size_t kUsedConnectionBytes = 64 << 10;
  static constexpr uint64_t kManyCalls = 256;

  size_t max_message = 16 << 20;      ///< bytes of one argument (limits.message)
  uint32_t max_connections = 10'000;  ///< of this listener: its share of limits.connections
  uint32_t sharers = 1;               ///< listeners of the port, with the same share each
  size_t write_buffer = 1 << 20;      ///< bytes unread by one peer; see ZmqListener::unread_limit()
  /// A peer that was sent nothing for this long gets an empty frame (0: never). zeroapi's
  /// AsyncZeroClient (0.9.0 to 1.0.1) dies for good when no message comes for its default time-out,
  /// 2 to 5 s, and takes no notice of frames whose id it does not know.
  uint32_t keep_alive_ms = 1'000;
  /// A peer gets such frames for this long after its last call: nearly three hours. A synchronous
  /// client reads only while it calls. Its libzmq takes 1,000 of them, its kernel some thousands
  /// more, and its next call reads them all. More than the peer's kernel takes are not sent: see
  /// KeepAliveWindow. A kernel before Linux 5.4 does not say it, and ends the connection.
  uint64_t keep_alive_for_ms = 10'000'000;
  // Of the plain port: see StreamOptions.
  size_t kept_capacity = 4 << 10;
  size_t receive_memory = StreamOptions::kReceiveMemory;
  AddressRanges allow = {};  ///< who may connect (listen.allow); empty: everyone
  CurvePort curve = {};
  /// No configuration names it: a container's memory limit lowers it, and tests do.
  size_t send_memory = kSendMemory;
  /// Bytes that connections may take; with more, new ones wait. 0: limited by their number only.
  size_t connection_memory = 0;
  MemoryAccount* memory = nullptr;  ///< of the worker; null: one of its own. Outlives the listener
  std::function<void()> on_growth = [] {};  ///< see StreamOptions; of ZmtpListener
  uint64_t reader_check_ms = 1'000;         ///< see ZmqListener::end_slow_readers(); tests lower it
  uint64_t blocks_kept_ms = 1'000;  ///< memory of large replies that is not used; tests raise it
  /// A peer that has sent the beginning of a message and then nothing for this long is ended; tests
  /// lower it.
  uint64_t stall_timeout_ms = 30'000;
  int linger_ms = 1'000;  ///< see ZmqListener::finish(); tests raise it
  std::shared_ptr<StateLog> states = std::make_shared<StateLog>();
};

}  // namespace zerogate
