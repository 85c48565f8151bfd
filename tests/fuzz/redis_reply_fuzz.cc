// ReplyReader against hiredis' own reader: the same replies, errors and end of a stream, however it
// is cut. And commands against that reader, which finds just their arguments in them.
// Input: a byte that chooses replies or a command, a byte for the cuts, then the bytes.

#include <hiredis/hiredis.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/redis/redis_command.h"
#include "core/redis/reply_reader.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;

namespace {

struct FreeReader {
  void operator()(redisReader* reader) const { redisReaderFree(reader); }
};
struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};
using HiredisReader = std::unique_ptr<redisReader, FreeReader>;
using HiredisReply = std::unique_ptr<redisReply, FreeReply>;

/// What hiredis made of a reply, as one of ours.
RedisValue value_of(const redisReply& reply) {
  RedisValue value;
  value.has_value = reply.type != REDIS_REPLY_NIL;
  value.is_status = reply.type == REDIS_REPLY_STATUS;
  value.is_error = reply.type == REDIS_REPLY_ERROR;
  value.is_array = reply.type == REDIS_REPLY_ARRAY;
  if (reply.type == REDIS_REPLY_INTEGER) {
    value.integer = reply.integer;
  } else if (value.is_array) {
    for (size_t i = 0; i < reply.elements; ++i) {
      value.items.push_back(value_of(*reply.element[i]));
    }
  } else if (value.has_value) {
    value.text.assign(reply.str, reply.len);
  }
  return value;
}

/// A reply of ours in the same form.
RedisValue value_of(const RedisReply& reply) {
  RedisValue value;
  value.is_error = reply.status == RedisReply::Status::error;
  check(value.is_error || reply.status == RedisReply::Status::ok, "Redis answers or refuses");
  check(!(value.is_error && reply.has_value), "an error has no value");
  check(value.is_error || reply.text.empty(), "only an error has a text");
  value.has_value = reply.has_value || value.is_error;
  value.is_status = reply.is_status;
  value.is_array = reply.items != nullptr;
  value.text = value.is_error ? reply.text : reply.value;
  value.integer = reply.integer;
  if (value.is_array) {
    value.items = *reply.items;
  }
  check(reply.says_ok() == (value.is_status && value.text == "OK"), "only +OK says ok");
  return value;
}

bool same(const RedisValue& a, const RedisValue& b) {
  return a.has_value == b.has_value && a.is_status == b.is_status && a.is_error == b.is_error &&
         a.is_array == b.is_array && a.text == b.text && a.integer == b.integer &&
         std::ranges::equal(a.items, b.items, same);
}

/// What came of a stream.
struct Seen {
  std::vector<RedisValue> replies;
  bool broken = false;
  std::string error;
  bool operator==(const Seen& other) const {
    return broken == other.broken && error == other.error &&
           std::ranges::equal(replies, other.replies, same);
  }
};

/// Cuts a stream as the second byte of the input says.
class Pieces {
 public:
  Pieces(ByteView stream, uint32_t cuts) : rest_(stream), cuts_(cuts) {}

  /// Empty at the end.
  ByteView next() {
    cuts_ = cuts_ * 1664525u + 1013904223u;  // a linear congruential generator
    const ByteView piece = rest_.substr(0, 1 + (cuts_ >> 16) % 17);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  ByteView rest_;
  uint32_t cuts_;
};

/// Of memory that is gone afterwards.
void feed(ReplyReader& reader, ByteView bytes, Seen& seen) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  reader.feed({copy.data(), copy.size()});
  for (;;) {
    switch (reader.next()) {
      case ReplyReader::Next::reply:
        seen.replies.push_back(value_of(reader.reply()));
        break;
      case ReplyReader::Next::more:
        return;
      case ReplyReader::Next::broken:
        seen.broken = true;
        seen.error = reader.error();
        check(!seen.error.empty(), "it says what is wrong");
        return;
    }
  }
}

/// Whether an array claims so many elements that hiredis' own functions, which believe it, would
/// take seconds to clear its memory. Ours make room for what comes.
bool claims_much(ByteView bytes) {
  constexpr size_t kDigits = 6;
  for (size_t at = bytes.find('*'); at != ByteView::npos; at = bytes.find('*', at + 1)) {
    const size_t end = std::min(bytes.find_first_not_of("+-0123456789", at + 1), bytes.size());
    if (end - at > kDigits) {
      return true;
    }
  }
  return false;
}

Seen read_with_hiredis(ByteView bytes) {
  Seen seen;
  const HiredisReader reader(redisReaderCreate());
  redisReaderFeed(reader.get(), bytes.data(), bytes.size());
  for (;;) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader.get(), &reply) != REDIS_OK) {
      seen.broken = true;
      seen.error = reader->errstr;
      return seen;
    }
    if (reply == nullptr) {
      return seen;
    }
    const HiredisReply owned(static_cast<redisReply*>(reply));
    seen.replies.push_back(value_of(*owned));
  }
}

void check_replies(ByteView stream, uint8_t cuts) {
  Seen whole;
  ReplyReader reader;
  feed(reader, stream, whole);
  check(claims_much(stream) || whole == read_with_hiredis(stream),
        "they are hiredis' replies, and its verdict");

  Seen cut;
  ReplyReader other;
  Pieces pieces(stream, cuts);
  for (ByteView piece = pieces.next(); !piece.empty() && !cut.broken; piece = pieces.next()) {
    feed(other, piece, cut);
  }
  check(whole == cut, "the cuts make no difference");
}

void check_command(ByteView bytes, const std::vector<ByteView>& arguments) {
  const Seen seen = read_with_hiredis(bytes);
  check(!seen.broken && seen.replies.size() == 1, "a command is one value");
  const RedisValue& command = seen.replies.front();
  check(command.is_array && command.items.size() == arguments.size(), "an array of the arguments");
  for (size_t i = 0; i < arguments.size(); ++i) {
    const RedisValue& item = command.items[i];
    check(item.has_value && !item.is_status && !item.is_error && !item.is_array &&
              item.text == arguments[i],
          "each is what was given");
  }
}

void check_commands(ByteView first, ByteView second) {
  OutBuffer out;
  append_redis_command({first}, out);
  check_command(out.view(), {first});
  const size_t before = out.size();
  append_redis_command({first, second, {}}, out);
  check_command(out.view().substr(before), {first, second, {}});

  RedisSetCommand set(out, first);
  out.append(second);
  check_command(set.finish(), {"SET", first, second});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const ByteView bytes = fuzz::view_of(data + 2, size - 2);
  if (data[0] % 4 == 0) {
    const size_t middle = bytes.size() * data[1] / 255;
    check_commands(bytes.substr(0, middle), bytes.substr(middle));
  } else {
    check_replies(bytes, data[1]);
  }
  return 0;
}
