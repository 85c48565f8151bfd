// The failure of something that a function depends on.
#pragma once

#include <stdexcept>
#include <string>

#include "core/metrics/outcome.h"

namespace zerogate {

/// Thrown by an await: Redis is away, a backend has answered with an error, a pool is full. A
/// function that lets it pass fails with this text and is counted with this outcome. Any other
/// exception becomes RuntimeError('...'). No failure counts as ok.
class CallFailure : public std::runtime_error {
 public:
  CallFailure(Outcome outcome, const std::string& text)
      : std::runtime_error(text), outcome_(outcome == Outcome::ok ? Outcome::error : outcome) {}
  Outcome outcome() const { return outcome_; }

 private:
  Outcome outcome_;
};

}  // namespace zerogate
