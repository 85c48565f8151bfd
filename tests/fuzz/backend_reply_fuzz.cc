// What servers answer, as our own clients and the bridge read it. The first byte of the input
// chooses: a stream of raw TCP, a ZeroMQ message, one result that goes through both protocols, the
// id and flag that count gateways, or the Python text of a contract. The second byte is an id, or
// says how a stream is cut.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/utf8.h"
#include "core/client/client_reply.h"
#include "core/client/error_text.h"
#include "core/load/call_error.h"
#include "core/sdk/client_source.h"
#include "core/wire/hops.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/tcp_wire.h"
#include "core/wire/translate.h"
#include "core/wire/zerror.h"
#include "core/wire/zmq_wire.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;
using sdk::ClientSource;
using wire::t3::FrameStatus;

namespace {

constexpr uint32_t kCalls = 4;  ///< one after the other, on one connection
const std::string kId = "zerogate-id:\1\2\3\4";

/// What comes of a connection's bytes: an answer to each call, and the end of it.
struct Answers {
  std::vector<std::string> lines;
  std::string error;
  bool operator==(const Answers&) const = default;
};

std::string line_of(const ClientReply& reply) {
  return (reply.is_error ? "error " : "result ") + reply.body;
}

/// As TcpClient calls, when its bytes have come in such pieces: the first call waits for all.
class Caller {
 public:
  void feed(ByteView bytes) {
    received_ += bytes;
    while (answers_.error.empty() && answers_.lines.size() < kCalls) {
      const auto reply = take_tcp_reply(received_, static_cast<uint32_t>(answers_.lines.size()));
      if (!reply) {
        answers_.error = reply.error();
        check(!answers_.error.empty(), "it says what is wrong");
      } else if (reply.value()) {
        answers_.lines.push_back(line_of(*reply.value()));
      } else {
        return;
      }
    }
  }
  const Answers& answers() const { return answers_; }

