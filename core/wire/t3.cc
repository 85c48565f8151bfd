#include "core/wire/t3.h"

#include <cassert>
#include <cstring>

#include "core/base/byte_writer.h"
#include "core/base/out_buffer.h"
#include "core/wire/big_endian.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"

namespace zerogate::wire::t3 {
namespace {

constexpr size_t kIdAndFlagBytes = kHeaderBytes - kLengthBytes;
constexpr size_t kMaxFixStr = 31;
/// How the payload of a request begins, and what stands between function and argument.
constexpr ByteView kUsualFront =
    "\x82\xa2"
    "fn";
constexpr ByteView kUsualData =
    "\xa4"
    "data";

/// The first four bytes of a peer that took the wrong port. All of them read as a length of over
/// 360 MB, so they are looked at only when a length is over the limit.
bool begins_other_protocol(const char* bytes) {
  static constexpr char kFronts[][kLengthBytes + 1] = {
      "GET ",       "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC",  // HTTP/1
      "PRI ",                                                                        // HTTP/2
      "\xff\0\0\0",  // ZMTP's greeting
  };
  for (const auto& front : kFronts) {
    if (std::memcmp(bytes, front, kLengthBytes) == 0) {
      return true;
    }
  }
  // TLS: a handshake record of version 3.0 to 3.4, of any length.
  return bytes[0] == 0x16 && bytes[1] == 0x03 && bytes[2] >= 0 && bytes[2] <= 4;
}

/// The two values of a request that matter; empty until found.
struct Fields {
  ByteView function;
  ByteView argument;
};

EnvelopeStatus status_of(ValueStatus argument) {
  return argument == ValueStatus::ok         ? EnvelopeStatus::ok
         : argument == ValueStatus::too_deep ? EnvelopeStatus::too_deep
                                             : EnvelopeStatus::malformed;
}
EnvelopeStatus status_of(ScanError error) {
  return error == ScanError::too_deep ? EnvelopeStatus::too_deep : EnvelopeStatus::malformed;
}

/// Takes the value at the front of `rest`.
ScanError take_value(ByteView& rest, ByteView& value) {
  const Scan scan = scan_value(rest);
  if (scan.error != ScanError::none) {
    return scan.error;
  }
  value = rest.substr(0, scan.length);
  rest.remove_prefix(scan.length);
  return ScanError::none;
}

/// Takes a key and tells where its value belongs; null for a key that is not asked for.
ScanError take_key(ByteView& rest, Fields& fields, ByteView*& target) {
  // The two keys as every client writes them, without the general way round.
  if (rest.starts_with("\xa2"
                       "fn")) {
    rest.remove_prefix(3);
    target = &fields.function;
    return ScanError::none;
  }
  if (rest.starts_with("\xa4"
                       "data")) {
    rest.remove_prefix(5);
    target = &fields.argument;
    return ScanError::none;
  }
  ByteView key;
  const ScanError error = take_value(rest, key);
  if (error != ScanError::none) {
    return error;
  }
  ByteView text;  // a str may have a longer head than it needs; a bin is another key in Python
  target = nullptr;
  if (Reader(key).read_str(text)) {
    if (text == "fn") {
      target = &fields.function;
    }
    if (text == "data") {
      target = &fields.argument;
    }
  }
  return ScanError::none;
}

/// True for what Python takes for false: nil, false, zero and everything of length 0. An ext, which
/// msgspec decodes into an object or a datetime, is always true.
bool is_falsy(ByteView value) {
  const Type type = type_of(value.front());
  switch (type) {
    case Type::nil:
      return true;
    case Type::boolean:
      return value.front() == static_cast<char>(0xc2);
    case Type::integer:
      // A fixint is its own value; the wider forms are a tag and big-endian bytes.
      if (value.size() == 1) {
        return value.front() == 0;
      }
      return value.find_first_not_of('\0', 1) == ByteView::npos;
    case Type::real: {
      // Zero and minus zero: no bit is set beside the sign.
      if ((value[1] & 0x7f) != 0) {
        return false;
      }
      return value.find_first_not_of('\0', 2) == ByteView::npos;
    }
    case Type::str:
    case Type::bin:
    case Type::array:
    case Type::map: {
      // Empty when its count is zero: in the low bits of a first byte below 0xc0, else behind it,
      // where the count stands before anything else that is not zero.
      const auto first = static_cast<uint8_t>(value.front());
      if (first < 0xc0) {
        return value.size() == 1;
      }
      return value.find_first_not_of('\0', 1) == ByteView::npos;
    }
    case Type::ext:
    case Type::invalid:
      break;
  }
  return false;
}

/// Reads {"fn": name of 1 to 31 bytes, "data": value}, as every client writes it. False for any
/// payload that begins otherwise, good or bad: that goes the general way.
bool read_usual(ByteView payload, Envelope& envelope) {
  constexpr size_t kNameAt = kUsualFront.size() + 1;
  if (payload.size() < kNameAt || !payload.starts_with(kUsualFront)) {
    return false;
  }
  const size_t name_bytes = static_cast<uint8_t>(payload[kNameAt - 1]) - size_t{0xa0};
  if (name_bytes == 0 || name_bytes > kMaxFixStr) {
    return false;
  }
  ByteView rest = payload.substr(kNameAt);
  if (rest.size() <= name_bytes + kUsualData.size()) {
    return false;
  }
  rest.remove_prefix(name_bytes);
  if (!rest.starts_with(kUsualData)) {
    return false;
  }
  rest.remove_prefix(kUsualData.size());
  envelope.status = status_of(check_value(rest));
  if (envelope.status != EnvelopeStatus::ok) {
    return true;
  }
  envelope.function = payload.substr(kNameAt, name_bytes);
  envelope.argument = rest;
  return true;
}

/// Reads any other payload. Not inlined: what it keeps would be saved and restored for every usual
/// request too.
[[gnu::noinline]] Envelope read_any(ByteView payload) {
  Envelope envelope;
  Reader reader(payload);
  uint32_t pairs = 0;
  if (!reader.read_map(pairs)) {
    const Scan scan = scan_value(payload);
    envelope.status = scan.error != ScanError::none   ? status_of(scan.error)
                      : scan.length == payload.size() ? EnvelopeStatus::not_a_map
                                                      : EnvelopeStatus::malformed;
    return envelope;
  }
  // One pass: each round takes at least one byte or ends, whatever number of pairs is claimed.
  // The map around the argument does not count for its depth, so that an argument is accepted
  // over both protocols or over neither.
  Fields fields;
  ByteView rest = reader.rest();
  for (; pairs > 0; --pairs) {
    ByteView* target = nullptr;
    ByteView value;
    ScanError error = take_key(rest, fields, target);
    if (error == ScanError::none) {
      error = take_value(rest, value);
    }
    if (error != ScanError::none) {
      envelope.status = status_of(error);
      return envelope;
    }
    if (target != nullptr) {
      *target = value;
    }
  }
  if (!rest.empty()) {
    return envelope;  // malformed
  }

  envelope.argument = fields.argument.empty() ? kNilValue : fields.argument;
  if (fields.function.empty() || is_falsy(fields.function)) {
    envelope.status = EnvelopeStatus::no_function;
  } else if (!Reader(fields.function).read_str(envelope.function)) {
    envelope.status = EnvelopeStatus::function_no_str;
  } else {
    envelope.status = EnvelopeStatus::ok;
  }
  return envelope;
}

inline void put_header(char* to, size_t payload_bytes, uint32_t id, uint8_t flag) {
  assert(payload_bytes <= UINT32_MAX - kIdAndFlagBytes);
  store_be<4>(to, kIdAndFlagBytes + payload_bytes);
  store_be<4>(to + kLengthBytes, id);
  to[kHeaderBytes - 1] = static_cast<char>(flag);
}

}  // namespace

Frame parse_frame(ByteView bytes, size_t max_message) noexcept {
  Frame frame;
  read_frame(frame, bytes, max_message);
  return frame;
}

void read_frame(Frame& frame, ByteView bytes, size_t max_message) noexcept {
  if (bytes.size() < kLengthBytes) {
    return;
  }
  const size_t length = load_be32(bytes.data());
  frame.size = kLengthBytes + length;
  if (length < kIdAndFlagBytes) {
    frame.status = FrameStatus::bad_length;
  } else if (length == kIdAndFlagBytes) {
    frame.status = FrameStatus::empty;
  } else if (length - kIdAndFlagBytes > max_message) {
    frame.status =
        begins_other_protocol(bytes.data()) ? FrameStatus::other_protocol : FrameStatus::too_large;
  } else if (bytes.size() - kLengthBytes < length) {
    frame.status = FrameStatus::incomplete;
  } else {
    frame.status = FrameStatus::whole;
    frame.id = load_be32(bytes.data() + kLengthBytes);
    frame.flag = static_cast<uint8_t>(bytes[kHeaderBytes - 1]);
    frame.payload = bytes.substr(kHeaderBytes, length - kIdAndFlagBytes);
  }
}

Envelope parse_envelope(ByteView payload) noexcept {
  Envelope envelope;
  read_envelope(envelope, payload);
  return envelope;
}

void read_envelope(Envelope& envelope, ByteView payload) noexcept {
  if (!read_usual(payload, envelope)) {
    envelope = read_any(payload);
  }
}

template <class Out>
void write_frame(Out& out, uint32_t id, bool error, ByteView payload) {
  append_with(out, kHeaderBytes + payload.size(), [&](char* begin) {
    put_header(begin, payload.size(), id, error ? 1 : 0);
    return ByteWriter(begin + kHeaderBytes).put(payload).at();
  });
}
template void write_frame(OutBuffer&, uint32_t, bool, ByteView);
template void write_frame(std::string&, uint32_t, bool, ByteView);

template <class Out>
void write_request(Out& out, uint32_t id, ByteView function, ByteView argument, uint8_t flag) {
  assert(!argument.empty());
  const size_t most = kHeaderBytes + kUsualFront.size() + kMaxStrHeadBytes + function.size() +
                      kUsualData.size() + argument.size();
  append_with(out, most, [&](char* begin) {
    ByteWriter to(begin + kHeaderBytes);
    to.put(kUsualFront);
    write_str(to, function);
    to.put(kUsualData).put(argument);
    put_header(begin, static_cast<size_t>(to.at() - begin) - kHeaderBytes, id, flag);
    return to.at();
  });
}
template void write_request(OutBuffer&, uint32_t, ByteView, ByteView, uint8_t);
template void write_request(std::string&, uint32_t, ByteView, ByteView, uint8_t);

}  // namespace zerogate::wire::t3
