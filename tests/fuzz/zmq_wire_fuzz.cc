// zmq_wire against the slices of the real servers of each release, written down a second time.
// The first byte of the input chooses: 0, a message of two frames, the second byte being the length
// of the name; else a message of one frame.

#include <msgpack.hpp>
#include <string>

#include "core/wire/msgpack_scan.h"
#include "core/wire/zmq_wire.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/core/wire/reference_scan.h"

using namespace zerogate;
using fuzz::check;
using wire::ZmqRequest;
using wire::w5::RequestStatus;

namespace {

constexpr const char* kPythonSpace = " \t\n\r\v\f";

std::string strip(const std::string& text) {
  const size_t begin = text.find_first_not_of(kPythonSpace);
  if (begin == std::string::npos) {
    return "";
  }
  return text.substr(begin, text.find_last_not_of(kPythonSpace) - begin + 1);
}

std::string slice(const std::string& bytes, size_t from, size_t to) {
  return from >= bytes.size() ? "" : bytes.substr(from, to - from);
}

void check_argument(const ZmqRequest& request, const std::string& bytes, bool empty_is_none) {
  switch (request.status) {
    case RequestStatus::ok:
      check(wire::is_one_value(request.argument), "the argument is one value");
      if (bytes.empty() || (empty_is_none && bytes == "\xa0")) {
        check(request.argument == "\xc0", "nothing is None");
      } else {
        check(request.argument == bytes, "the argument is all that follows the name");
        check(wire::testing::reference_is_one_value(bytes), "msgpack-cxx finds one value");
      }
      break;
    case RequestStatus::malformed:
      check(!bytes.empty() && !wire::testing::reference_is_one_value(bytes),
            "msgpack-cxx does not find one value");
      break;
    case RequestStatus::too_deep:
      check(wire::testing::reference_scan(bytes).error == wire::ScanError::too_deep,
            "msgpack-cxx finds it too deep as well");
      break;
  }
}

void check_padded(const ZmqRequest& request, const std::string& body, size_t id, size_t name) {
  check(request.id == slice(body, 0, id), "the id is the front");
  check(request.function == strip(slice(body, id, id + name)), "the name is stripped");
  check_argument(request, slice(body, id + name, body.size()), false);
}

void check_w2(const ZmqRequest& request, const std::string& body) {
  check(body.size() >= 35 && request.id == body.substr(3, 32), "the id is the text of the str");
  if (request.status != RequestStatus::ok) {
    return;
  }
  check(wire::testing::reference_scan(body).error != wire::ScanError::invalid, "well formed");
  // The array adds a level to the argument's depth, so the reference may find it too deep.
  if (!wire::testing::reference_is_one_value(body)) {
    return;
  }
  const auto decoded = msgpack::unpack(body.data(), body.size());
  check(decoded->type == msgpack::type::ARRAY && decoded->via.array.size == 3, "[id, name, msg]");
  const auto& name = decoded->via.array.ptr[1].via.str;
  check(request.function == ByteView(name.ptr, name.size), "the name is the second item");
}

void check_reply(const ZmqRequest& request) {
  const std::string hello = "\xabhello world";
  const std::string reply = std::string(wire::ReplyPrefix(request.wire, request.id).view()) + hello;
  if (request.wire == Wire::w1) {
    check(reply == hello, "W1 has nothing else");
  }
  if (request.wire == Wire::w2) {
    check(wire::is_one_value(reply), "W2 is one value");
    check(reply.substr(3, 32) == request.id, "W2 brings back the id");
  }
  if (request.wire >= Wire::w3) {
    check(reply == std::string(request.id) + hello, "id · result");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  if (data[0] == 0) {
    if (size < 2) {
      return 0;
    }
    const ByteView rest = fuzz::view_of(data + 2, size - 2);
    const ByteView name = rest.substr(0, data[1]);
    const ZmqRequest request = wire::parse_w1_request(name, rest.substr(name.size()));
    check(request.wire == Wire::w1 && request.id.empty(), "two frames are W1");
    check(request.function == name, "the first frame is the name");
    check_argument(request, std::string(rest.substr(name.size())), true);
    check_reply(request);
    return 0;
  }
  const ByteView body = fuzz::view_of(data + 1, size - 1);
  const ZmqRequest request = wire::parse_zmq_request(body);
  const std::string copy(body);
  check(request.wire == wire::zmq_wire_of(body), "both see the same wire");
  const bool hex = copy.size() >= 32 && copy.find_first_not_of("0123456789abcdef") >= 32;
  switch (request.wire) {
    case Wire::w2:
      check_w2(request, copy);
      break;
    case Wire::w3:
      check(hex && copy.size() >= 152, "W3 has a hex id and a long name");
      check_padded(request, copy, 32, 120);
      break;
    case Wire::w4:
      check(hex, "W4 has a hex id");
      check_padded(request, copy, 32, 80);
      break;
    case Wire::w5:
      check_padded(request, copy, 16, 80);
      break;
    default:
      check(false, "one frame is W2 to W5");
      break;
  }
  check_reply(request);
  return 0;
}
