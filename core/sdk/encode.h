// From a value to a message.
#pragma once

#include <string>

#include "core/sdk/codec_containers.h"
#include "core/sdk/codec_struct.h"

namespace zerogate {

/// Appends the bytes that msgspec's encoder has for the same value of Python; dicts and sets in the
/// order of the C++ container. Pure; any thread.
template <class T>
void encode(const T& value, std::string& out) {
  sdk::Codec<T>::write(out, value);
}

}  // namespace zerogate
