#include "gateway/host/environment.h"

#include <unistd.h>

#include <string_view>

namespace zerogate {

std::optional<std::string> Environment::operator()(const std::string& name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end()) {
    return std::nullopt;
  }
  return found->second;
}

Environment process_environment() {
  Environment::Variables variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return Environment(std::move(variables));
}

}  // namespace zerogate
