// Python source text, for contracts. Pure functions, any thread; not for the hot path.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace zerogate::sdk {

/// A str literal between double quotes, on one line. Bytes that are no UTF-8 become U+FFFD.
std::string python_str(std::string_view text);
std::string python_bytes(std::string_view bytes);
/// A float literal that is read back as the same number.
std::string python_float(double value);

/// The text as a docstring: between three quotes, its further lines indented by `indent` spaces.
std::string python_docstring(std::string_view text, size_t indent);

/// `name` where it is an identifier of Python and none of its keywords; else what is closest to it:
/// `from_` for `from`, `orders_get` for `orders.get`.
std::string python_identifier(std::string_view name);

/// A type as type_name() spells it, taken apart: `dict[str, int | None]`.
struct PythonType {
  std::string name;  ///< "|" of a union; else `dict`, `datetime.date`, `Order`
  std::vector<PythonType> parameters;

  /// What cannot be read is `Any`.
  static PythonType parse(std::string_view text);
  /// How Python 3.9 spells it: unions as Optional[...] and Union[...]. `name` may replace the names
  /// in it, and is told Optional, Union and Any, too.
  std::string text(const std::function<std::string(const std::string&)>& name) const;
  /// The union's part that is not None, when there is just one; else itself.
  const PythonType& without_none() const;
};

/// The literal of a MessagePack value that is made of Python's builtin types alone. A timestamp is
/// RFC 3339 text. `msgpack` is one whole value.
std::string python_value(ByteView msgpack);

}  // namespace zerogate::sdk
