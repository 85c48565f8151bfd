// The limits of a listener for byte streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/address_range.h"
#include "core/base/memory_account.h"
#include "core/io/tls_use.h"
#include "core/log/state_log.h"
#include "core/wire/protocol.h"

namespace zerogate {

struct StreamOptions {
  /// Of an idle connection, without what it keeps for replies (measured: 1 KiB).
  static constexpr size_t kConnectionBytes = 1 << 10;
  /// What TLS adds at most (measured: 47 KiB while a handshake is under way, 26 KiB after it, with
  /// a client's certificate, and 43 KiB when all but the end of a record has come).
  static constexpr size_t kTlsBytes = 48 << 10;
  /// Bytes of unfinished frames over all connections, beyond one frame of the largest size. When
  /// there are more, the connection goes that sends least for what it holds.
  static constexpr size_t kReceiveMemory = 64 << 20;
  /// Bytes of unread replies over all connections, beyond one reply of the largest size. When
  /// there are more, the connection that reads least of what it has goes.
  static constexpr size_t kSendMemory = 256 << 20;
  /// Buffers that grow in one turn by this part of the account are looked at before its end.
  static constexpr size_t kGrowthPart = 16;
  /// A frame must be finished, and some reply bytes be read, within this time.
  static constexpr uint64_t kStallTimeoutMs = 30'000;

  size_t max_message = 16 << 20;      ///< bytes of one payload (limits.message)
  uint32_t max_connections = 10'000;  ///< of this listener: its share of limits.connections
  uint32_t sharers = 1;               ///< listeners of the port, with the same share each
  size_t write_buffer = 1 << 20;      ///< bytes unread by one peer before we stop reading from it
  /// Bytes unread by one peer beyond which it is ended when it reads slowly. 0: write_buffer and
  /// two messages.
  size_t unsent_limit = 0;
  AddressRanges allow = {};           ///< who may connect (listen.allow); empty: everyone
  Protocol protocol = Protocol::tcp;  ///< as metrics and the log call it
  /// A peer has to make itself known within this time: see StreamSession::greeted(). 0: it need
  /// not.
  uint64_t greeting_ms = 0;
  /// At the connection limit newcomers wait, instead of being closed: a libzmq that is refused
  /// comes back ten times a second.
  bool newcomers_wait = false;
  std::shared_ptr<StateLog> states = {};  ///< told of that; never null then
  // No configuration names these. A container's memory limit lowers the first two; tests set all of
  // them, to move fewer bytes and wait for less.
  size_t receive_memory = kReceiveMemory;
  size_t send_memory = kSendMemory;
  uint64_t stall_timeout_ms = kStallTimeoutMs;
  /// A connection keeps so much for its replies between turns: most fit, and cost no allocation.
  size_t kept_capacity = 4 << 10;
  MemoryAccount* memory = nullptr;  ///< of the worker; null: one of its own. Outlives the listener
  /// Called in the middle of a turn in which the buffers have grown by kGrowthPart, or more.
  std::function<void()> on_growth = [] {};
};

/// Of a port that speaks TLS.
struct ListenerTls {
  std::shared_ptr<const TlsContext> context;  ///< of new connections
  TlsLoop& loop;
  TlsObserver& observer;
  uint32_t max_handshakes = 256;  ///< under way at a time (limits.handshakes)
  uint32_t timeout_ms = 5'000;    ///< of a handshake (tls.handshake_timeout)
};

}  // namespace zerogate
