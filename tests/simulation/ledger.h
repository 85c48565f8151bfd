// What the models know of every call of a simulated run, and what must hold of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/wire/protocol.h"

namespace zerogate::simulation {

/// The functions that clients call.
enum class Function : uint8_t {
  hello_world,
  echo,
  save_order,
  get_order,
  a_get,  ///< of backend a, idempotent
  a_put,  ///< and not
  b_get,
  b_put,
  c_get,
  c_put,
  relay,  ///< native: calls a_put
  unknown,
};
inline constexpr std::string_view kFunctions[] = {
    "hello_world", "echo",  "save_order", "get_order", "a_get", "a_put",
    "b_get",       "b_put", "c_get",      "c_put",     "relay", "no_such_function"};
inline constexpr size_t kFunctionCount = std::size(kFunctions);
inline bool is_idempotent(Function f) {
  return f == Function::a_get || f == Function::b_get || f == Function::c_get;
}

struct CallRecord {
  Function function = Function::unknown;
  Wire wire = Wire::t3;
  uint32_t answers = 0;
  uint32_t executions = 0;  ///< by backends
  bool ok = false;          ///< answered with a result
  bool not_found = false;   ///< while a reload had left its function out
  std::string caller;       ///< its address, or its certificate's name
  std::string argument;
  std::string error;      ///< the body that it was answered with, if it was one
  std::string order_id;   ///< get_order: that is asked for
  uint32_t saved_by = 0;  ///< and the call that has saved it
};

/// A call that a client waits for.
struct SentCall {
  uint32_t number;
  uint64_t end;  ///< of its bytes among all that the client has sent over this connection
};

/// Numbers calls, judges answers, and adds up what the gateway's counters must agree with.
class Ledger {
 public:
  /// A new call with an argument of about `bytes`. Its number stands in the argument.
  uint32_t begin(Function function, Wire wire, std::string_view caller, size_t bytes);
  CallRecord& at(uint32_t number) { return calls_[number]; }
  const CallRecord& at(size_t number) const { return calls_[number]; }
  size_t size() const { return calls_.size(); }

  /// A backend has the whole request. Returns the call's number.
  uint32_t executed(ByteView function, ByteView argument);
  /// What a backend answers to it.
  std::string result_of(uint32_t number, std::string_view server);
  /// The client has an answer: a result, or an error's body.
  void answered(uint32_t number, ByteView body);
  /// An answer that does not belong to a call under way.
  [[noreturn]] void strange_answer(std::string_view what);

  /// Of a function over a wire: calls that were ever begun, and answers but "not found".
  struct Sums {
    uint64_t begun = 0;
    uint64_t answered = 0;
    uint64_t ok = 0;
  };
  Sums sums(Function function, Wire wire) const;

  struct Order {
    std::string id;
    uint32_t saved_by;
  };
  std::vector<Order> orders;  ///< that clients know to be saved
  /// Servers that have answered since this was cleared.
  std::vector<std::string> heard;

 private:
  void judge_result(uint32_t number, ByteView body);

  std::vector<CallRecord> calls_;
};

}  // namespace zerogate::simulation
