// What core/sdk says of messages, for tests/interop/test_sdk_msgspec.py. Reads lines
// "type hex-of-a-message" and answers each with "ok hex-of-the-value-encoded-again" or
// "error hex-of-the-text"; a type alone is answered with Python's spelling of it.
#include <cstdio>
#include <iostream>
#include <string>

#include "tests/unit/core/sdk/everything.h"

namespace {

using namespace everything;

struct Type {
  const char* name;
  bool (*judge)(ByteView, std::string&);
  std::string (*spelling)();
};

template <class T>
bool judge(ByteView message, std::string& out) {
  const Result<T> value = decode<T>(message);
  if (!value) {
    out = value.error();
    return false;
  }
  encode(value.value(), out);
  return true;
}

template <class T>
Type entry(const char* name) {
  return {name, judge<T>, type_name<T>};
}

const Type kTypes[] = {
    entry<std::monostate>("none"),
    entry<bool>("bool"),
    entry<int8_t>("int8"),
    entry<int16_t>("int16"),
    entry<int32_t>("int32"),
    entry<int64_t>("int64"),
    entry<uint8_t>("uint8"),
    entry<uint16_t>("uint16"),
    entry<uint32_t>("uint32"),
    entry<uint64_t>("uint64"),
    entry<double>("float"),
    entry<std::string>("str"),
    entry<Bytes>("bytes"),
    entry<Bytes>("bytearray"),
    entry<Raw>("any"),
    entry<Color>("color"),
    entry<Level>("level"),
    entry<DateTime>("datetime"),
    entry<Date>("date"),
    entry<TimeOfDay>("time"),
    entry<Uuid>("uuid"),
    entry<Decimal>("decimal"),
    entry<std::vector<bool>>("list_bool"),
    entry<std::vector<std::vector<int32_t>>>("list_list_int32"),
    entry<Encoded<std::vector<std::string>>>("encoded_list_str"),
    entry<std::tuple<int64_t, std::string>>("tuple_int_str"),
    entry<std::array<double, 2>>("tuple_two_floats"),
    entry<std::pair<Uuid, std::vector<Date>>>("pair"),
    entry<std::set<int32_t>>("set_int32"),
    entry<std::set<int32_t>>("frozenset_int32"),
    entry<std::unordered_set<std::string>>("set_str"),
    entry<std::map<std::string, int64_t>>("dict_str_int"),
    entry<std::unordered_map<int64_t, std::string>>("dict_int_str"),
    entry<std::map<std::tuple<int32_t, std::string>, std::vector<bool>>>("dict_tuple_list"),
    entry<std::map<Color, std::map<Level, double>>>("dict_color_dict"),
    entry<std::map<Uuid, std::optional<Date>>>("dict_uuid_date"),
    entry<std::optional<int32_t>>("optional_int32"),
    entry<std::optional<DateTime>>("optional_datetime"),
    entry<std::variant<double, std::string>>("float_or_str"),
    entry<std::variant<Level, double, bool>>("level_or_float_or_bool"),
    entry<std::variant<Decimal, int64_t, std::monostate>>("decimal_or_int_or_none"),
    entry<std::variant<Uuid, Point, std::vector<int64_t>>>("uuid_or_point_or_list"),
    entry<std::variant<int64_t, DateTime>>("int_or_datetime"),
    entry<Mixed>("mixed"),
    entry<Point>("point"),
    entry<Item>("item"),
    entry<Node>("node"),
    entry<std::vector<Item>>("list_item"),
    entry<Everything>("everything"),
};

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

void print_hex(const char* verdict, std::string_view bytes) {
  std::printf("%s ", verdict);
  for (const char c : bytes) {
    std::printf("%02x", static_cast<unsigned char>(c));
  }
  std::printf("\n");
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const size_t blank = line.find(' ');
    const std::string name = line.substr(0, blank);
    const Type* type = nullptr;
    for (const Type& known : kTypes) {
      type = name == known.name ? &known : type;
    }
    if (type == nullptr) {
      std::fprintf(stderr, "unknown type %s\n", name.c_str());
      return 2;
    }
    if (blank == std::string::npos) {
      print_hex("ok", type->spelling());
      continue;
    }
    std::string out;
    const bool ok = type->judge(from_hex(std::string_view(line).substr(blank + 1)), out);
    print_hex(ok ? "ok" : "error", out);
  }
  return 0;
}
