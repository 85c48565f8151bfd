#include "tests/simulation/redis_command.h"

#include "tests/simulation/world.h"

namespace zerogate::simulation {

bool take_redis_command(std::string& in, std::vector<std::string>& words) {
  size_t at = 0;
  const auto line = [&](char mark, size_t& number) {
    const size_t end = in.find("\r\n", at);
    if (end == std::string::npos) {
      return false;
    }
    if (in[at] != mark) {
      violated("the gateway sent Redis something that is no command");
    }
    number = std::stoul(in.substr(at + 1, end - at - 1));
    at = end + 2;
    return true;
  };
  size_t count = 0;
  if (in.empty() || !line('*', count)) {
    return false;
  }
  for (size_t i = 0; i < count; ++i) {
    size_t size = 0;
    if (at >= in.size() || !line('$', size) || in.size() < at + size + 2) {
      return false;
    }
    words.push_back(in.substr(at, size));
    at += size + 2;
  }
  in.erase(0, at);
  return true;
}

}  // namespace zerogate::simulation
