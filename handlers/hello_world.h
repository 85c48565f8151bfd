// `hello_world`: the smallest function of Zero's benchmark.
#pragma once

#include "core/rpc/service.h"

namespace zerogate {

/// Answers "hello world" whatever the argument: Zero's own TCP server accepts any argument here,
/// too. Loop thread only.
class HelloWorld final : public Service {
 public:
  void serve(const Request& request, Call call) override;
};

}  // namespace zerogate
