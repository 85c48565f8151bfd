#include "core/load/call_error.h"

#include "core/wire/zerror.h"

namespace zerogate {

CallError call_error_of(ByteView body) {
  switch (wire::error_key(body).value_or(wire::ErrorKey::server_exception)) {
    case wire::ErrorKey::function_not_found:
      return CallError::not_found;
    case wire::ErrorKey::validation_error:
      return CallError::validation;
    case wire::ErrorKey::server_exception:
      break;
  }
  return CallError::exception;
}

}  // namespace zerogate
