// Raw TCP as of zeroapi 1.0.1 ("T3"): len:u32be · rid:u32be · flag:u8 · payload, len = 5 + payload.
// A request's payload is the map {"fn": name, "data": argument}; a reply's is the bare result.
// Pure functions: bytes in, frames out. No allocation, nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/bytes.h"

namespace zerogate::wire::t3 {

inline constexpr size_t kLengthBytes = 4;
inline constexpr size_t kHeaderBytes = 9;  ///< length, request id, flag

enum class FrameStatus : uint8_t {
  whole,
  incomplete,      ///< more bytes are needed; `size` says how many the frame will have, when known
  bad_length,      ///< a length of 0 to 4 cannot hold id and flag
  empty,           ///< a length of 5: no payload
  too_large,       ///< longer than the limit
  other_protocol,  ///< begins like HTTP, TLS or ZeroMQ: the peer took the wrong port
};

struct Frame {
  FrameStatus status = FrameStatus::incomplete;
  size_t size = 0;  ///< of the whole frame with its length field; 0 when not yet known
  uint32_t id = 0;
  uint8_t flag = 0;
  ByteView payload;  ///< views the given bytes
};

/// Reads the first frame of `bytes`. `max_message` limits the payload, in bytes.
Frame parse_frame(ByteView bytes, size_t max_message) noexcept;

/// The same into a frame that is as it was made: for a struct that extends Frame, since to copy one
/// costs more than to read it.
void read_frame(Frame& frame, ByteView bytes, size_t max_message) noexcept;

enum class EnvelopeStatus : uint8_t {
  ok,
  malformed,        ///< not exactly one well-formed value: the real server closes
  too_deep,         ///< a key or value nested deeper than kMaxDepth; the map itself does not count
  not_a_map,        ///< "Request must be a dict"
  no_function,      ///< `fn` missing or falsy: "Missing function name"
  function_no_str,  ///< `fn` is something else than a string: no such function
};

struct Envelope {
  EnvelopeStatus status = EnvelopeStatus::malformed;
  ByteView function;  ///< views the payload; not checked to be UTF-8
  ByteView argument;  ///< exactly one value; nil when `data` is missing
};

/// Finds function and argument in a request's payload, in one pass. Extra keys are ignored and of a
/// key that stands twice the last one counts, as in Python.
Envelope parse_envelope(ByteView payload) noexcept;

/// The same, into `envelope`, which is new: see read_frame().
void read_envelope(Envelope& envelope, ByteView payload) noexcept;

/// Appends a frame with this payload. `Out` is an OutBuffer or a std::string, as of
/// write_request().
template <class Out>
void write_frame(Out& out, uint32_t id, bool error, ByteView payload);

/// Appends a request for `function` with an argument of exactly one value. Zero's servers ignore
/// the flag; see hops.h.
template <class Out>
void write_request(Out& out, uint32_t id, ByteView function, ByteView argument, uint8_t flag = 0);

}  // namespace zerogate::wire::t3
