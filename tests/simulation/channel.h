// A model's end of a connection: the bytes as they are, or with OpenSSL between.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>

#include "core/security/openssl_ptr.h"
#include "tests/simulation/byte_queue.h"
#include "tests/simulation/network.h"

namespace zerogate::simulation {

/// Over TLS it is OpenSSL as everyone uses it, and nothing of core/security: what both ends got
/// wrong in the same way would never be seen.
class Channel {
 public:
  /// `tls` decides which side of TLS it is; null: the bytes go as they are.
  Channel(SocketPtr socket, SSL_CTX* tls);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Socket& socket() { return *socket_; }
  bool over_tls() const { return ssl_ != nullptr; }

  /// As Socket's, of plain bytes. Over TLS read() also goes on with the handshake, before whose end
  /// write() takes nothing.
  long write(std::string_view plain);
  long read(char* to, size_t size);
  /// What is encrypted leaves, as far as the kernel takes it. Due when the socket is writable.
  void flush();
  /// Bytes that are no part of any record: whatever follows them cannot be understood.
  void write_raw(std::string_view bytes);
  /// Sends the end behind all that was written; TLS may say so before.
  void end_writing();
  void close();

  /// How many plain bytes were in so many of the kernel's.
  uint64_t plain_of(uint64_t sent) const;

 private:
  /// After each step of OpenSSL's: what it has made leaves.
  void seal();
  /// One of two times TLS says it, too.
  void may_say_end();

  const SocketPtr socket_;
  SslPtr ssl_;  ///< null: plain
  ByteQueue sealed_;
  uint64_t sealed_bytes_ = 0;                        ///< all of them, so far
  uint64_t next_key_at_ = 0;                         ///< of sealed_bytes_, at the soonest
  uint64_t plain_bytes_ = 0;                         ///< that are in them
  std::deque<std::pair<uint64_t, uint64_t>> marks_;  ///< both of them, after each write()
  bool peer_ended_ = false;
  bool ends_ = false;
};

}  // namespace zerogate::simulation
