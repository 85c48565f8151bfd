#include "core/testing/test_redis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <exception>

#include "core/redis/reply_reader.h"
#include "core/sdk/call_failure.h"

namespace zerogate {
namespace {

RedisReply::Status status_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::timeout:
      return RedisReply::Status::timeout;
    case Outcome::unavailable:
      return RedisReply::Status::unavailable;
    case Outcome::overloaded:
      return RedisReply::Status::overloaded;
    default:
      return RedisReply::Status::error;
  }
}

void answer_with(RedisValue value, RedisRequest& request) {
  RedisReply reply;
  reply.has_value = value.has_value;
  reply.is_status = value.is_status;
  reply.value = value.text;
  reply.integer = value.integer;
  reply.items = value.is_array ? &value.items : nullptr;
  request.on_reply(reply);
}

void fail_with(RedisReply::Status status, std::string_view text, RedisRequest& request) {
  RedisReply reply;
  reply.status = status;
  reply.text = text;
  request.on_reply(reply);
}

}  // namespace

RedisValue TestRedis::text(std::string text) {
  RedisValue value;
  value.has_value = true;
  value.text = std::move(text);
  return value;
}

RedisValue TestRedis::status(std::string text) {
  RedisValue value = TestRedis::text(std::move(text));
  value.is_status = true;
  return value;
}

RedisValue TestRedis::integer(int64_t integer) {
  RedisValue value;
  value.integer = integer;
  return value;
}

RedisValue TestRedis::array(std::vector<RedisValue> items) {
  RedisValue value;
  value.is_array = true;
  value.items = std::move(items);
  return value;
}

// A command has the form of a reply that is an array of texts.
void TestRedis::send_to_redis(ByteView command, RedisRequest& request) {
  ReplyReader reader;
  reader.feed(command);
  reader.next();
  Words words;
  for (RedisValue& word : *reader.reply().items) {
    words.push_back(std::move(word.text));
  }
  commands.push_back(words);
  waiting_.push_back({std::move(words), &request});
}

bool TestRedis::answer_next() {
  if (waiting_.empty()) {
    return false;
  }
  const Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  if (!away.empty()) {
    fail_with(RedisReply::Status::unavailable, away, *next.request);
    return true;
  }
  RedisValue value;
  try {
    value = answer(next.words);
  } catch (const CallFailure& failure) {
    fail_with(status_of(failure.outcome()), failure.what(), *next.request);
    return true;
  } catch (const std::exception& failure) {
    fail_with(RedisReply::Status::error,
              fmt::format("the test's answer to {}: {}", next.words.front(), failure.what()),
              *next.request);
    return true;
  }
  answer_with(std::move(value), *next.request);
  return true;
}

RedisValue TestRedis::answer(const Words& words) {
  const std::string& name = words.front();
  if (const auto scripted = answers_.find(name); scripted != answers_.end()) {
    return scripted->second(words);
  }
  if (name == "GET" && words.size() == 2) {
    const auto found = texts.find(words[1]);
    return found == texts.end() ? RedisValue{} : text(found->second);
  }
  if (name == "SET" && words.size() == 3) {
    texts[words[1]] = words[2];
    return status("OK");
  }
  if (name == "DEL") {
    int64_t taken = 0;
    for (size_t i = 1; i < words.size(); ++i) {
      taken += static_cast<int64_t>(texts.erase(words[i]));
    }
    return integer(taken);
  }
  throw CallFailure(Outcome::error,
                    fmt::format("TestRedis does not know `{}`: say with redis.on(\"{}\", ...) what "
                                "it answers, or test with a real Redis",
                                fmt::join(words, " "), name));
}

}  // namespace zerogate
