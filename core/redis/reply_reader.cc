#include "core/redis/reply_reader.h"

#include <fmt/format.h>
#include <hiredis/sds.h>

#include <charconv>
#include <new>

namespace zerogate {
namespace {

constexpr ByteView kReplyLineEnd = "\r\n";
constexpr ByteView kOkReply = "+OK\r\n";

/// As Redis writes it. False for any other text: hiredis knows what that means.
bool read_number(ByteView text, int64_t& number) {
  const size_t sign = text.starts_with('-') ? 1 : 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() &&
         (text[sign] != '0' || text.size() == 1);
}

}  // namespace

ReplyReader::Next ReplyReader::next() {
  if (copied_ == 0) {
    if (fresh_.empty()) {
      return Next::more;
    }
    if (fresh_.starts_with(kOkReply)) {  // most
      reply_ = {};
      reply_.has_value = reply_.is_status = true;
      reply_.value = fresh_.substr(1, 2);
      fresh_.remove_prefix(kOkReply.size());
      return Next::reply;
    }
    if (const size_t size = read_in_place(); size != 0) {
      fresh_.remove_prefix(size);
      return Next::reply;
    }
  }
  return read_copied();
}

/// The bytes of the reply that begins here; 0 when hiredis has to read it.
size_t ReplyReader::read_in_place() {
  reply_ = {};
  const size_t line_end = fresh_.find(kReplyLineEnd);
  if (line_end == ByteView::npos) {
    return 0;
  }
  const ByteView line = fresh_.substr(1, line_end - 1);
  const size_t size = line_end + kReplyLineEnd.size();
  switch (fresh_.front()) {
    case '+':
      reply_.has_value = reply_.is_status = true;
      reply_.value = line;
      return size;
    case '-':
      reply_.status = RedisReply::Status::error;
      reply_.text = line;
      return size;
    case ':':
      reply_.has_value = true;
      return read_number(line, reply_.integer) ? size : 0;
    case '$':
      break;
    default:
      return 0;
  }
  if (line == "-1") {
    return size;  // nil
  }
  int64_t length = 0;
  const ByteView behind = fresh_.substr(size);
  if (!read_number(line, length) || length < 0 || behind.size() < kReplyLineEnd.size() ||
      static_cast<uint64_t>(length) > behind.size() - kReplyLineEnd.size() ||
      !behind.substr(static_cast<size_t>(length)).starts_with(kReplyLineEnd)) {
    return 0;
  }
  reply_.has_value = true;
  reply_.value = behind.substr(0, static_cast<size_t>(length));
  return size + reply_.value.size() + kReplyLineEnd.size();
}

size_t ReplyReader::memory() const {
  const size_t buffer = reader_->buf != nullptr ? sdsalloc(reader_->buf) : 0;
  const size_t room = (items_.capacity() - items_.size()) * sizeof(RedisValue);
  return buffer + text_.capacity() + item_bytes_ + room;
}

ReplyReader::Next ReplyReader::read_copied() {
  if (fresh_.empty() && reader_->ridx == -1 && reader_->pos == reader_->len) {
    forget_copies();
    return Next::more;
  }
  if (reader_->ridx == -1) {
    items_.clear();  // of the last reply
  }
  if (!fresh_.empty()) {
    redisReaderFeed(reader_.get(), fresh_.data(), fresh_.size());
    copied_ += fresh_.size();
    fresh_ = {};
  }
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
    return Next::broken;
  }
  if (reply != nullptr) {
    item_bytes_ = 0;
    return Next::reply;
  }
  // What hiredis has not used yet is the rest of this reply: those before it were handed out.
  if (item_bytes_ + reader_->len - reader_->pos > max_reply_) {
    too_large_ =
        fmt::format("Redis sent a reply of more than {} bytes, {} times limits.message: raise that",
                    max_reply_, kOversizeFactor);
    return Next::broken;
  }
  return Next::more;
}

void ReplyReader::forget_copies() {
  items_.clear();
  if (copied_ > kKeptBytes || items_.capacity() > kKeptBytes / sizeof(RedisValue)) {
    reader_ = make_reader();
    std::string().swap(text_);
    std::vector<RedisValue>().swap(items_);
  }
  copied_ = 0;
}

redisReplyObjectFunctions ReplyReader::functions = {
    .createString = [](const redisReadTask* task, char* text, size_t size) -> void* {
      const bool is_error = task->type == REDIS_REPLY_ERROR;
      const bool is_status = task->type == REDIS_REPLY_STATUS;
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task, size);
        item.is_status = is_status;
        item.is_error = is_error;
        item.text = std::string(text, size);
        return &item;
      }
      RedisReply& reply = begin(task);
      std::string& copy = static_cast<ReplyReader*>(task->privdata)->text_;
      copy.assign(text, size);  // hiredis moves its buffer before the reply is looked at
      if (is_error) {
        reply.status = RedisReply::Status::error;
        reply.has_value = false;
        reply.text = copy;
      } else {
        reply.is_status = is_status;
        reply.value = copy;
      }
      return &reply;
    },
    .createArray = [](const redisReadTask* task, int) -> void* {
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task);
        item.is_array = true;
        return &item;
      }
      std::vector<RedisValue>& items = static_cast<ReplyReader*>(task->privdata)->items_;
      items.clear();
      RedisReply& reply = begin(task);
      reply.items = &items;
      return &reply;
    },
    .createInteger = [](const redisReadTask* task, long long value) -> void* {
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task);
        item.integer = value;
        return &item;
      }
      RedisReply& reply = begin(task);
      reply.integer = value;
      return &reply;
    },
    .createNil = [](const redisReadTask* task) -> void* {
      if (task->parent != nullptr) {
        RedisValue& item = add_item(task);
        item.has_value = false;
        return &item;
      }
      RedisReply& reply = begin(task);
      reply.has_value = false;
      return &reply;
    },
    .freeObject = [](void*) {},
};

RedisReply& ReplyReader::begin(const redisReadTask* task) {
  RedisReply& reply = static_cast<ReplyReader*>(task->privdata)->reply_;
  reply = {};
  reply.has_value = true;
  return reply;
}

// hiredis keeps what these functions return for an array as the parent of its elements: the reply
// of the outermost one, and an item, which does not move while its own elements are read.
RedisValue& ReplyReader::add_item(const redisReadTask* task, size_t text_size) {
  auto& reader = *static_cast<ReplyReader*>(task->privdata);
  reader.item_bytes_ += sizeof(RedisValue) + text_size;
  std::vector<RedisValue>& items = task->parent->parent == nullptr
                                       ? reader.items_
                                       : static_cast<RedisValue*>(task->parent->obj)->items;
  RedisValue& item = items.emplace_back();
  item.has_value = true;
  return item;
}

ReplyReader::Reader ReplyReader::make_reader() {
  Reader reader(redisReaderCreateWithFunctions(&functions));
  if (reader == nullptr) {
    throw std::bad_alloc();
  }
  reader->privdata = this;
  return reader;
}

}  // namespace zerogate
