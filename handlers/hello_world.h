// `hello_world`: the smallest function of Zero's benchmark.
#pragma once

#include "core/rpc/service.h"

namespace zerogate {

/// Answers "hello world" whatever the argument: the real TCP server calls a handler with any
/// argument too. Loop thread only.
class HelloWorld final : public Service {
 public:
  void serve(const Request& request, Call call) override;
};

}  // namespace zerogate
