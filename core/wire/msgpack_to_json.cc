#include <fmt/format.h>

#include <bit>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/printable.h"
#include "core/wire/json.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate {
namespace {

using nlohmann::json;

std::string base64(ByteView bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      const bool present = at + i < bytes.size();
      group = group << 8 | (present ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    }
    for (size_t i = 0; i < 4; ++i) {
      const bool present = at + i < bytes.size() + 1;
      out += present ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

/// A JSON string; what is not UTF-8 in it becomes U+FFFD.
std::string json_string(ByteView text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Writes JSON while msgpack-cxx walks. Nothing is allocated by a count that the bytes only claim,
/// containers open at a time are limited to kMaxDepth, and keys to kMaxKeys.
class Writer : public msgpack::null_visitor {
 public:
  std::string take_text() { return std::move(out_); }
  const char* fault() const { return fault_; }

  bool visit_nil() { return write("null"); }
  bool visit_boolean(bool value) { return write(value ? "true" : "false"); }
  bool visit_positive_integer(uint64_t value) { return write(fmt::format("{}", value)); }
  bool visit_negative_integer(int64_t value) { return write(fmt::format("{}", value)); }
  bool visit_float32(float value) { return visit_float64(static_cast<double>(value)); }
  bool visit_float64(double value) { return write(json(value).dump()); }  // NaN, infinities: null
  bool visit_str(const char* data, uint32_t size) { return write(json_string({data, size})); }
  bool visit_bin(const char* data, uint32_t size) {
    return write(fmt::format("\"{}\"", base64({data, size})));
  }
  bool visit_ext(const char* data, uint32_t size) {
    // The first byte is the type.
    const auto type = std::bit_cast<int8_t>(*data);
    return write(fmt::format(R"({{"$ext":[{},"{}"]}})", type, base64({data + 1, size - 1})));
  }

  bool start_array(uint32_t) { return open('['); }
  bool start_array_item() { return separate(); }
  bool end_array() { return close(']'); }
  bool start_map(uint32_t) { return open('{'); }
  bool start_map_key() {
    ++keys_;
    separate();
    open_.back().key_start = out_.size();
    return true;
  }
  bool end_map_key() {
    --keys_;
    // A key that came out as a string (a str, a bin) is one; any other is shown as its JSON text.
    const size_t start = open_.back().key_start;
    if (out_[start] != '"') {
      const std::string text = out_.substr(start);
      out_.resize(start);
      out_ += json_string(text);
    }
    return write(":");
  }
  bool end_map() { return close('}'); }

  void parse_error(size_t, size_t) { fault_ = "a byte that MessagePack never uses"; }
  void insufficient_bytes(size_t, size_t) { fault_ = "the bytes end in the middle of a value"; }

 private:
  struct Container {
    bool first = true;
    size_t key_start = 0;
  };

  bool write(std::string_view text) {
    out_ += text;
    return true;
  }
  bool open(char bracket) {
    if (open_.size() == wire::kMaxDepth) {
      fault_ = "it is nested too deep";
      return false;
    }
    if (keys_ > kMaxKeys) {
      fault_ = "a key within a key is a list or a map";
      return false;
    }
    open_.emplace_back();
    out_ += bracket;
    return true;
  }
  bool separate() {
    if (!open_.back().first) {
      out_ += ',';
    }
    open_.back().first = false;
    return true;
  }
  bool close(char bracket) {
    open_.pop_back();
    out_ += bracket;
    return true;
  }

  /// Each key around a quote doubles it: 30 maps that are keys of each other would be a GiB.
  static constexpr unsigned kMaxKeys = 1;

  std::string out_;
  std::vector<Container> open_;
  unsigned keys_ = 0;  ///< that are open
  const char* fault_ = nullptr;
};

}  // namespace

Result<std::string> msgpack_to_json(ByteView bytes) {
  Writer writer;
  size_t end = 0;
  const bool parsed = msgpack::parse(bytes.data(), bytes.size(), end, writer);
  const char* fault = writer.fault();
  if (fault == nullptr && !parsed) {
    fault = "it cannot be read";
  }
  if (fault == nullptr && end != bytes.size()) {
    fault = "there are bytes behind the value";
  }
  if (fault != nullptr) {
    return Error{fmt::format("not one MessagePack value: {}", fault)};
  }
  return printable_json(writer.take_text());
}

}  // namespace zerogate
