// How a RedisClient reaches Redis: sockets in the gateway, fakes in unit tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/redis/redis_connection.h"

namespace zerogate {

/// Looks names up, one at a time. Owned by a RedisChannel, which may destroy it while it looks: the
/// answer is then dropped. Loop thread only.
class RedisLookup {
 public:
  /// Numeric addresses in the order in which to try them (never empty), or why there are none.
  using Addresses = Result<std::vector<std::string>>;
  using Done = std::function<void(Addresses)>;

  virtual ~RedisLookup() = default;
  /// From start() until `done` is called. It cannot be stopped: an owner that no longer waits for
  /// it takes its answer when it comes, and does not start another.
  virtual bool running() const = 0;
  /// Only when none is running. `done` is called later on the loop, never from in here.
  virtual Status start(const std::string& host) = 0;
};

/// Loop thread only. Outlives what it makes.
class RedisNetwork {
 public:
  /// Starts to connect to a numeric address or a Unix socket. The owner hears of the result on a
  /// later turn; what cannot even be begun is an error.
  virtual Result<std::unique_ptr<RedisConnection>> open(RedisConnection::Owner& owner,
                                                        const Address& address) = 0;
  virtual std::unique_ptr<RedisLookup> make_lookup(RedisLookup::Done done) = 0;

 protected:
  ~RedisNetwork() = default;
};

}  // namespace zerogate
