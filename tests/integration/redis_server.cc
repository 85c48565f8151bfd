#include "tests/integration/redis_server.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/integration/own_port.h"

namespace zerogate::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Context = std::unique_ptr<redisContext, void (*)(redisContext*)>;
using Reply = std::unique_ptr<redisReply, void (*)(void*)>;

constexpr auto kStartDeadline = std::chrono::seconds(10);

Reply send(redisContext* context, std::initializer_list<std::string> arguments) {
  std::vector<const char*> data;
  std::vector<size_t> sizes;
  for (const std::string& argument : arguments) {
    data.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  void* reply = redisCommandArgv(context, static_cast<int>(data.size()), data.data(), sizes.data());
  return {static_cast<redisReply*>(reply), &freeReplyObject};
}

bool is_ok(const Reply& reply) { return reply && reply->type != REDIS_REPLY_ERROR; }

pid_t spawn(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) {
    return pid;
  }
  // Only async-signal-safe calls from here on: the test has threads.
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no server behind
  if (getppid() != parent) {
    _exit(127);
  }
  const int null = open("/dev/null", O_RDWR);
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    dup2(null, fd);
  }
  execvp(argv[0], argv.data());
  _exit(127);
}

}  // namespace

RedisServer::RedisServer(Options options) : options_(std::move(options)) {
  char pattern[] = "/tmp/zerogate-redis-XXXXXX";
  if (!mkdtemp(pattern)) {
    throw std::runtime_error("cannot make a directory in /tmp");
  }
  directory_ = pattern;
  if (options_.unix_socket) {
    path_ = directory_ + "/redis.sock";
  }
  if (!options_.unix_socket) {
    port_ = options_.port != 0 ? options_.port : own_port();
  }
  if (try_start()) {
    return;
  }
  std::filesystem::remove_all(directory_);
  throw std::runtime_error("redis-server does not start; is it installed?");
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

RedisUrl RedisServer::url() const {
  RedisUrl url;
  url.host = options_.bind;
  url.port = port_;
  url.path = path_;
  if (!path_.empty()) {
    url.host.clear();
  }
  url.password = options_.password;
  return url;
}

bool RedisServer::try_start() {
  std::vector<std::string> arguments = {
      "redis-server", "--port", std::to_string(port_), "--bind", options_.bind,
      "--save",       "",       "--appendonly",        "no",     "--dir",
      directory_};
  if (!path_.empty()) {
    arguments.insert(arguments.end(), {"--unixsocket", path_});
  }
  if (!options_.password.empty()) {
    arguments.insert(arguments.end(), {"--requirepass", options_.password});
  }
  pid_ = spawn(std::move(arguments));
  const auto deadline = Clock::now() + kStartDeadline;
  while (Clock::now() < deadline) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) {
      pid_ = -1;
      return false;  // it has ended
    }
    if (answers()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill();
  return false;
}

bool RedisServer::answers() {
  try {
    return run({"PING"}) == "PONG";
  } catch (const std::runtime_error&) {
    return false;
  }
}

void RedisServer::kill() {
  if (pid_ < 0) {
    return;
  }
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::stop() {
  ::kill(pid_, SIGSTOP);
  waitpid(pid_, nullptr, WUNTRACED);
}

void RedisServer::resume() { ::kill(pid_, SIGCONT); }

void RedisServer::restart() {
  if (pid_ >= 0) {
    throw std::runtime_error("restart() of a redis-server that runs");
  }
  if (!try_start()) {
    throw std::runtime_error("redis-server does not start again");
  }
}

std::string RedisServer::run(std::initializer_list<std::string> arguments, uint32_t database) {
  const timeval timeout{.tv_sec = 10, .tv_usec = 0};
  const Context context(path_.empty()
                            ? redisConnectWithTimeout(options_.bind.c_str(), port_, timeout)
                            : redisConnectUnixWithTimeout(path_.c_str(), timeout),
                        &redisFree);
  if (!context || context->err) {
    throw std::runtime_error("redis-server does not accept");
  }
  redisSetTimeout(context.get(), timeout);
  if (!options_.password.empty() && !is_ok(send(context.get(), {"AUTH", options_.password}))) {
    throw std::runtime_error("redis-server does not take its password");
  }
  if (database != 0 && !is_ok(send(context.get(), {"SELECT", std::to_string(database)}))) {
    throw std::runtime_error("redis-server does not have this database");
  }
  const Reply reply = send(context.get(), arguments);
  if (!reply) {
    throw std::runtime_error("redis-server does not answer");
  }
  if (reply->type == REDIS_REPLY_INTEGER) {
    return std::to_string(reply->integer);
  }
  std::string text(reply->str ? reply->str : "", reply->str ? reply->len : 0);
  if (reply->type == REDIS_REPLY_ERROR) {
    throw std::runtime_error(text);
  }
  return text;
}

}  // namespace zerogate::testing