 private:
  std::string received_;
  Answers answers_;
};

/// The same, written down a second time.
Answers expected_answers(ByteView stream) {
  Answers answers;
  while (answers.lines.size() < kCalls) {
    const auto frame = wire::t3::parse_frame(stream, size_t{1} << 30);
    if (frame.status == FrameStatus::incomplete) {
      return answers;
    }
    if (frame.status != FrameStatus::whole) {
      answers.error = "broken";
      return answers;
    }
    if (frame.id == answers.lines.size()) {
      answers.lines.push_back(line_of({frame.flag != 0, std::string(frame.payload)}));
    }
    stream.remove_prefix(frame.size);
  }
  return answers;
}

void check_stream(ByteView stream, uint32_t cuts) {
  Caller at_once;
  at_once.feed(stream);
  Caller in_pieces;
  for (ByteView rest = stream; !rest.empty();) {
    cuts = cuts * 1664525u + 1013904223u;  // a linear congruential generator
    const ByteView piece = rest.substr(0, 1 + (cuts >> 16) % 23);
    in_pieces.feed(piece);
    rest.remove_prefix(piece.size());
  }
  check(at_once.answers() == in_pieces.answers(), "the cuts make no difference");
  const Answers expected = expected_answers(stream);
  check(at_once.answers().lines == expected.lines, "a call has the first reply of its id");
  check(at_once.answers().error.empty() == expected.error.empty(), "what is no reply ends it");
}

bool is_line(const std::string& text) {
  return !text.empty() && is_utf8(text) && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

void check_message(ByteView message) {
  const auto reply = zmq_reply(message, kId);
  check(reply.has_value() == message.starts_with(kId), "a reply begins with the call's id");
  const wire::w5::Reply read = wire::w5::parse_reply(message);
  if (read.status == wire::w5::ReplyStatus::short_id) {
    check(message.size() < wire::w5::kIdBytes && !reply, "what is shorter than an id is no reply");
    return;
  }
  check(std::string(read.id) + std::string(read.result) == message, "a reply is id and result");
  check((read.status == wire::w5::ReplyStatus::no_result) == read.result.empty(), "or an id alone");
  if (reply) {
    check(reply->body == wire::nil_from_empty(read.result), "the bridge reads the same");
    check(reply->is_error == wire::is_error_body(reply->body), "an error is an error");
  }
}

/// A result on its way to callers of both protocols.
void check_result(ByteView result) {
  check(is_line(error_text(result)), "what is said of an error is one line");
  if (!wire::is_one_value(result)) {
    return;
  }
  const bool is_error = wire::is_error_body(result);
  OutBuffer frame;
  wire::write_tcp_reply(frame, Wire::t3, 7, result, is_error);
  std::string received(frame.view());
  const auto tcp = take_tcp_reply(received, 7);
  check(tcp.ok() && tcp.value() && received.empty(), "a caller by raw TCP has it whole");
  std::string message(wire::ReplyPrefix(Wire::w5, kId).view());
  message.append(result);
  const auto zmq = zmq_reply(message, kId);
  check(zmq.has_value(), "and one by ZeroMQ");
  check(line_of(*tcp.value()) == line_of(*zmq), "both have the same");
  check(zmq->body == result && zmq->is_error == is_error, "which is what the server has sent");

  const auto key = wire::error_key(result);
  check(key.has_value() == is_error, "an error has a key");
  const CallError kind = call_error_of(result);
  check((kind == CallError::not_found) == (key == wire::ErrorKey::function_not_found) &&
            (kind == CallError::validation) == (key == wire::ErrorKey::validation_error),
        "the load's report has the kind of the error");
}

void check_arguments(ByteView argument) {
  check(wire::nil_from_empty(wire::empty_from_nil(argument)) == wire::nil_from_empty(argument),
        "None is None on both protocols");
  std::string full;
  const auto before = sdk::ContractRequest::read(argument);
  if (wire::write_full_contract_argument(full, argument)) {
    check(wire::is_one_value(full), "a contract's argument is one value");
    const auto after = sdk::ContractRequest::read(full);
    check(after.ok() == before.ok(), "two words become four");
    check(!after.ok() || (after.value().host == before.value().host &&
                          after.value().port == before.value().port &&
                          after.value().protocol == "zmq" && !after.value().is_async()),
          "of the same meaning");
  } else {
    check(full.empty(), "or it is left alone");
  }
  check(before.ok() || !before.error().empty(), "or it is refused with a reason");
}

void check_hops(ByteView id, uint8_t flag) {
  const uint8_t hops = wire::hops_of_flag(flag);
  check(hops <= 0x0f, "a flag counts to 15");
  check(hops == 0 || wire::flag_of_hops(hops) == flag, "a flag is written as it is read");
  const uint8_t of_id = wire::hops_of_id(id);
  check(of_id <= wire::kMaxHops, "an id counts up to the limit");
  const std::string prefix(wire::kHopsIdPrefix);
  if (of_id > 0) {
    check(id.starts_with(prefix + wire::id_byte_of_hops(of_id)), "an id is written as it is read");
  }
  const auto count = static_cast<uint8_t>(1 + flag % wire::kMaxHops);
  check(wire::hops_of_id(prefix + wire::id_byte_of_hops(count) + "id") == count, "up to the limit");
  check(wire::hops_of_flag(wire::flag_of_hops(count)) == count, "in a flag as well");
}

std::vector<std::string> functions_of(const ClientSource& source) {
  std::vector<std::string> names;
  for (const ClientSource::Method& method : source.methods) {
    names.push_back(method.function);
  }
  return names;
}

std::vector<std::string> names_of(const ClientSource& source) {
  std::vector<std::string> names;
  for (const ClientSource::Definition& definition : source.definitions) {
    names.push_back(definition.name);
  }
  return names;
}

/// Two texts, with a NUL between them: two backends behind one gateway.
void check_contract(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\0'));
  ClientSource one;
  if (!one.parse(first)) {
    return;
  }
  const sdk::ContractRequest request{"host", 5559, "tcp", true};
  ClientSource again;
  check(again.parse(one.text(request)), "what a gateway writes is read by the next");
  check(functions_of(again) == functions_of(one), "with all functions");
  check(again.imports == one.imports, "with all imports");
  check(again.notes == one.notes, "with all notes");

  ClientSource two;
  if (first.size() == text.size() || !two.parse(text.substr(first.size() + 1))) {
    return;
  }
  std::vector<std::string> expected = functions_of(one);
  for (const std::string& function : functions_of(two)) {
    expected.push_back(function);
  }
  const std::vector<std::string> known = names_of(one);
  ClientSource both = one;
  both.add(two, "other", [](const std::string&) { return true; });
  // A call in a name cannot be told from a call: no generator writes it.
  const auto is_odd = [](const std::string& name) { return name.find(".call(") != name.npos; };
  if (std::ranges::none_of(expected, is_odd)) {
    both.make_async();
  }
  check(functions_of(both) == expected, "two backends have the functions of both");
  const std::vector<std::string> names = names_of(both);
  check(std::equal(known.begin(), known.end(), names.begin()), "what was there stays");
  check(again.parse(both.text(request)) || names.size() > ClientSource::kMaxDefinitions,
        "and both are a client");
  ClientSource written;
  written.parse(both.text(request));
  check(functions_of(written) == expected, "that calls them by their names");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const ByteView bytes = fuzz::view_of(data + 2, size - 2);
  switch (data[0] % 5) {
    case 0:
      check_stream(bytes, data[1]);
      break;
    case 1:
      check_message(bytes);
      break;
    case 2:
      check_result(bytes);
      break;
    case 3:
      check_arguments(bytes);
      check_hops(bytes, data[1]);
      break;
    default:
      check_contract(bytes);
  }
  return 0;
}
