#include "core/redis/reply_slot.h"

#include <new>

namespace zerogate {

namespace {

/// A value that was larger than this is let go with the next one.
constexpr size_t kKeptBytes = size_t{64} << 10;

}  // namespace

// hiredis wants a pointer that is not null for an array's elements, too, and looks into none.
redisReplyObjectFunctions RedisReplySlot::functions = {
    .createString = [](const redisReadTask* task, char* text, size_t size) -> void* {
      redisReply* reply = begin(task);
      if (task->parent != nullptr) {
        return reply;
      }
      std::string& copy = static_cast<RedisReplySlot*>(task->privdata)->text_;
      if (copy.capacity() > kKeptBytes) {
        std::string().swap(copy);
      }
      copy.assign(text, size);  // hiredis moves its buffer before the reply is looked at
      reply->str = copy.data();
      reply->len = size;
      return reply;
    },
    .createArray = [](const redisReadTask* task, int) -> void* { return begin(task); },
    .createInteger = [](const redisReadTask* task, long long value) -> void* {
      redisReply* reply = begin(task);
      if (task->parent == nullptr) {
        reply->integer = value;
      }
      return reply;
    },
    .createNil = [](const redisReadTask* task) -> void* {
      redisReply* reply = begin(task);
      if (task->parent == nullptr) {
        reply->type = REDIS_REPLY_NIL;  // the task's is that of a string
      }
      return reply;
    },
    .freeObject = [](void*) {},
};

redisReply* RedisReplySlot::begin(const redisReadTask* task) {
  redisReply& reply = static_cast<RedisReplySlot*>(task->privdata)->reply_;
  if (task->parent == nullptr) {
    reply = {};
    reply.type = task->type;
  }
  return &reply;
}

redisReader* RedisReplySlot::make_reader() {
  redisReader* reader = redisReaderCreateWithFunctions(&functions);
  if (reader == nullptr) {
    throw std::bad_alloc();
  }
  reader->privdata = this;
  return reader;
}

}  // namespace zerogate
