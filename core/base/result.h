// A value, or one line that says what went wrong. For errors of peers, of the environment and of
// start-up. A bug is an assertion instead, and no exception crosses a C callback.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace zerogate {

/// One line for people: what failed, where, and what would fix it.
struct Error {
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return assert(ok()), std::get<0>(state_); }
  const T& value() const& { return assert(ok()), std::get<0>(state_); }
  T&& value() && { return assert(ok()), std::get<0>(std::move(state_)); }
  const std::string& error() const { return assert(!ok()), std::get<1>(state_).message; }

 private:
  std::variant<T, Error> state_;
};

/// The result of something that has no value to give.
using Status = Result<std::monostate>;
inline Status ok_status() { return std::monostate{}; }

}  // namespace zerogate
