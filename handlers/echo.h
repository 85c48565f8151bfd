// `echo`: the argument comes back.
#pragma once

#include "core/rpc/service.h"

namespace zerogate {

/// Answers with the argument's own bytes, never decoded: any value of any type comes back exactly
/// as it was sent. Loop thread only.
class Echo final : public Service {
 public:
  void serve(const Request& request, Call call) override;
};

}  // namespace zerogate
