#include "core/redis/reply_kind.h"

namespace zerogate {

using ReplyStatus = RedisReply::Status;

RedisReply to_reply(const redisReply& reply, std::vector<RedisValue>& items) {
  RedisReply out;
  switch (reply.type) {
    case REDIS_REPLY_ERROR:
      out.status = ReplyStatus::error;
      out.text = std::string_view(reply.str, reply.len);
      break;
    case REDIS_REPLY_STATUS:
      out.is_status = true;
      [[fallthrough]];
    case REDIS_REPLY_STRING:
      out.has_value = true;
      out.value = ByteView(reply.str, reply.len);
      break;
    case REDIS_REPLY_INTEGER:
      out.has_value = true;
      out.integer = reply.integer;
      break;
    case REDIS_REPLY_NIL:
      break;
    default:
      out.has_value = true;
      out.items = &items;
  }
  return out;
}

bool begins_with(const redisReply& reply, std::string_view word) {
  return reply.type == REDIS_REPLY_ERROR &&
         std::string_view(reply.str, reply.len).substr(0, word.size()) == word;
}

bool is_refusal(const redisReply& reply) {
  for (const std::string_view word :
       {"READONLY ", "MASTERDOWN ", "LOADING ", "NOAUTH ", "CLUSTERDOWN "}) {
    if (begins_with(reply, word)) {
      return true;
    }
  }
  return false;
}

bool is_elsewhere(const redisReply& reply) {
  return begins_with(reply, "MOVED ") || begins_with(reply, "ASK ");
}

}  // namespace zerogate
