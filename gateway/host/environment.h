// The environment's variables, as they were when the process began. Any thread; it never changes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace zerogate {

class Environment {
 public:
  using Variables = std::map<std::string, std::string>;

  Environment() = default;
  explicit Environment(Variables variables) : variables_(std::move(variables)) {}

  /// The variable's value, or nothing when there is none of this name.
  std::optional<std::string> operator()(const std::string& name) const;
  /// All of them, by name.
  const Variables& variables() const { return variables_; }

 private:
  Variables variables_;
};

/// A copy of the process' own.
Environment process_environment();

}  // namespace zerogate
