#include "core/testing/test_gateway.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/client/error_text.h"
#include "core/wire/zerror.h"

namespace zerogate {
namespace {

constexpr uint32_t kMaxTestCalls = 100'000;

}  // namespace

TestGateway::Server::Server(Functions functions, FunctionRuntime& runtime)
    : functions_(std::move(functions)) {
  for (const FunctionInfo& info : functions_.all()) {
    services_[info.name] = info.make(runtime);
  }
}

void TestGateway::Server::serve(const Request& request, Call call) {
  const auto found = services_.find(request.function);
  if (found == services_.end()) {
    return std::move(call).fail(Outcome::not_found, wire::function_not_found(request.function));
  }
  found->second->serve(request, std::move(call));
}

TestGateway::TestGateway(Functions functions, const TestOptions& options)
    : functions_(std::move(functions)),
      keep_(make_uv<uv_async_t>(
          loop_.uv(),
          [](uv_loop_t* loop, uv_async_t* handle) { uv_async_init(loop, handle, nullptr); },
          nullptr)),
      calls_(kMaxTestCalls, metrics_, no_log_),
      runtime_({.loop = &loop_,
                .timers = &timers_,
                .labels = &labels_,
                .redis = this,
                .backends = this,
                .blocking = &functions_.blocking(),
                .failures = &functions_.failures()}),
      server_(functions_, runtime_) {
  if (!options.redis.empty()) {
    connect(options.redis);
  }
}

TestGateway::~TestGateway() {
  runtime_.fail_all();
  client_.reset();
  redis.away = "the test has ended";
  while (redis.answer_next()) {
  }
  runtime_.inner_calls().end_of_turn();
}

void TestGateway::connect(const std::string& url) {
  Result<RedisUrl> parsed = RedisUrl::parse(url);
  if (!parsed) {
    throw std::runtime_error("TestOptions.redis: " + parsed.error());
  }
  if (parsed.value().tls) {
    throw std::runtime_error("TestOptions.redis: a test speaks no TLS; take redis://");
  }
  const RedisContext context = {.loop = &loop_, .timers = &loop_.timers(), .network = &network_};
  client_ = std::make_unique<RedisClient>(context, metrics_.redis,
                                          RedisOptions{.url = std::move(parsed).value()});
  while (!client_->settled()) {
    turn_once();
  }
  if (!client_->up()) {
    throw std::runtime_error(fmt::format("TestOptions.redis: {}", client_->state()));
  }
  sent_ = answered_by_redis();  // what connecting has sent
}

TestGateway& TestGateway::add_backend(const std::string& name, const Functions& functions) {
  if (!backends_.try_emplace(name, functions, runtime_).second) {
    throw std::logic_error(fmt::format("there is a backend `{}` already", name));
  }
  return *this;
}

uint32_t TestGateway::begin_with_bytes(ByteView function, ByteView argument) {
  if (calls_.full()) {
    throw std::logic_error("too many calls are under way for one TestGateway");
  }
  const auto id = static_cast<uint32_t>(answers_.size());
  answers_.push_back({.function = std::string(function)});
  const ReturnPath path = {
      .sink = this, .caller = {id, 1}, .wire = Wire::t3, .id = RequestId("0000")};
  server_.serve({.function = function, .argument = argument},
                calls_.begin(path, FunctionLabels::other(), clock_.now_ns()));
  return id;
}

Delivery TestGateway::deliver(const ReturnPath& path, ByteView body, BodyKind) {
  Answer& answer = answers_[path.caller.slot];
  if (answer.gone) {
    return Delivery::gone;
  }
  answer.done = true;
  answer.body = body;
  return Delivery::queued;
}

ByteView TestGateway::wait_for(uint32_t id) {
  const Answer& answer = answers_[id];
  for (settle(); !answer.done; advance_to(timers_.next_ms())) {
    if (answer.gone || timers_.next_ms() == UINT64_MAX) {
      throw std::logic_error(fmt::format(
          "`{}` will not answer: {}", answer.function,
          answer.gone ? "the test has hung up" : "it has no time-out, and nothing is under way"));
    }
  }
  if (wire::is_error_body(answer.body)) {
    throw_error(answer.body);
  }
  return answer.body;
}

void TestGateway::throw_error(ByteView body) {
  const auto error = read_error(body);
  const std::string text = error ? std::string(error->text) : error_text(body);
  switch (*wire::error_key(body)) {
    case wire::ErrorKey::function_not_found:
      throw MethodNotFoundException(text);
    case wire::ErrorKey::validation_error:
      throw ValidationException(text);
    default:
      throw RemoteException(text);
  }
}

void TestGateway::pass_ms(uint64_t ms) {
  const uint64_t until_ms = timers_.now_ms() + ms;
  for (settle(); timers_.next_ms() <= until_ms;) {
    advance_to(timers_.next_ms());
  }
  advance_to(until_ms);
}

void TestGateway::advance_to(uint64_t ms) {
  clock_.advance_ms(ms - std::min(ms, timers_.now_ms()));
  timers_.run_due();
  settle();
}

void TestGateway::settle() {
  do {
    loop_.run_turn();
  } while (redis.answer_next() || wait_for_others());
  calls_.on_turn_end(clock_.now_ns());
}

uint64_t TestGateway::answered_by_redis() const {
  const RedisMetrics& commands = metrics_.redis;
  return commands.ok.value() + commands.error.value() + commands.timeout.value() +
         commands.unavailable.value() + commands.overloaded.value();
}

bool TestGateway::wait_for_others() {
  if (runtime_.blocking().under_way() == 0 && answered_by_redis() == sent_) {
    return false;
  }
  turn_once();
  return true;
}

void TestGateway::turn_once() {
  bool late = false;
  Timer patience(loop_.timers(), [&late] { late = true; });
  patience.start(kPatienceMs);
  uv_run(loop_.uv(), UV_RUN_ONCE);
  if (late) {
    throw std::logic_error("Redis or a thread has not come back within 10 s");
  }
}

Service* TestGateway::find_service(std::string_view name) {
  const auto found = backends_.find(name);
  return found == backends_.end() ? nullptr : &found->second;
}

void TestGateway::send_to_redis(ByteView command, RedisRequest& request) {
  if (client_ == nullptr) {
    return redis.send_to_redis(command, request);
  }
  ++sent_;
  client_->send(command, request);
}

}  // namespace zerogate
