#include "handlers/echo.h"

#include <utility>

namespace zerogate {

void Echo::serve(const Request& request, Call call) { std::move(call).reply(request.argument); }

}  // namespace zerogate
