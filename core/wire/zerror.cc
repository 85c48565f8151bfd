#include "core/wire/zerror.h"

#include <cstring>
#include <iterator>

#include "core/base/utf8.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"

namespace zerogate::wire {
namespace {

constexpr size_t kMaxNameBytes = 256;

constexpr ByteView key_text(ErrorKey key) {
  switch (key) {
    case ErrorKey::function_not_found:
      return "__zerror__function_not_found";
    case ErrorKey::server_exception:
      return "__zerror__server_exception";
    case ErrorKey::validation_error:
      return "__zerror__validation_error";
  }
  return "__zerror__server_exception";
}

ErrorKey key_of(ByteView text) {
  for (const ErrorKey key : {ErrorKey::function_not_found, ErrorKey::validation_error}) {
    if (text == key_text(key)) {
      return key;
    }
  }
  return ErrorKey::server_exception;
}

/// An error that old clients know by another key.
struct OldKey {
  ByteView now;
  ByteView old;
};
constexpr OldKey kOldKeys[] = {
    {key_text(ErrorKey::function_not_found), "__zerror__method_not_found"},
    {key_text(ErrorKey::validation_error), key_text(ErrorKey::server_exception)},
};

/// Whether kErrorPrefix stands anywhere in `body`: by its rare letter first, since memmem prepares
/// itself for longer than a small result takes to read.
bool may_have_prefix(ByteView body) {
  constexpr size_t kRareAt = 2;
  static_assert(kErrorPrefix[kRareAt] == 'z');
  int patience = 8;  // with texts that are full of that letter
  for (size_t from = kRareAt; from < body.size(); --patience) {
    if (patience == 0) {
      return memmem(body.data(), body.size(), kErrorPrefix.data(), kErrorPrefix.size()) != nullptr;
    }
    const void* found = std::memchr(body.data() + from, kErrorPrefix[kRareAt], body.size() - from);
    if (found == nullptr) {
      return false;
    }
    const auto at = static_cast<size_t>(static_cast<const char*>(found) - body.data());
    if (body.substr(at - kRareAt).starts_with(kErrorPrefix)) {
      return true;
    }
    from = at + 1;
  }
  return false;
}

/// Walks over the keys of what may be an error's body.
[[gnu::noinline]] std::optional<ErrorKey> find_error_key(ByteView body) noexcept {
  Reader reader(body);
  uint32_t pairs = 0;
  if (!reader.read_map(pairs)) {
    return {};
  }
  for (; pairs > 0; --pairs) {
    ByteView key;
    ByteView skipped;
    if (reader.next_type() == Type::str) {
      if (!reader.read_str(key)) {
        return {};
      }
      if (key.starts_with(kErrorPrefix)) {
        return key_of(key);
      }
    } else if (!reader.read_value(skipped)) {
      return {};
    }
    if (!reader.read_value(skipped)) {
      return {};
    }
  }
  return {};
}

/// The value that belongs to a str key of a map; empty when there is none.
ByteView value_of(ByteView map, ByteView wanted) {
  Reader reader(map);
  uint32_t pairs = 0;
  if (!reader.read_map(pairs)) {
    return {};
  }
  for (; pairs > 0; --pairs) {
    ByteView key;
    ByteView value;
    const bool is_str = reader.read_str(key);
    if (!is_str && !reader.read_value(value)) {
      return {};
    }
    if (!reader.read_value(value)) {
      return {};
    }
    if (is_str && key == wanted) {
      return value;
    }
  }
  return {};
}

}  // namespace

void write_error(std::string& out, ErrorKey key, ByteView message) {
  if (message.empty()) {
    message = "unknown error";
  }
  write_map(out, 1);
  write_str(out, key_text(key));
  if (is_utf8(message)) {
    write_str(out, message);
  } else {
    // A str that is not UTF-8 makes the Python client raise UnicodeDecodeError instead of ours.
    std::string fixed;
    append_as_utf8(fixed, message);
    write_str(out, fixed);
  }
}

std::string function_not_found(ByteView name) {
  std::string text = "Function `";
  if (name.size() <= kMaxNameBytes) {
    append_as_utf8(text, name);
  } else {
    append_as_utf8(text, utf8_prefix(name, kMaxNameBytes));
    text += "...";
  }
  text += "` not found!";
  return text;
}

/// Nearly every result ends in may_have_prefix: a search at memory speed.
std::optional<ErrorKey> error_key_of_map(ByteView body) noexcept {
  return may_have_prefix(body) ? find_error_key(body) : std::nullopt;
}

void append_for_old_client(std::string& out, ByteView body) {
  Reader reader(body);
  uint32_t pairs = 0;
  ByteView added[std::size(kOldKeys)];
  uint32_t count = 0;
  if (is_error_body(body) && is_one_value(body)) {
    for (size_t i = 0; i < std::size(kOldKeys); ++i) {
      if (value_of(body, kOldKeys[i].old).empty()) {
        added[i] = value_of(body, kOldKeys[i].now);
      }
      if (!added[i].empty()) {
        ++count;
      }
    }
  }
  if (count == 0 || !reader.read_map(pairs)) {
    out.append(body);
    return;
  }
  write_map(out, pairs + count);  // no overflow: the body holds that many pairs
  out.append(reader.rest());
  for (size_t i = 0; i < std::size(kOldKeys); ++i) {
    if (added[i].empty()) {
      continue;
    }
    write_str(out, kOldKeys[i].old);
    out.append(added[i]);
  }
}

}  // namespace zerogate::wire
