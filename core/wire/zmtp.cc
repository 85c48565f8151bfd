#include "core/wire/zmtp.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace zerogate::wire::zmtp {
namespace {

constexpr unsigned char kMore = 1;
constexpr unsigned char kLong = 2;
constexpr unsigned char kCommand = 4;

constexpr size_t kSignatureBytes = 10;
constexpr size_t kMechanismAt = 12;
constexpr size_t kMechanismBytes = 20;
constexpr char kVersion = 3;
constexpr char kMinorVersion = 1;  // with PING and PONG, as libzmq 4.2 and later say

constexpr std::string_view kNull = "NULL";
constexpr std::string_view kSocketType = "Socket-Type";

constexpr std::array<char, kMechanismBytes> mechanism() {
  std::array<char, kMechanismBytes> name{};
  std::copy(kNull.begin(), kNull.end(), name.begin());
  return name;
}
constexpr auto kMechanism = mechanism();

/// Takes a string with its length before it. False: it is not whole.
template <int kLengthBytes>
bool take(ByteView& from, ByteView& string) {
  if (from.size() < kLengthBytes) {
    return false;
  }
  const size_t size =
      kLengthBytes == 1 ? static_cast<unsigned char>(from[0]) : load_be32(from.data());
  from.remove_prefix(kLengthBytes);
  if (size > from.size()) {
    return false;
  }
  string = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

}  // namespace

GreetingStatus parse_greeting(ByteView bytes) noexcept {
  const auto is_at = [bytes](size_t at, auto good) {
    return bytes.size() <= at || good(bytes[at]);
  };
  // Between 0xff and 0x7f there may be anything: it was a length in ZMTP 1.
  if (!is_at(0, [](char c) { return c == '\xff'; }) ||
      !is_at(kSignatureBytes - 1, [](char c) { return c == '\x7f'; }) ||
      !is_at(kSignatureBytes, [](char c) { return c >= kVersion; })) {
    return GreetingStatus::foreign;
  }
  if (bytes.size() < kGreetingBytes) {
    return GreetingStatus::incomplete;
  }
  const ByteView named = bytes.substr(kMechanismAt, kMechanismBytes);
  return named == ByteView(kMechanism.data(), kMechanism.size()) ? GreetingStatus::ok
                                                                 : GreetingStatus::other_mechanism;
}

Frame parse_frame(ByteView bytes, size_t max_body) noexcept {
  Frame frame;
  if (bytes.empty()) {
    return frame;
  }
  const auto flags = static_cast<unsigned char>(bytes[0]);
  frame.more = (flags & kMore) != 0;
  frame.command = (flags & kCommand) != 0;
  if ((flags & ~(kMore | kLong | kCommand)) != 0 || (frame.more && frame.command)) {
    frame.status = FrameStatus::bad_flags;
    return frame;
  }
  const size_t head = (flags & kLong) != 0 ? kMaxHeadBytes : 2;
  if (bytes.size() < head) {
    return frame;
  }
  const uint64_t body =
      head == 2 ? static_cast<unsigned char>(bytes[1]) : load_be64(bytes.data() + 1);
  if (body > (frame.command ? std::min(max_body, kMaxCommandBytes) : max_body)) {
    frame.status = FrameStatus::too_large;
    return frame;
  }
  frame.size = head + body;
  if (bytes.size() >= frame.size) {
    frame.status = FrameStatus::whole;
    frame.body = bytes.substr(head, body);
  }
  return frame;
}

Command parse_command(ByteView body) noexcept {
  Command command;
  command.ok = take<1>(body, command.name) && !command.name.empty();
  command.data = body;
  return command;
}

bool is_peers_ready(ByteView properties) noexcept {
  ByteView name, value, type;
  while (!properties.empty()) {
    if (!take<1>(properties, name) || !take<4>(properties, value)) {
      return false;
    }
    // Names are the same in any letter case, by RFC 23.
    const auto lower = [](char c) {
      return 'A' <= c && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    const auto same = [&](char a, char b) { return lower(a) == lower(b); };
    if (std::equal(name.begin(), name.end(), kSocketType.begin(), kSocketType.end(), same)) {
      type = value;
    }
  }
  return type == "DEALER" || type == "REQ" || type == "ROUTER";
}

void write_greeting(OutBuffer& out) {
  std::array<char, kGreetingBytes> greeting{};
  greeting[0] = '\xff';
  greeting[kSignatureBytes - 1] = '\x7f';
  greeting[kSignatureBytes] = kVersion;
  greeting[kSignatureBytes + 1] = kMinorVersion;
  std::copy(kMechanism.begin(), kMechanism.end(), greeting.begin() + kMechanismAt);
  out.append(greeting.data(), greeting.size());
}

void write_ready(OutBuffer& out, std::string_view socket_type) {
  using namespace std::string_view_literals;
  constexpr std::string_view kBegin = "\x05READY\x0bSocket-Type\0\0\0"sv;
  constexpr std::string_view kIdentity = "\x08Identity\0\0\0\0"sv;
  const size_t size = kBegin.size() + 1 + socket_type.size() + kIdentity.size();
  out.push_back(static_cast<char>(kCommand));
  out.push_back(static_cast<char>(size));
  out.append(kBegin);
  out.push_back(static_cast<char>(socket_type.size()));
  out.append(socket_type);
  out.append(kIdentity);
}

void write_pong(OutBuffer& out, ByteView ping) {
  constexpr std::string_view kName = "\x04PONG";
  constexpr size_t kTimeToLiveBytes = 2;
  if (ping.size() < kTimeToLiveBytes) {
    return;
  }
  const ByteView context = ping.substr(kTimeToLiveBytes, kMaxPingContextBytes);
  out.push_back(static_cast<char>(kCommand));
  out.push_back(static_cast<char>(kName.size() + context.size()));
  out.append(kName);
  out.append(context);
}

}  // namespace zerogate::wire::zmtp
