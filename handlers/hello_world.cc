#include "handlers/hello_world.h"

#include <utility>

namespace zerogate {

void HelloWorld::serve(const Request& /*request*/, Call call) {
  static constexpr ByteView kResult = "\xabhello world";  // fixstr of 11 bytes
  std::move(call).reply(kResult);
}

}  // namespace zerogate
