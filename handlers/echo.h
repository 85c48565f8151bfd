// `echo`: the argument comes back.
#pragma once

#include "core/rpc/service.h"

namespace zerogate {

/// Answers with the argument's own bytes: any value of any type comes back exactly as it was sent.
/// A typed function would write what it has read anew, in the shortest form. So this is a service
/// over bytes. Loop thread only.
class Echo final : public Service {
 public:
  void serve(const Request& request, Call call) override;
};

}  // namespace zerogate
