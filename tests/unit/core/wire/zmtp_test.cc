#include "core/wire/zmtp.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire::zmtp {
namespace {

using namespace std::string_literals;
using wire::testing::from_hex;
using wire::testing::times;

constexpr size_t kMaxBody = 100'000;

// Greetings.

std::string greeting_of(const std::string& mechanism, char major = 3, char minor = 1) {
  std::string bytes = "\xff" + std::string(8, '\0') + "\x7f";
  bytes += {major, minor};
  bytes += mechanism;
  bytes.resize(kGreetingBytes);
  return bytes;
}

/// What becomes of the bytes when they come one by one: the status, and after how many.
std::pair<GreetingStatus, size_t> verdict_on(const std::string& bytes) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    const GreetingStatus status = parse_greeting(ByteView(bytes).substr(0, size));
    if (status != GreetingStatus::incomplete) {
      return {status, size};
    }
  }
  return {parse_greeting(bytes), bytes.size()};
}

TEST(ZmtpGreeting, IsTakenOnceItIsWhole) {
  for (const char minor : {'\0', '\1', '\2'}) {
    EXPECT_EQ(verdict_on(greeting_of("NULL", 3, minor)),
              std::pair(GreetingStatus::ok, kGreetingBytes));
  }
  EXPECT_EQ(parse_greeting(greeting_of("NULL", 4)), GreetingStatus::ok) << "a later version";
  EXPECT_EQ(parse_greeting(greeting_of("NULL") + "\x04\x19\x05READY"), GreetingStatus::ok)
      << "whatever follows it";
}

TEST(ZmtpGreeting, MayHaveAnythingWhereZmtp1HadALength) {
  std::string bytes = greeting_of("NULL");
  bytes.replace(1, 8, 8, '\xa5');
  EXPECT_EQ(verdict_on(bytes), std::pair(GreetingStatus::ok, kGreetingBytes));
  bytes.replace(1, 8, "\0\0\0\0\0\0\0\x01"s);  // libzmq writes 1 there
  EXPECT_EQ(verdict_on(bytes), std::pair(GreetingStatus::ok, kGreetingBytes));
}

TEST(ZmtpGreeting, OfNullSaysNothingElseThatCounts) {
  std::string bytes = greeting_of("NULL");
  bytes[32] = 1;          // as-server
  bytes.back() = '\x5a';  // filler
  EXPECT_EQ(parse_greeting(bytes), GreetingStatus::ok);
}

TEST(ZmtpGreeting, ForeignBytesAreToldByTheFirstThatIsWrong) {
  constexpr size_t kFirst = 1, kSignature = 10, kVersion = 11;
  const std::string signature = greeting_of("NULL").substr(0, kSignature);
  const std::vector<std::pair<std::string, size_t>> foreign = {
      {"GET / HTTP/1.1\r\n\r\n", kFirst},
      {from_hex("16030102000100"), kFirst},                 // a ClientHello
      {from_hex("0000002a 00000001 00 82a2666e"), kFirst},  // a frame of Zero's raw TCP
      {from_hex("0100"), kFirst},                           // ZMTP 1: an empty identity
      {from_hex("0600") + "peer1", kFirst},                 // ZMTP 1
      {from_hex("ff 0000000000000105 00"), kSignature},     // ZMTP 1: an identity of 260 bytes
      {signature + "\x01\x05"s, kVersion},                  // ZMTP 2, libzmq 3
      {signature + "\0"s, kVersion},                        // ZMTP 1, by a later library
      {std::string(kGreetingBytes, '\xff'), kSignature},
  };
  for (const auto& [bytes, after] : foreign) {
    EXPECT_EQ(verdict_on(bytes), std::pair(GreetingStatus::foreign, after)) << bytes;
  }
}

TEST(ZmtpGreeting, OtherMechanismsAreTold) {
  for (const std::string& mechanism :
       {"PLAIN"s, "CURVE"s, "GSSAPI"s, ""s, "NUL"s, "null"s, "NULLS"s, "NULL\0x"s, " NULL"s,
        "NULL"s + std::string(15, '\0') + "x"}) {
    EXPECT_EQ(verdict_on(greeting_of(mechanism)),
              std::pair(GreetingStatus::other_mechanism, kGreetingBytes))
        << mechanism;
  }
}

// Frames.

