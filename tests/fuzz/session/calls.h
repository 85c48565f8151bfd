// The calls of honest clients, and what may be answered to them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace zerogate::fuzz {

/// What honest clients call.
enum class Function : uint8_t {
  hello_world,
  echo,
  save_order,
  get_order,
  a_get,  ///< of the backend that speaks raw TCP; idempotent
  a_put,  ///< and not
  c_put,  ///< of the backend that speaks ZeroMQ
  relay,  ///< native: calls a_put
  unknown,
};
inline constexpr std::string_view kFunctions[] = {"hello_world", "echo",  "save_order",
                                                  "get_order",   "a_get", "a_put",
                                                  "c_put",       "relay", "no_such_function"};

struct HonestCall {
  Function function = Function::unknown;
  std::string argument;
  std::string order_id;   ///< get_order: that is asked for
  uint32_t saved_by = 0;  ///< and the call that has saved it
  bool answered = false;
  bool ok = false;    ///< with a result
  std::string error;  ///< the body that it was answered with, if it was one
};

/// Numbers the calls; each has an argument that no other has, and so a result that no other has.
class HonestCalls {
 public:
  /// Whether a server that was told what to say may have said this result.
  using Said = std::function<bool(Function function, ByteView body)>;

  explicit HonestCalls(Said said) : said_(std::move(said)) {}

  uint32_t begin(Function function);
  /// The body of an answer has come. Ends the run when it is not its own, or the second one. Over
  /// ZeroMQ a backend that speaks it, too, may answer any bytes.
  void answered(uint32_t number, ByteView body, bool over_zmq);
  const HonestCall& at(uint32_t number) const { return calls_[number]; }
  uint32_t size() const { return static_cast<uint32_t>(calls_.size()); }

  /// What a backend that is honest answers.
  static std::string result_of(ByteView function, ByteView argument);

 private:
  struct Order {
    std::string id;
    uint32_t saved_by = 0;
  };

  std::string argument_of(HonestCall& call, uint32_t number) const;
  bool is_own(uint32_t number, ByteView body);
  bool is_saved(uint32_t number, ByteView body);

  const Said said_;
  std::vector<HonestCall> calls_;
  std::vector<Order> orders_;
};

}  // namespace zerogate::fuzz
