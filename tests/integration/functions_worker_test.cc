// A worker with functions of a team in place of its own, with real clients and a real Redis.
#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/log/log.h"
#include "core/sdk/functions.h"
#include "core/wire/t3.h"
#include "core/wire/w5.h"
#include "gateway/config/config.h"
#include "gateway/runtime/worker.h"
#include "tests/integration/raw_client.h"
#include "tests/integration/redis_server.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

struct Note {
  std::string key;
  std::string text;
  ZEROGATE_FIELDS(key, text)
};

class FunctionsWorkerTest : public ::testing::Test {
 protected:
  FunctionsWorkerTest() {
    log::set_level(log::Level::off);
    functions_.add("shout", "Says it louder.", [](std::string text) { return text + "!"; });
    functions_.add("keep", "Keeps a note.", [](Note note, Context& context) -> Task<std::string> {
      co_await context.redis.set(note.key, note.text);
      co_return (co_await context.redis.get(note.key)).value_or("lost");
    });
    functions_.add("wait", "Waits.",
                   [](Context& context) -> Task<> { co_await context.sleep(3'600'000); },
                   {.timeout_ms = 0});
    functions_.add("ask", "Asks a backend that is not there.", [](Context& context) -> Task<> {
      co_await context.call<void>("orders", "list");
    });
    use_functions(&functions_);
    options_.redis.url = redis_.url();
    options_.routing.handlers = handler_names();
    worker_ = std::make_unique<Worker>(options_, labels_);
    EXPECT_TRUE(worker_->listen(Protocol::tcp, tcp_));
    EXPECT_TRUE(worker_->listen(Protocol::zmq, zmq_));
    worker_->start([] {});
    EXPECT_TRUE(wait_until(
        [this] { return worker_->settled() && worker_->metrics().redis.up.value() == 1; }));
  }
  ~FunctionsWorkerTest() override {
    worker_->stop();
    worker_.reset();
    use_functions(nullptr);
  }

  static ::testing::AssertionResult wait_until(const std::function<bool()>& condition) {
    const auto end = Clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (Clock::now() > end) {
        return ::testing::AssertionFailure() << "not within the deadline";
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return ::testing::AssertionSuccess();
  }
  template <class Argument>
  static std::string request(ByteView function, const Argument& argument) {
    std::string value, bytes;
    encode(argument, value);
    wire::t3::write_request(bytes, 7, function, value);
    return bytes;
  }
  static std::string receive(RawClient& client) {
    std::vector<TcpReply> replies;
    EXPECT_TRUE(wait_until([&] {
      client.receive();
      replies = client.take_replies();
      return !replies.empty() || client.ended();
    }));
    return replies.empty() ? "" : replies[0].body;
  }
  template <class Argument>
  std::string ask(ByteView function, const Argument& argument) {
    RawClient client(tcp_.bound());
    client.send_all(request(function, argument));
    return receive(client);
  }
  template <class T>
  static std::string packed(const T& value) {
    std::string bytes;
    encode(value, bytes);
    return bytes;
  }

  Functions functions_;
  RedisServer redis_;
  WorkerOptions options_;
  FunctionLabels labels_{{}};
  ListenSocket tcp_ = ListenSocket::open({"127.0.0.1", 0, ""}, false).value();
  ListenSocket zmq_ = ListenSocket::open({"127.0.0.1", 0, ""}, false).value();
  std::unique_ptr<Worker> worker_;
};

TEST_F(FunctionsWorkerTest, AreTheHandlersThatAConfigurationKnows) {
  EXPECT_THAT(Config{}.handlers, ElementsAre("shout", "keep", "wait", "ask"));
  EXPECT_TRUE(needs_redis("keep"));
  EXPECT_FALSE(needs_redis("shout"));
}

TEST_F(FunctionsWorkerTest, AnswerOverBothProtocolsAndAreCounted) {
  EXPECT_EQ(ask("shout", std::string("hey")), packed(std::string("hey!")));
  EXPECT_EQ(ask("keep", Note{"k", "text"}), packed(std::string("text")));
  ZmqContext context{zmq_ctx_new()};
  ZmqClient client(context.get(), zmq_.bound());
  std::string body;
  wire::w5::write_request(body, "0123456789abcdef", "shout", packed(std::string("you")));
  client.send(body);
  std::optional<std::string> message;
  EXPECT_TRUE(wait_until([&] { return (message = client.receive()).has_value(); }));
  EXPECT_THAT(message.value_or(""), ::testing::EndsWith("\xa4you!"));
  EXPECT_TRUE(wait_until([this] {
    return worker_->metrics().ended(labels_.find("shout"), Wire::t3, Outcome::ok) == 1;
  }));
}

TEST_F(FunctionsWorkerTest, AWrongArgumentGetsMsgspecsText) {
  EXPECT_THAT(ask("shout", 7), HasSubstr("Expected `str`, got `int`"));
  EXPECT_THAT(ask("keep", std::map<std::string, std::string>{{"key", "k"}}),
              HasSubstr("Object missing required field `text`"));
  EXPECT_THAT(ask("hello_world", std::monostate{}), HasSubstr("not found"));
  EXPECT_THAT(ask("ask", std::monostate{}), HasSubstr("no backend is named `orders`"));
}

TEST_F(FunctionsWorkerTest, AWorkerThatStopsEndsItsCoroutines) {
  RawClient client(tcp_.bound());
  client.send_all(request("wait", std::monostate{}));
  EXPECT_TRUE(wait_until([this] { return worker_->metrics().begun(Protocol::tcp) == 1; }));
  worker_->stop();
  EXPECT_THAT(receive(client), HasSubstr("the gateway is shutting down"));
}

}  // namespace
}  // namespace zerogate::testing
