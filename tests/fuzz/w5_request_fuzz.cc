// What the gateway reads W5 requests by, against the real worker's slices, written down a second
// time. Messages of other formats are zmq_wire's.

#include <string>

#include "core/wire/msgpack_scan.h"
#include "core/wire/w5.h"
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

/// A name without the blanks before it may make a message look like W2's or W4's.
void check_round_trip(ByteView body, const ZmqRequest& request) {
  std::string written;
  wire::w5::write_request(written, request.id, request.function, request.argument);
  const ZmqRequest again = wire::parse_zmq_request(written);
  if (again.wire != Wire::w5) {
    check(!body.substr(wire::w5::kIdBytes).starts_with(request.function),
          "only a name that has moved makes it another format");
    return;
  }
  check(again.status == RequestStatus::ok && again.id == request.id &&
            again.function == request.function && again.argument == request.argument,
        "write_request writes what is read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView body = fuzz::view_of(data, size);
  const ZmqRequest request = wire::parse_zmq_request(body);
  if (request.wire != Wire::w5) {
    return 0;
  }

  const std::string copy(body);
  check(request.id == copy.substr(0, 16), "id is data[:16]");
  const std::string name = copy.size() > 16 ? copy.substr(16, 80) : "";
  check(request.function == strip(name), "name is data[16:96].strip()");
  if (copy.size() <= 96) {
    check(request.status == RequestStatus::ok && request.argument == "\xc0", "nothing is None");
  } else {
    const ByteView rest = ByteView(copy).substr(96);
    switch (request.status) {
      case RequestStatus::ok:
        check(request.argument == rest, "the argument is all of data[96:]");
        check(wire::testing::reference_is_one_value(rest), "msgpack-cxx finds one value");
        break;
      case RequestStatus::malformed:
        check(!wire::testing::reference_is_one_value(rest), "msgpack-cxx does not find one value");
        break;
      case RequestStatus::too_deep:
        check(wire::testing::reference_scan(rest).error == wire::ScanError::too_deep,
              "msgpack-cxx finds it too deep as well");
        break;
    }
  }
  const bool complete = request.id.size() == wire::w5::kIdBytes;
  if (complete && request.status == RequestStatus::ok) {
    check_round_trip(body, request);
  }
  return 0;
}
