// A real redis-server of a test's own, on loopback or a Unix socket, that can be killed, stopped
// and started again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/redis/redis_url.h"

namespace zerogate::testing {

/// Keeps nothing on disk but a scratch directory, which goes with it. Blocks while it starts, up to
/// ten seconds; throws std::runtime_error when it does not. One thread.
class RedisServer {
 public:
  struct Options {
    uint16_t port = 0;               ///< 0: one of its own
    std::string bind = "127.0.0.1";  ///< the loopback address on which it listens
    bool unix_socket = false;        ///< listens on a socket in its directory and not on TCP
    std::string password{};          ///< requirepass
  };

  RedisServer() : RedisServer(Options{}) {}
  explicit RedisServer(Options options);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  uint16_t port() const { return port_; }
  const std::string& path() const { return path_; }
  /// Where a client finds it, with the password.
  RedisUrl url() const;

  void kill();     ///< SIGKILL: its connections are reset or closed by the kernel
  void stop();     ///< SIGSTOP, and waits until it has stopped: the kernel still accepts for it
  void resume();   ///< SIGCONT
  void restart();  ///< starts it again after kill(), on the same port or path, empty

  /// One command over a connection of its own; blocks. The reply as text; an error throws.
  std::string run(std::initializer_list<std::string> arguments, uint32_t database = 0);

 private:
  bool try_start();
  bool answers();

  Options options_;
  uint16_t port_ = 0;
  std::string directory_;
  std::string path_;
  pid_t pid_ = -1;
};

}  // namespace zerogate::testing
