// Types that use all of core/sdk's, for its tests. tests/interop/test_sdk_msgspec.py has the same
// ones in Python.
#pragma once

#include "core/sdk/decode.h"
#include "core/sdk/encode.h"
#include "core/sdk/type_name.h"

namespace everything {

using namespace zerogate;

enum class Color { red, green, blue };
ZEROGATE_STR_ENUM(Color, red, green, blue)

enum class Level : int64_t { low = -300, middle = 1, high = 70'000 };
ZEROGATE_INT_ENUM(Level, low, middle, high)

struct Point {
  int32_t x;
  double y;
  ZEROGATE_FIELDS(x, y)
};

struct Item {
  std::string name;
  Decimal price;
  std::vector<std::string> tags;
  std::optional<Color> color;
  uint8_t count = 1;
  ZEROGATE_FIELDS(name, price)
  ZEROGATE_DEFAULTS(tags, color, count)
};

struct Node {
  int64_t value;
  std::vector<Node> children;
  ZEROGATE_FIELDS(value)
  ZEROGATE_DEFAULTS(children)
};

using Mixed = std::variant<std::monostate, int64_t, double, std::string, std::vector<Item>,
                           std::map<std::string, Point>>;

struct Everything {
  bool flag;
  int8_t tiny;
  uint16_t small;
  int64_t wide;
  uint64_t huge;
  double real;
  std::string text;
  Bytes bytes;
  std::vector<int32_t> list;
  std::array<int32_t, 3> three;
  std::tuple<int64_t, std::string, bool> tuple;
  std::map<std::string, std::vector<Item>> by_name;
  std::map<int64_t, Point> by_number;
  Color color;
  Level level;
  DateTime moment;
  Date day;
  TimeOfDay time;
  Uuid id;
  Decimal amount;
  std::optional<Point> point;
  Mixed mixed;
  std::optional<Node> tree;
  std::vector<Mixed> list_with_default;
  ZEROGATE_FIELDS(flag, tiny, small, wide, huge, real, text, bytes, list, three, tuple, by_name,
                  by_number, color, level, moment, day, time, id, amount, point, mixed)
  ZEROGATE_DEFAULTS(tree, list_with_default)
};

}  // namespace everything
