#include "core/sdk/redis_shared.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace zerogate::sdk {
namespace {

enum class SharedHarm : uint8_t {
  transaction,
  login,
  client,
  stream,
  blocking,
  block_option,
  admin
};

struct SharedRule {
  ByteView name;
  SharedHarm harm;
};

/// In the order of their names.
constexpr std::array kSharedRules = {
    SharedRule{"ASKING", SharedHarm::login},
    SharedRule{"AUTH", SharedHarm::login},
    SharedRule{"BLMOVE", SharedHarm::blocking},
    SharedRule{"BLMPOP", SharedHarm::blocking},
    SharedRule{"BLPOP", SharedHarm::blocking},
    SharedRule{"BRPOP", SharedHarm::blocking},
    SharedRule{"BRPOPLPUSH", SharedHarm::blocking},
    SharedRule{"BZMPOP", SharedHarm::blocking},
    SharedRule{"BZPOPMAX", SharedHarm::blocking},
    SharedRule{"BZPOPMIN", SharedHarm::blocking},
    SharedRule{"CLIENT", SharedHarm::client},
    SharedRule{"DEBUG", SharedHarm::admin},
    SharedRule{"DISCARD", SharedHarm::transaction},
    SharedRule{"EXEC", SharedHarm::transaction},
    SharedRule{"HELLO", SharedHarm::login},
    SharedRule{"MONITOR", SharedHarm::stream},
    SharedRule{"MULTI", SharedHarm::transaction},
    SharedRule{"PSUBSCRIBE", SharedHarm::stream},
    SharedRule{"PSYNC", SharedHarm::stream},
    SharedRule{"PUNSUBSCRIBE", SharedHarm::stream},
    SharedRule{"QUIT", SharedHarm::login},
    SharedRule{"READONLY", SharedHarm::login},
    SharedRule{"READWRITE", SharedHarm::login},
    SharedRule{"REPLCONF", SharedHarm::stream},
    SharedRule{"RESET", SharedHarm::login},
    SharedRule{"SELECT", SharedHarm::login},
    SharedRule{"SHUTDOWN", SharedHarm::admin},
    SharedRule{"SSUBSCRIBE", SharedHarm::stream},
    SharedRule{"SUBSCRIBE", SharedHarm::stream},
    SharedRule{"SUNSUBSCRIBE", SharedHarm::stream},
    SharedRule{"SYNC", SharedHarm::stream},
    SharedRule{"UNSUBSCRIBE", SharedHarm::stream},
    SharedRule{"UNWATCH", SharedHarm::transaction},
    SharedRule{"WAIT", SharedHarm::blocking},
    SharedRule{"WAITAOF", SharedHarm::blocking},
    SharedRule{"WATCH", SharedHarm::transaction},
    SharedRule{"XREAD", SharedHarm::block_option},
    SharedRule{"XREADGROUP", SharedHarm::block_option},
};
static_assert(std::ranges::is_sorted(kSharedRules, {}, &SharedRule::name));

/// In upper case, without a string of its own; empty for what is longer than all that is compared.
class UpperWord {
 public:
  explicit UpperWord(ByteView word) : size_(word.size() <= letters_.size() ? word.size() : 0) {
    std::transform(word.begin(), word.begin() + static_cast<ptrdiff_t>(size_), letters_.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  }
  ByteView view() const { return {letters_.data(), size_}; }

 private:
  std::array<char, 12> letters_;  // PUNSUBSCRIBE
  size_t size_;
};

/// Whether XREAD or XREADGROUP is told to wait. The options end at STREAMS, behind which keys come.
bool waits_for_entries(std::span<const ByteView> words) {
  for (size_t i = 1; i < words.size(); ++i) {
    const UpperWord word(words[i]);
    if (word.view() == "BLOCK") {
      return true;
    }
    if (word.view() == "STREAMS") {
      return false;
    }
    i += word.view() == "GROUP" ? 2u : word.view() == "COUNT" ? 1u : 0u;
  }
  return false;
}

/// Those that only look.
bool asks_of_clients(std::span<const ByteView> words) {
  const UpperWord what(words.size() > 1 ? words[1] : ByteView());
  return what.view() == "ID" || what.view() == "INFO" || what.view() == "LIST" ||
         what.view() == "GETNAME";
}

std::string_view instead_of(SharedHarm harm) {
  switch (harm) {
    case SharedHarm::transaction:
      return "it would take in commands of other calls; EVAL runs a script as one step";
    case SharedHarm::login:
      return "it would change the connection for other calls; user, password and database are "
             "those of redis.url";
    case SharedHarm::client:
      return "it would change the connection for other calls; "
             "CLIENT ID, INFO, LIST and GETNAME are sent";
    case SharedHarm::stream:
      return "other calls would get its messages as their replies; it needs a Redis client of your "
             "own";
    case SharedHarm::blocking:
    case SharedHarm::block_option:
      return "it would hold up other calls; ask without waiting, and again after context.sleep()";
    case SharedHarm::admin:
      return "it would stop Redis for other calls; it is for redis-cli";
  }
  return "";
}

}  // namespace

std::string why_redis_refuses(std::span<const ByteView> words) {
  const UpperWord name(words.front());
  const auto found = std::ranges::lower_bound(kSharedRules, name.view(), {}, &SharedRule::name);
  if (found == kSharedRules.end() || found->name != name.view() ||
      (found->harm == SharedHarm::client && asks_of_clients(words)) ||
      (found->harm == SharedHarm::block_option && !waits_for_entries(words))) {
    return {};
  }
  return fmt::format("redis command {}{} is refused, for all calls share the connection: {}",
                     found->name, found->harm == SharedHarm::block_option ? " with BLOCK" : "",
                     instead_of(found->harm));
}

}  // namespace zerogate::sdk