std::string frame_of(int flags, const std::string& body, bool is_long) {
  std::string bytes(1, static_cast<char>(flags | (is_long ? 2 : 0)));
  for (int shift = is_long ? 56 : 0; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(static_cast<uint64_t>(body.size()) >> shift);
  }
  return bytes + body;
}
std::string head_of(int flags, uint64_t size) {
  std::string bytes(1, static_cast<char>(flags | 2));
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(size >> shift);
  }
  return bytes;
}

TEST(ZmtpFrame, IsReadFromEverySplit) {
  for (const int flags : {0, 1, 4}) {
    for (const size_t size : {0, 1, 127, 128, 255, 256, 8'192}) {
      for (const bool is_long : {false, true}) {
        if (!is_long && size > 255) {
          continue;
        }
        const std::string body(size, '\x07');
        const std::string bytes = frame_of(flags, body, is_long);
        const size_t head = is_long ? 9 : 2;
        for (size_t part = 0; part < bytes.size(); ++part) {
          // An allocation of its own: the address sanitizer finds a byte read past the end.
          const std::vector<char> copy(bytes.begin(), bytes.begin() + static_cast<long>(part));
          const Frame frame = parse_frame({copy.data(), copy.size()}, kMaxBody);
          ASSERT_EQ(frame.status, FrameStatus::incomplete) << flags << ' ' << size << ' ' << part;
          ASSERT_EQ(frame.size, part < head ? 0 : bytes.size());
        }
        for (const std::string& behind : {""s, "\0"s, "\xff\xff\xff"s}) {
          const std::string more = bytes + behind;
          const Frame frame = parse_frame(more, kMaxBody);
          ASSERT_EQ(frame.status, FrameStatus::whole);
          ASSERT_EQ(frame.body, body);
          ASSERT_EQ(frame.size, bytes.size());
          ASSERT_EQ(frame.more, flags == 1);
          ASSERT_EQ(frame.command, flags == 4);
        }
      }
    }
  }
}

TEST(ZmtpFrame, EveryFlagIsOneOfThree) {
  for (int flags = 0; flags < 256; ++flags) {
    const bool good = (flags & ~7) == 0 && (flags & 5) != 5;
    const std::string first(1, static_cast<char>(flags));
    EXPECT_EQ(parse_frame(first, kMaxBody).status,
              good ? FrameStatus::incomplete : FrameStatus::bad_flags)
        << flags;
    const std::string whole = first + std::string((flags & 2) != 0 ? 8 : 1, '\0');
    EXPECT_EQ(parse_frame(whole, kMaxBody).status,
              good ? FrameStatus::whole : FrameStatus::bad_flags)
        << flags;
  }
}

TEST(ZmtpFrame, TheLimitIsToldByTheHead) {
  for (const int flags : {0, 1}) {
    EXPECT_EQ(parse_frame(head_of(flags, kMaxBody), kMaxBody).status, FrameStatus::incomplete);
    EXPECT_EQ(parse_frame(head_of(flags, kMaxBody), kMaxBody).size, kMaxHeadBytes + kMaxBody);
    EXPECT_EQ(parse_frame(head_of(flags, kMaxBody + 1), kMaxBody).status, FrameStatus::too_large);
    EXPECT_EQ(parse_frame("\0\x08"s, 7).status, FrameStatus::too_large);
    EXPECT_EQ(parse_frame("\0\x08"s, 8).status, FrameStatus::incomplete);
  }
  EXPECT_EQ(parse_frame(head_of(4, kMaxCommandBytes), kMaxBody).status, FrameStatus::incomplete);
  EXPECT_EQ(parse_frame(head_of(4, kMaxCommandBytes + 1), kMaxBody).status, FrameStatus::too_large);
  EXPECT_EQ(parse_frame("\x04\x08"s, 7).status, FrameStatus::too_large)
      << "a command obeys the smaller limit";
}

TEST(ZmtpFrame, NoLengthWrapsRound) {
  for (const uint64_t size :
       {uint64_t{1} << 31, uint64_t{1} << 32, (uint64_t{1} << 32) + 1, (uint64_t{1} << 63) - 1,
        uint64_t{1} << 63, UINT64_MAX - 8, UINT64_MAX - 1, UINT64_MAX}) {
    for (const int flags : {0, 1, 4}) {
      const std::string bytes = head_of(flags, size) + "body";
      EXPECT_EQ(parse_frame(bytes, kMaxBody).status, FrameStatus::too_large) << size;
    }
  }
}

TEST(ZmtpFrame, WhatIsWrittenIsRead) {
  for (const size_t size : {0, 1, 254, 255, 256, 257, 65'535, 65'536}) {
    OutBuffer out;
    write_head(out, size);
    const std::string head(out.view());
    EXPECT_EQ(head, size <= 255 ? "\0"s + static_cast<char>(size) : head_of(0, size));
    const std::string bytes = head + std::string(size, 'x') + "behind";
    const Frame frame = parse_frame(bytes, kMaxBody);
    ASSERT_EQ(frame.status, FrameStatus::whole);
    EXPECT_EQ(frame.size, head.size() + size);
    EXPECT_EQ(frame.body.size(), size);
    EXPECT_FALSE(frame.more || frame.command);
  }
}

// Commands.

TEST(ZmtpCommand, HasAName) {
  const std::string with_data = "\x04PING\0\x0a"s;
  const Command ping = parse_command(with_data);
  EXPECT_TRUE(ping.ok);
  EXPECT_EQ(ping.name, "PING");
  EXPECT_EQ(ping.data, "\0\x0a"s);
  const Command bare = parse_command("\x01x");
  EXPECT_TRUE(bare.ok);
  EXPECT_EQ(bare.name, "x");
  EXPECT_TRUE(bare.data.empty());
  for (const std::string& none : {""s, "\0"s, "\0PING"s, "\x01"s, "\x05PING"s, "\xffPING"s}) {
    EXPECT_FALSE(parse_command(none).ok) << none;
  }
}

std::string property(const std::string& name, const std::string& value) {
  std::string bytes(1, static_cast<char>(name.size()));
  bytes += name + std::string(3, '\0') + static_cast<char>(value.size()) + value;
  return bytes;
}

TEST(ZmtpReady, NamesASocketThatARouterTalksTo) {
  for (const char* type : {"DEALER", "REQ", "ROUTER"}) {
    EXPECT_TRUE(is_peers_ready(property("Socket-Type", type))) << type;
  }
  for (const char* type : {"PUB", "SUB", "XPUB", "XSUB", "PUSH", "PULL", "REP", "PAIR", "STREAM",
                           "dealer", "DEALER ", "DEALE", ""}) {
    EXPECT_FALSE(is_peers_ready(property("Socket-Type", type))) << type;
  }
}

TEST(ZmtpReady, MayHaveOtherProperties) {
  const std::string type = property("Socket-Type", "DEALER");
  const std::string identity = property("Identity", "\0peer"s);
  EXPECT_TRUE(is_peers_ready(type + identity));
  EXPECT_TRUE(is_peers_ready(identity + type));
  EXPECT_TRUE(is_peers_ready(property("X-User", std::string(200, 'x')) + type + property("", "")));
  EXPECT_FALSE(is_peers_ready(""));
  EXPECT_FALSE(is_peers_ready(identity));
  EXPECT_FALSE(is_peers_ready(property("Socket-Typ", "DEALER")));
  EXPECT_FALSE(is_peers_ready(property("Socket-Types", "DEALER")));
}

TEST(ZmtpReady, NamesAreTheSameInAnyLetterCase) {
  for (const char* name : {"socket-type", "SOCKET-TYPE", "sOCKET-tYPE"}) {
    EXPECT_TRUE(is_peers_ready(property(name, "DEALER"))) << name;
  }
  // A bit makes the difference between cases, of letters alone.
  EXPECT_FALSE(is_peers_ready(property("Socket\rType", "DEALER")));
  EXPECT_FALSE(is_peers_ready(property("\x13ocket-Type", "DEALER")));
}

TEST(ZmtpReady, OfATypeThatIsThereTwiceTheLastOneCounts) {
  const std::string dealer = property("Socket-Type", "DEALER");
  const std::string sub = property("socket-type", "SUB");
  EXPECT_TRUE(is_peers_ready(sub + dealer));
  EXPECT_FALSE(is_peers_ready(dealer + sub));
}

TEST(ZmtpReady, IsRefusedWhenItIsCutShort) {
  const std::string identity = property("Identity", "peer1");
  const std::string all = identity + property("Socket-Type", "DEALER");
  for (size_t size = 0; size < all.size(); ++size) {
    const std::vector<char> part(all.begin(), all.begin() + static_cast<long>(size));
    EXPECT_FALSE(is_peers_ready({part.data(), part.size()})) << size;
  }
  EXPECT_TRUE(is_peers_ready(all));
  const std::string endless = all + "\x01x\xff\xff\xff\xff";
  EXPECT_FALSE(is_peers_ready(endless)) << "a value that is longer than the rest";
  EXPECT_FALSE(is_peers_ready(all + "\xff")) << "a name, too";
}

// What a libzmq reads. A ROUTER of 4.3.5 writes the same READY, and the same greeting but for the 1
// where version 1 had a length.

TEST(ZmtpWritten, GreetingIsThatOfVersion31WithNull) {
  OutBuffer out;
  write_greeting(out);
  EXPECT_EQ(out.view(), from_hex("ff 00000000 00000000 7f  03 01  4e554c4c 00000000 00000000"
                                 "00000000 00000000  00  0000000000000000 0000000000000000"
                                 "0000000000000000 00000000000000"));
  EXPECT_EQ(out.size(), kGreetingBytes);
  EXPECT_EQ(parse_greeting(out.view()), GreetingStatus::ok);
}

TEST(ZmtpWritten, ReadyIsThatOfASocketOfItsType) {
  OutBuffer out;
  write_ready(out, "ROUTER");
  EXPECT_EQ(out.view(), from_hex("04 29  05 5245414459"             // READY
                                 "0b 536f636b65742d54797065"        // Socket-Type
                                 "00000006 524f55544552"            // ROUTER
                                 "08 4964656e74697479 00000000"));  // Identity
  const Frame frame = parse_frame(out.view(), kMaxBody);
  ASSERT_EQ(frame.status, FrameStatus::whole);
  EXPECT_EQ(frame.size, out.size());
  EXPECT_TRUE(frame.command);
  const Command ready = parse_command(frame.body);
  EXPECT_EQ(ready.name, "READY");
  EXPECT_TRUE(is_peers_ready(ready.data));
  out.clear();
  write_ready(out, "PUB");
  EXPECT_EQ(out.view(), from_hex("04 26  05 5245414459  0b 536f636b65742d54797065 00000003 505542"
                                 "08 4964656e74697479 00000000"));
  EXPECT_FALSE(is_peers_ready(parse_command(parse_frame(out.view(), kMaxBody).body).data));
}

TEST(ZmtpWritten, PongHasThePingsContextUpToItsLimit) {
  const auto pong_of = [](const std::string& ping) {
    OutBuffer out;
    write_pong(out, ping);
    return std::string(out.view());
  };
  const std::string ttl = "\0\x64"s;
  EXPECT_EQ(pong_of(ttl), "\x04\x05\x04PONG");
  EXPECT_EQ(pong_of(ttl + "c"), "\x04\x06\x04PONGc");
  const std::string most(kMaxPingContextBytes, 'c');
  EXPECT_EQ(pong_of(ttl + most), "\x04\x15\x04PONG" + most);
  EXPECT_EQ(pong_of(ttl + most + "d"), "\x04\x15\x04PONG" + most);
  EXPECT_EQ(pong_of(ttl + std::string(8'000, 'c')), "\x04\x15\x04PONG" + most);
  EXPECT_EQ(pong_of(""), "");
  EXPECT_EQ(pong_of("\0"s), "") << "no time-to-live";
}

// A libzmq writes what it has gathered in whatever pieces the kernel takes.
TEST(ZmtpStream, IsTheSameFramesWhateverComesAtATime) {
  const std::string stream = frame_of(4, "\x05READY" + property("Socket-Type", "REQ"), false) +
                             frame_of(1, "", false) + frame_of(0, std::string(300, 'x'), true) +
                             frame_of(4, "\x04PING\0\0"s, true) + frame_of(0, "last", false);
  const auto read = [&stream](size_t at_a_time) {
    std::string kept, all;
    for (size_t at = 0; at < stream.size(); at += at_a_time) {
      kept += stream.substr(at, at_a_time);
      for (Frame frame = parse_frame(kept, kMaxBody); frame.status == FrameStatus::whole;
           frame = parse_frame(kept, kMaxBody)) {
        all += (frame.more ? "+" : ".") + std::string(frame.command ? "!" : "") +
               std::to_string(frame.body.size()) + std::string(frame.body);
        kept.erase(0, frame.size);
      }
    }
    EXPECT_EQ(kept, "");
    return all;
  };
  const std::string whole = read(stream.size());
  EXPECT_NE(whole, "");
  for (size_t at_a_time = 1; at_a_time < stream.size(); ++at_a_time) {
    EXPECT_EQ(read(at_a_time), whole) << at_a_time;
  }
}

}  // namespace
}  // namespace zerogate::wire::zmtp
