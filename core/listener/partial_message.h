// Whether a peer of the CURVE port stands still in the middle of a message.
#pragma once

#include <cstdint>

namespace zerogate {

/// libzmq says nothing of a message before it is whole, and reads ZMTP's own bytes (greeting,
/// handshake, the peer's PINGs) without a word. What is known of a connection are two counts:
/// bytes that the kernel has received, and bytes of whole messages that the worker has read, with
/// PINGs as far as their PONGs tell of them. Looked at now and then, their difference tells: a
/// little more than at the last look is taken for ZMTP's own, much more for the beginning of a
/// message. Up to kOwnBytes of a message are not found out.
class PartialMessage {
 public:
  /// More than ZMTP's greeting and handshake have, with CURVE (832 bytes), and more than
  /// a peer's PINGs have between two looks.
  static constexpr uint64_t kOwnBytes = 1'024;

  /// For how long, as far as the looks tell, the beginning of a message has been there, and nothing
  /// has come or was read. 0: there is none, or it moves.
  uint64_t stands_still_ms(uint64_t received, uint64_t read, uint64_t now_ms);

 private:
  uint64_t received_ = 0;  ///< bytes, at the last look
  uint64_t read_ = 0;      ///< the same
  uint64_t own_ = 0;       ///< bytes that are ZMTP's
  uint64_t moved_ms_ = 0;  ///< the last look at which something had moved
};

}  // namespace zerogate
