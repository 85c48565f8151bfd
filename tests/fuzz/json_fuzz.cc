// json_to_msgpack and msgpack_to_json against nlohmann-json and msgpack-cxx. The first byte of the
// input chooses: the rest is JSON, or MessagePack.
//
// What survives JSON -> MessagePack -> JSON is everything: each integer of 64 bits, each float to
// the bit, the order of keys, and keys that stand twice. What does not is how it was spelt: blanks,
// escapes, 1e2 for 100.0. Integers beyond 64 bits are refused.

#include <algorithm>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/utf8.h"
#include "core/client/error_text.h"
#include "core/wire/json.h"
#include "core/wire/msgpack_scan.h"
#include "tests/fuzz/fuzz_check.h"

using namespace zerogate;
using fuzz::check;
using nlohmann::json;
using MsgType = msgpack::type::object_type;

namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

void check_line(const std::string& text) {
  check(!text.empty(), "it says something");
  check(is_utf8(text), "it is UTF-8");
  check(text.find('\n') == text.npos, "it is one line");
}

/// Of an error: without anything that a terminal would obey, too.
void check_error(const std::string& text) {
  check_line(text);
  check(std::ranges::none_of(text, is_control), "it has no control characters");
}

/// What a document says, a line each; apart from a document of nlohmann's it has keys that stand
/// twice, in their order.
class Events final : public nlohmann::json_sax<json> {
 public:
  std::string text;
  bool has_large_integer = false;
  size_t deepest = 0;

  bool null() override { return add("null"); }
  bool boolean(bool value) override { return add(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return add(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(std::to_string(value)); }
  bool number_float(number_float_t value, const string_t& digits) override {
    has_large_integer |= digits.find_first_of(".eE") == string_t::npos;
    return add("float " + json(value).dump());
  }
  bool string(string_t& value) override { return add("\"" + value); }
  bool key(string_t& value) override { return add(":" + value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open("{"); }
  bool end_object() override { return close("}"); }
  bool start_array(size_t) override { return open("["); }
  bool end_array() override { return close("]"); }
  bool parse_error(size_t, const std::string&, const json::exception&) override { return false; }

 private:
  bool add(const std::string& event) {
    text += event + '\n';
    return true;
  }
  bool open(const char* bracket) {
    deepest = std::max(deepest, ++depth_);
    return add(bracket);
  }
  bool close(const char* bracket) {
    --depth_;
    return add(bracket);
  }
  size_t depth_ = 0;
};

void check_json(ByteView text) {
  Events events;
  const bool is_json = json::sax_parse(text, &events);
  const Result<std::string> packed = json_to_msgpack(text);
  if (!packed) {
    check_error(packed.error());
    check(packed.error().size() < 1'000, "an error repeats a part of the text at most");
    check(!is_json || events.has_large_integer || events.deepest > wire::kMaxDepth,
          "JSON is taken, but for its limits");
    return;
  }
  check(is_json && !events.has_large_integer && events.deepest <= wire::kMaxDepth,
        "only JSON is taken, within its limits");
  check(wire::is_one_value(packed.value()), "it becomes one value");

  const Result<std::string> shown = msgpack_to_json(packed.value());
  check(shown.ok(), "and is shown again");
  check_line(shown.value());
  Events again;
  check(json::sax_parse(shown.value(), &again), "as JSON");
  check(again.text == events.text, "that says the same");
  const Result<std::string> second = json_to_msgpack(shown.value());
  check(second.ok() && second.value() == packed.value(), "and becomes the same value");
}

bool has_nested_key(const msgpack::object& object, unsigned keys);

bool any_has_nested_key(const msgpack::object& container, unsigned keys) {
  if (container.type == MsgType::ARRAY) {
    const auto& array = container.via.array;
    return std::any_of(array.ptr, array.ptr + array.size,
                       [&](const auto& item) { return has_nested_key(item, keys); });
  }
  const auto& map = container.via.map;
  return std::any_of(map.ptr, map.ptr + map.size, [&](const auto& pair) {
    return has_nested_key(pair.key, keys + 1) || has_nested_key(pair.val, keys);
  });
}

/// Whether a list or map is a key of what is in a key itself; `keys` are around the object.
bool has_nested_key(const msgpack::object& object, unsigned keys) {
  const bool container = object.type == MsgType::ARRAY || object.type == MsgType::MAP;
  return container && (keys > 1 || any_has_nested_key(object, keys));
}

void check_msgpack(ByteView bytes) {
  const bool one_value = wire::is_one_value(bytes);
  const Result<std::string> shown = msgpack_to_json(bytes);
  if (shown) {
    check(one_value, "only one value is shown");
    check_line(shown.value());
    check(json::accept(shown.value()), "it is JSON");
    check(shown.value().size() <= 50 * bytes.size() + 50, "it is not much longer than the value");
  } else {
    check_error(shown.error());
    if (one_value) {
      const auto decoded = msgpack::unpack(bytes.data(), bytes.size());
      check(any_has_nested_key(decoded.get(), 0), "every value is shown, but for keys in keys");
    }
  }
  check_error(error_text(bytes));  // what a server's error becomes at a terminal
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const ByteView rest = fuzz::view_of(data + 1, size - 1);
  data[0] % 2 == 0 ? check_json(rest) : check_msgpack(rest);
  return 0;
}
