#include "core/redis/reply_slot.h"

#include <new>

namespace zerogate {

namespace {

/// A value that was larger than this is let go with the next one.
constexpr size_t kKeptBytes = size_t{64} << 10;

}  // namespace

redisReplyObjectFunctions RedisReplySlot::functions = {
    .createString = [](const redisReadTask* task, char* text, size_t size) -> void* {
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task);
        item.is_status = task->type == REDIS_REPLY_STATUS;
        item.is_error = task->type == REDIS_REPLY_ERROR;
        item.text = std::string(text, size);
        return &item;
      }
      redisReply& reply = begin(task);
      std::string& copy = static_cast<RedisReplySlot*>(task->privdata)->text_;
      if (copy.capacity() > kKeptBytes) {
        std::string().swap(copy);
      }
      copy.assign(text, size);  // hiredis moves its buffer before the reply is looked at
      reply.str = copy.data();
      reply.len = size;
      return &reply;
    },
    .createArray = [](const redisReadTask* task, int) -> void* {
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task);
        item.is_array = true;
        return &item;
      }
      static_cast<RedisReplySlot*>(task->privdata)->items_.clear();
      return &begin(task);
    },
    .createInteger = [](const redisReadTask* task, long long value) -> void* {
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task);
        item.integer = value;
        return &item;
      }
      redisReply& reply = begin(task);
      reply.integer = value;
      return &reply;
    },
    .createNil = [](const redisReadTask* task) -> void* {
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task);
        item.has_value = false;
        return &item;
      }
      redisReply& reply = begin(task);
      reply.type = REDIS_REPLY_NIL;  // the task's is that of a string
      return &reply;
    },
    .freeObject = [](void*) {},
};

redisReply& RedisReplySlot::begin(const redisReadTask* task) {
  redisReply& reply = static_cast<RedisReplySlot*>(task->privdata)->reply_;
  reply = {};
  reply.type = task->type;
  return reply;
}

// hiredis keeps what these functions return for an array as the parent of its elements: the reply
// of the outermost one, and an item, which does not move while its own elements are read.
RedisValue& RedisReplySlot::add_item(const redisReadTask* task) {
  std::vector<RedisValue>& items = task->parent->parent == nullptr
                                       ? static_cast<RedisReplySlot*>(task->privdata)->items_
                                       : static_cast<RedisValue*>(task->parent->obj)->items;
  RedisValue& item = items.emplace_back();
  item.has_value = true;
  return item;
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
