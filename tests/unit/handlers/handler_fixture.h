// Plays the rest of the gateway for one handler: calls come from here, answers end here, and Redis
// answers when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/rpc/call_table.h"
#include "core/rpc/service.h"
#include "core/wire/zerror.h"
#include "handlers/redis_operation.h"

namespace zerogate {

struct Answers final : ReplySink {
  std::string peer(CallerKey) const override { return "here"; }
  bool deliver(const ReturnPath&, ByteView body) override {
    bodies.emplace_back(body);
    return true;
  }
  std::vector<std::string> bodies;
};

/// Keeps commands until the test answers them.
struct FakeRedis {
  struct Command {
    std::vector<std::string> arguments;
    RedisRequest* request;
  };

  RedisCommand command() {
    return [this](std::initializer_list<ByteView> arguments, RedisRequest& request) {
      if (refuse_at_once) {
        ++refused;
        return request.on_reply(refusal);
      }
      commands.push_back({{arguments.begin(), arguments.end()}, &request});
    };
  }
  void answer(size_t index, const RedisReply& reply) { commands[index].request->on_reply(reply); }

  std::vector<Command> commands;
  bool refuse_at_once = false;
  int refused = 0;
  RedisReply refusal;
};

class HandlerTest : public ::testing::Test {
 protected:
  void serve(Service& service, ByteView argument) {
    ReturnPath path;
    path.sink = &answers_;
    service.serve({"f", argument}, calls_.begin(path, labels_.other(), 0));
  }

  uint64_t ended(Outcome outcome) const {
    return metrics_.ended(labels_.other(), Wire::t3, outcome);
  }

  static RedisReply ok(ByteView value) {
    RedisReply reply;
    reply.has_value = true;
    reply.value = value;
    return reply;
  }
  /// A status reply.
  static RedisReply said(ByteView status) {
    RedisReply reply = ok(status);
    reply.is_status = true;
    return reply;
  }
  static RedisReply failure(RedisReply::Status status, std::string_view text) {
    RedisReply reply;
    reply.status = status;
    reply.text = text;
    return reply;
  }
  static std::string error_body(wire::ErrorKey key, ByteView message) {
    std::string body;
    wire::write_error(body, key, message);
    return body;
  }

  FunctionLabels labels_{{}};
  WorkerMetrics metrics_{labels_};
  AccessLogSettings call_log_;
  CallTable calls_{100, metrics_, call_log_};
  Answers answers_;
  FakeRedis redis_;
};

}  // namespace zerogate
