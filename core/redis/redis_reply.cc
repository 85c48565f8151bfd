#include "core/redis/redis_reply.h"

namespace zerogate {

bool is_refusal(std::string_view error) {
  for (const std::string_view word :
       {"READONLY ", "MASTERDOWN ", "LOADING ", "NOAUTH ", "CLUSTERDOWN "}) {
    if (error.starts_with(word)) {
      return true;
    }
  }
  return false;
}

bool is_elsewhere(std::string_view error) {
  return error.starts_with("MOVED ") || error.starts_with("ASK ");
}

}  // namespace zerogate
