// parse_envelope against msgpack-cxx's decoder and Python's rules written down a second time.

#include <msgpack.hpp>
#include <string>

#include "core/wire/msgpack_scan.h"
#include "core/wire/t3.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/core/wire/reference_scan.h"

using namespace zerogate;
using fuzz::check;
using wire::t3::Envelope;
using wire::t3::EnvelopeStatus;
using MsgType = msgpack::type::object_type;

namespace {

std::string repacked(const msgpack::object& object) {
  msgpack::sbuffer buffer;
  msgpack::pack(buffer, object);
  return {buffer.data(), buffer.size()};
}

bool is_true_in_python(const msgpack::object& value) {
  switch (value.type) {
    case MsgType::NIL:
      return false;
    case MsgType::BOOLEAN:
      return value.via.boolean;
    case MsgType::POSITIVE_INTEGER:
      return value.via.u64 != 0;
    case MsgType::NEGATIVE_INTEGER:
      return value.via.i64 != 0;
    case MsgType::FLOAT32:
    case MsgType::FLOAT64:
      return value.via.f64 != 0.0;
    case MsgType::STR:
      return value.via.str.size != 0;
    case MsgType::BIN:
      return value.via.bin.size != 0;
    case MsgType::ARRAY:
      return value.via.array.size != 0;
    case MsgType::MAP:
      return value.via.map.size != 0;
    case MsgType::EXT:
      return true;
  }
  return true;
}

void check_map(const Envelope& envelope, const msgpack::object& map) {
  msgpack::object function;  // nil
  msgpack::object argument;
  for (uint32_t i = 0; i < map.via.map.size; ++i) {
    const auto& [key, value] = map.via.map.ptr[i];
    if (key.type != MsgType::STR) {
      continue;
    }
    const ByteView text(key.via.str.ptr, key.via.str.size);
    if (text == "fn") {
      function = value;
    }
    if (text == "data") {
      argument = value;
    }
  }
  if (!is_true_in_python(function)) {
    check(envelope.status == EnvelopeStatus::no_function, "a falsy function is none");
  } else if (function.type != MsgType::STR) {
    check(envelope.status == EnvelopeStatus::function_no_str, "a function has to be a str");
  } else {
    check(envelope.status == EnvelopeStatus::ok, "a function with a name is accepted");
    check(envelope.function == ByteView(function.via.str.ptr, function.via.str.size),
          "the last fn counts");
  }
  check(wire::is_one_value(envelope.argument), "the argument is one value");
  const auto decoded = msgpack::unpack(envelope.argument.data(), envelope.argument.size());
  check(repacked(decoded.get()) == repacked(argument), "the last data counts");
}

void check_round_trip(const Envelope& envelope) {
  std::string frame;
  wire::t3::write_request(frame, 1, envelope.function, envelope.argument);
  const ByteView payload = ByteView(frame).substr(wire::t3::kHeaderBytes);
  const Envelope again = wire::t3::parse_envelope(payload);
  check(again.status == EnvelopeStatus::ok && again.function == envelope.function &&
            again.argument == envelope.argument,
        "write_request writes what is read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView payload = fuzz::view_of(data, size);
  const Envelope envelope = wire::t3::parse_envelope(payload);
  if (envelope.status == EnvelopeStatus::too_deep) {
    check(wire::testing::reference_scan(payload).error == wire::ScanError::too_deep,
          "msgpack-cxx finds it too deep as well");
    return 0;
  }
  const bool one_value = wire::testing::reference_is_one_value(payload);
  check(one_value == (envelope.status != EnvelopeStatus::malformed),
        "malformed exactly when msgpack-cxx does not find one value");
  if (!one_value) {
    return 0;
  }
  // Whole, so its counts are true and decoding it costs no more than its length allows.
  const auto decoded = msgpack::unpack(payload.data(), payload.size());
  if (decoded->type != MsgType::MAP) {
    check(envelope.status == EnvelopeStatus::not_a_map, "what is no map is said to be none");
    return 0;
  }
  check(envelope.status != EnvelopeStatus::not_a_map, "a map is one");
  check_map(envelope, decoded.get());
  if (envelope.status == EnvelopeStatus::ok) {
    check_round_trip(envelope);
  }
  return 0;
}
