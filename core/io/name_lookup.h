// Looking host names up, as those see it that need one: the process' NameService in the gateway,
// fakes in unit tests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace zerogate {

/// What is known of a name. "It does not exist" and "I could not find out" are two things: the
/// first takes the name's addresses away, the second says nothing about them.
struct NameAnswer {
  enum class Kind : uint8_t {
    found,
    no_such_name,  ///< it does not exist, or has no address
    failed,        ///< no answer in time, or the name server is in trouble
  };
  Kind kind = Kind::failed;
  /// Numeric, in the order in which to try them; never empty when found.
  std::vector<std::string> addresses;
  std::string error;  ///< one line, unless found
};

/// Looks names up, one at a time. Its owner may destroy it while it looks: no answer comes then.
/// Loop thread only.
class NameLookup {
 public:
  using Done = std::function<void(const NameAnswer&)>;

  virtual ~NameLookup() = default;
  /// From start() until `done` is called. It cannot be stopped: an owner that no longer waits for
  /// it takes its answer when it comes, and does not start another.
  virtual bool running() const = 0;
  /// Only when none is running. `done` is called once, later on the loop, never from in here. An
  /// answer that is up to `max_age_ms` old will do; 0: a look-up that has not ended yet.
  virtual void start(const std::string& host, uint64_t max_age_ms) = 0;
};

/// Makes look-ups for one loop. Outlives them.
class NameLookupMaker {
 public:
  virtual std::unique_ptr<NameLookup> make(NameLookup::Done done) = 0;

 protected:
  ~NameLookupMaker() = default;
};

}  // namespace zerogate
