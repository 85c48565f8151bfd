#include "core/redis/reply_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace zerogate {
namespace {

/// All that a reply says, in one line.
std::string told(const RedisValue& value) {
  std::string text = value.is_array ? "[" : value.has_value ? "" : "nil";
  for (const RedisValue& item : value.items) {
    text += told(item) + ",";
  }
  return text + (value.is_array ? "]" : "") +
         (value.is_status  ? "+"
          : value.is_error ? "-"
                           : "") +
         value.text + ":" + std::to_string(value.integer);
}
std::string told(const RedisReply& reply) {
  std::string text = reply.status == RedisReply::Status::error ? "error " : "";
  text += reply.has_value ? "" : "nil ";
  text += reply.is_status ? "status " : "";
  text += std::string(reply.value) + ":" + std::to_string(reply.integer) + std::string(reply.text);
  if (reply.items != nullptr) {
    text += "[";
    for (const RedisValue& item : *reply.items) {
      text += told(item) + ",";
    }
  }
  return text;
}

class ReplyReaderTest : public ::testing::Test {
 protected:
  using Next = ReplyReader::Next;

  /// What comes of bytes that arrive in these pieces, of memory that is gone afterwards.
  static std::vector<std::string> read(const std::vector<std::string>& pieces) {
    ReplyReader reader;
    return read(reader, pieces);
  }
  static std::vector<std::string> read(ReplyReader& reader,
                                       const std::vector<std::string>& pieces) {
    std::vector<std::string> replies;
    for (const std::string& piece : pieces) {
      const auto bytes = std::make_unique<char[]>(piece.size());
      piece.copy(bytes.get(), piece.size());
      reader.feed({bytes.get(), piece.size()});
      for (Next next = reader.next(); next != Next::more; next = reader.next()) {
        if (next == Next::broken) {
          replies.push_back("broken: " + std::string(reader.error()));
          return replies;
        }
        replies.push_back(told(reader.reply()));
      }
    }
    return replies;
  }
  static std::vector<std::string> bytes_of(const std::string& text) {
    std::vector<std::string> bytes;
    for (const char c : text) {
      bytes.emplace_back(1, c);
    }
    return bytes;
  }
};

TEST_F(ReplyReaderTest, EachKindOfReply) {
  EXPECT_EQ(read({"+OK\r\n+QUEUED\r\n+\r\n-ERR no\r\n:7\r\n:-12\r\n:0\r\n"
                  "$3\r\na\rb\r\n$0\r\n\r\n$-1\r\n*1\r\n:1\r\n*0\r\n*-1\r\n"}),
            (std::vector<std::string>{"status OK:0", "status QUEUED:0", "status :0",
                                      "error nil :0ERR no", ":7", ":-12", ":0", "a\rb:0", ":0",
                                      "nil :0", ":0[:1,", ":0[", "nil :0"}));
}

TEST_F(ReplyReaderTest, ASetIsDoneWhenTheStatusIsOk) {
  ReplyReader reader;
  const auto says_ok = [&](std::string_view bytes) {
    reader.feed(bytes);
    return reader.next() == Next::reply && reader.reply().says_ok() && reader.next() == Next::more;
  };
  EXPECT_TRUE(says_ok("+OK\r\n"));
  EXPECT_FALSE(says_ok("$2\r\nOK\r\n"));
  EXPECT_FALSE(says_ok("-OK\r\n"));
  EXPECT_FALSE(says_ok("+QUEUED\r\n"));
  EXPECT_FALSE(says_ok("+O")) << "not all of it";
  EXPECT_TRUE(says_ok("K\r\n"));
}

TEST_F(ReplyReaderTest, ArraysMayBeNested) {
  EXPECT_EQ(read({"*4\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n*0\r\n$-1\r\n-ERR no\r\n*1\r\n+a\r\n"}),
            (std::vector<std::string>{":0[[:1,[x:0,]:0,]:0,[]:0,nil:0,-ERR no:0,", ":0[+a:0,"}));
}

TEST_F(ReplyReaderTest, HowTheBytesArriveMakesNoDifference) {
  std::string bytes;
  for (const char* const reply :
       {"+OK\r\n", "$5\r\nab\r\nc\r\n", "-ERR no\r\n", "*2\r\n$1\r\na\r\n:1\r\n", ":42\r\n",
        "$-1\r\n", "+PONG\r\n", "*1\r\n*1\r\n$-1\r\n", "$0\r\n\r\n", "+OK\r\n"}) {
    bytes += reply;
  }
  const std::vector<std::string> whole = read({bytes});
  ASSERT_EQ(whole.size(), 10u);
  EXPECT_EQ(read(bytes_of(bytes)), whole);
  for (size_t first = 0; first <= bytes.size(); ++first) {
    for (size_t second = first; second <= bytes.size(); ++second) {
      ASSERT_EQ(
          read({bytes.substr(0, first), bytes.substr(first, second - first), bytes.substr(second)}),
          whole)
          << first << ' ' << second;
    }
  }
}

/// Whatever a server sends: what is read in place is what hiredis makes of it.
TEST_F(ReplyReaderTest, GarbageIsReadAsHiredisReadsIt) {
  constexpr std::string_view kLetters = "+-:$*0123OK\r\n\r\n\r\n-1 x";
  std::mt19937 random(1);
  int broken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(1, kLetters[random() % 5]);
    for (size_t left = random() % 24; left > 0; --left) {
      bytes += kLetters[random() % kLetters.size()];
    }
    const std::vector<std::string> one_by_one = read(bytes_of(bytes));  // never whole: by hiredis
    ASSERT_EQ(read({bytes}), one_by_one) << bytes;
    broken += !one_by_one.empty() && one_by_one.back().starts_with("broken") ? 1 : 0;
  }
  EXPECT_GT(broken, 1'000);
  EXPECT_LT(broken, 19'000);
}

TEST_F(ReplyReaderTest, ALargeReplyInPiecesLeavesNothingBehind) {
  ReplyReader reader;
  const std::string large(1 << 20, 'x');
  const std::string bytes = "$1048576\r\n" + large + "\r\n+OK\r\n";
  for (int i = 0; i < 3; ++i) {
    const std::vector<std::string> replies =
        read(reader, {bytes.substr(0, 70'000), bytes.substr(70'000), "+OK\r\n"});
    ASSERT_EQ(replies.size(), 3u);
    EXPECT_EQ(replies[0], large + ":0");
    EXPECT_EQ(replies[2], "status OK:0");
  }
}

/// Of a reply that comes in pieces, read to its end: where its copy was.
const char* copy_of(ReplyReader& reader, size_t value_bytes) {
  const std::string value(value_bytes, 'x');
  const std::string bytes = "$" + std::to_string(value_bytes) + "\r\n" + value + "\r\n";
  reader.feed(std::string_view(bytes).substr(0, 2));
  EXPECT_EQ(reader.next(), ReplyReader::Next::more);
  reader.feed(std::string_view(bytes).substr(2));
  EXPECT_EQ(reader.next(), ReplyReader::Next::reply);
  EXPECT_EQ(reader.reply().value, value);
  const char* const copy = reader.reply().value.data();
  EXPECT_EQ(reader.next(), ReplyReader::Next::more);
  return copy;
}

TEST_F(ReplyReaderTest, TheMemoryOfACopyIsUsedAgainUnlessItWasLarge) {
  ReplyReader reader;
  const char* const small = copy_of(reader, 100);
  EXPECT_EQ(copy_of(reader, 10), small);
  const char* const as_large_as_may_be = copy_of(reader, (64 << 10) - 10);  // with its frame
  EXPECT_EQ(copy_of(reader, 10), as_large_as_may_be);
  EXPECT_EQ(copy_of(reader, 40'000), as_large_as_may_be);
  EXPECT_EQ(copy_of(reader, 40'000), as_large_as_may_be) << "each by itself was small";
  const char* const large = copy_of(reader, (64 << 10) - 9);
  EXPECT_NE(copy_of(reader, 10), large);
}

TEST_F(ReplyReaderTest, TheItemsOfALargeArrayLeaveNothingBehind) {
  ReplyReader reader;
  std::string bytes = "*10000\r\n";
  for (int i = 0; i < 10'000; ++i) {
    bytes += "$1\r\nx\r\n";
  }
  EXPECT_EQ(read(reader, {bytes}).size(), 1u);
  EXPECT_EQ(read(reader, {"*1\r\n:1\r\n"}), std::vector<std::string>{":0[:1,"});
  EXPECT_LT(reader.reply().items->capacity(), 100u);
}

TEST_F(ReplyReaderTest, ItsMemoryIsThatOfTheBeginningOfAReply) {
  ReplyReader reader;
  const size_t idle = reader.memory();
  const std::string half(500'000, 'x');
  for (const std::string begin : {"$1000000\r\n", "*2\r\n$1000000\r\n"}) {
    read(reader, {begin + half});
    EXPECT_TRUE(reader.has_copies());
    EXPECT_GE(reader.memory(), half.size()) << begin;
    EXPECT_LE(reader.memory(), 3 * half.size()) << begin;
    read(reader, {half + "\r\n", begin.front() == '*' ? "$1000000\r\n" + half : ""});
    if (begin.front() == '*') {
      EXPECT_GE(reader.memory(), 3 * half.size()) << "elements that were read count, too";
      read(reader, {half + "\r\n"});
    }
    EXPECT_FALSE(reader.has_copies()) << begin;
    EXPECT_LE(reader.memory(), idle) << begin;
  }
}

TEST_F(ReplyReaderTest, TheItemsOfAnArrayOfFewBytesLeaveNothingBehind) {
  ReplyReader reader;
  const size_t idle = reader.memory();
  std::string bytes = "*10000\r\n";
  for (int i = 0; i < 10'000; ++i) {
    bytes += ":1\r\n";  // 40 KB, and much more as values
  }
  EXPECT_EQ(read(reader, {bytes, ":1\r\n"}).size(), 2u);
  EXPECT_LE(reader.memory(), idle + 2 * ReplyReader::kKeptBytes);
}

TEST_F(ReplyReaderTest, AReplyThatGrowsBeyondTheLimitIsNotRead) {
  const std::vector<std::string> refused = {
      "broken: Redis sent a reply of more than 4096 bytes, 4 times limits.message: raise that"};
  const std::string text(1'000, 'x');
  for (const std::string begin :
       {"$100000000000\r\n", "+", "*2000000000\r\n$100000000000\r\n", "-ERR "}) {
    ReplyReader reader(4'096);
    EXPECT_EQ(read(reader, {begin, text, text, text, text, text}), refused) << begin;
  }
  std::string nils = "*2000000000\r\n";
  for (int i = 0; i < 100; ++i) {
    nils += "$-1\r\n";  // 500 bytes, and much more as values
  }
  ReplyReader reader(4'096);
  EXPECT_EQ(read(reader, {nils}), refused);
  std::vector<std::string> pieces = {"*2000000000\r\n"};
  for (int i = 0; i < 5; ++i) {
    pieces.push_back("$1000\r\n" + text + "\r\n");
  }
  ReplyReader another(4'096);
  EXPECT_EQ(read(another, pieces), refused) << "elements that were read count, too";
}

TEST_F(ReplyReaderTest, TheLimitIsOfOneReply) {
  ReplyReader reader(4'096);
  const std::string text(3'000, 'x');
  const std::string array = "*10\r\n" + std::string(":7\r\n:7\r\n:7\r\n:7\r\n:7\r\n");
  std::vector<std::string> pieces;
  for (int i = 0; i < 20; ++i) {  // never at rest between two
    pieces.push_back("$3000\r\n" + text);
    pieces.push_back("\r\n" + array);
    pieces.push_back(array.substr(5));
  }
  EXPECT_EQ(read(reader, pieces).size(), 40u);
}

}  // namespace
}  // namespace zerogate
