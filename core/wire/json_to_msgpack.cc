#include <fmt/format.h>

#include <bit>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/quote.h"
#include "core/wire/big_endian.h"
#include "core/wire/json.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate {
namespace {

using nlohmann::json;

/// Where the packer writes to.
struct Buffer {
  std::string bytes;
  void write(const char* data, size_t size) { bytes.append(data, size); }
};

/// The front of an integer's digits, when they are many.
std::string brief(const std::string& digits) {
  constexpr size_t kMost = 40;
  return digits.size() <= kMost ? digits : fmt::format("{:.{}}...", digits, kMost);
}

/// Packs while nlohmann-json parses. Its own to_msgpack would not do: it makes 2.5 a float32, and
/// its document has lost the digits of an integer beyond 64 bits by then.
class Packer final : public nlohmann::json_sax<json> {
 public:
  Packer() { open_.emplace_back(); }

  std::string take_bytes() { return std::move(open_.front().body.bytes); }
  const std::string& error() const { return error_; }

  bool null() override {
    pack().pack_nil();
    return true;
  }
  bool boolean(bool value) override {
    value ? pack().pack_true() : pack().pack_false();
    return true;
  }
  bool number_integer(number_integer_t value) override {
    pack().pack_int64(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    pack().pack_uint64(value);
    return true;
  }
  bool number_float(number_float_t value, const std::string& digits) override {
    if (digits.find_first_of(".eE") == std::string::npos) {
      return fail(
          fmt::format("the integer {} does not fit in 64 bits; write it as a string, or "
                      "with a point as a float",
                      brief(digits)));
    }
    // Not pack_double: msgpack-cxx 4.1.3 packs a double that is a whole number as an integer.
    pack();
    char bytes[9] = {static_cast<char>(0xcb)};
    wire::store_be<8>(bytes + 1, std::bit_cast<uint64_t>(value));
    open_.back().body.write(bytes, sizeof bytes);
    return true;
  }
  bool string(string_t& value) override {
    auto packer = pack();
    return pack_text(packer, value);
  }
  bool key(string_t& value) override {
    msgpack::packer<Buffer> packer(open_.back().body);  // counted with its value
    return pack_text(packer, value);
  }
  bool binary(binary_t&) override { return fail("binary"); }  // JSON has none
  bool start_object(size_t) override { return start(); }
  bool start_array(size_t) override { return start(); }
  bool end_object() override {
    const Container ended = end();
    msgpack::packer<Buffer>(open_.back().body).pack_map(ended.count);
    open_.back().body.bytes += ended.body.bytes;
    return true;
  }
  bool end_array() override {
    const Container ended = end();
    msgpack::packer<Buffer>(open_.back().body).pack_array(ended.count);
    open_.back().body.bytes += ended.body.bytes;
    return true;
  }
  bool parse_error(size_t, const std::string& token, const json::exception& exception) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ... last read: 'TOKEN'..."
    std::string_view text = exception.what();
    if (const size_t id_end = text.find("] "); id_end != text.npos) {
      text.remove_prefix(id_end + 2);
    }
    const std::string last_read = "'" + token + "'";
    const size_t at = text.find(last_read);
    if (at == text.npos) {
      return fail(plain_line(text));
    }
    return fail(fmt::format("{}{}{}", text.substr(0, at), quote(token),
                            text.substr(at + last_read.size())));
  }

 private:
  /// MessagePack wants counts in front, which JSON tells at the end.
  struct Container {
    uint32_t count = 0;
    Buffer body;
  };

  msgpack::packer<Buffer> pack() {
    ++open_.back().count;
    return msgpack::packer<Buffer>(open_.back().body);
  }
  bool pack_text(msgpack::packer<Buffer>& packer, const std::string& text) {
    if (text.size() > UINT32_MAX) {
      return fail("a string is longer than 4 GiB");
    }
    packer.pack_str(static_cast<uint32_t>(text.size()));
    packer.pack_str_body(text.data(), static_cast<uint32_t>(text.size()));
    return true;
  }
  bool start() {
    if (open_.size() > wire::kMaxDepth) {
      return fail(fmt::format("it is nested deeper than {} levels", wire::kMaxDepth));
    }
    ++open_.back().count;
    open_.emplace_back();
    return true;
  }
  Container end() {
    Container ended = std::move(open_.back());
    open_.pop_back();
    return ended;
  }
  bool fail(std::string text) {
    error_ = std::move(text);
    return false;
  }

  std::vector<Container> open_;  ///< the first is the document itself
  std::string error_;
};

}  // namespace

Result<std::string> json_to_msgpack(std::string_view text) {
  Packer packer;
  if (!json::sax_parse(text, &packer)) {
    return Error{"not valid JSON: " + packer.error()};
  }
  return packer.take_bytes();
}

}  // namespace zerogate
