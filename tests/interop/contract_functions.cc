// A gateway whose functions are of every type that core/sdk knows, for
// tests/interop/test_contracts.py.
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "deploy/sdk/zerogate.h"
#include "tests/unit/core/sdk/everything.h"

namespace {

using namespace zerogate;

enum class Size { small, from, name };
ZEROGATE_STR_ENUM(Size, small, from, name)

/// All members may be left out.
struct Parcel {
  bool flag = true;
  double ratio = 2;
  std::string text = "a \"b\"\\\n\u00e9";
  Bytes bytes{"\x01z"};
  std::vector<int32_t> list{1, 2};
  std::unordered_map<std::string, int32_t> dict;
  std::optional<everything::Color> color = everything::Color::green;
  std::optional<int32_t> absent;
  everything::Level level = everything::Level::low;
  Decimal price{int64_t{5}};
  DateTime sent = DateTime::utc(DateTime::SystemTime(std::chrono::hours(24)));
  DateTime packed;
  Date date;
  TimeOfDay time;
  Uuid id;
  everything::Point point{1, 0.5};
  std::vector<everything::Point> path{{2, 0.25}};
  std::pair<int32_t, std::string> pair{7, "seven"};
  std::set<int32_t> set{3, 4};
  std::variant<std::monostate, int32_t, std::string> either = "or";
  ZEROGATE_DEFAULTS(flag, ratio, text, bytes, list, dict, color, absent, level, price, sent, packed,
                    date, time, id, point, path, pair, set, either)
};

/// Names that Python keeps for itself.
struct Route {
  std::string from;
  Size size;
  std::vector<std::string> in;
  ZEROGATE_FIELDS(from, size)
  ZEROGATE_DEFAULTS(in)
};

struct Right;
struct Left {
  std::vector<Right> others;
  ZEROGATE_FIELDS(others)
};
struct Right {
  std::optional<std::vector<Left>> left;
  ZEROGATE_FIELDS(left)
};

/// The backend of the tests has another class of this name.
struct Sum {
  std::string of;
  ZEROGATE_FIELDS(of)
};

using Moments = std::tuple<DateTime, Date, TimeOfDay, Uuid, Decimal>;

template <class T>
T same(T value) {
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  Functions functions;
  functions.add("everything", "Says \"it\" again: \"\"\"C:\\new\"\"\"\nIn two lines \"",
                &same<everything::Everything>);
  functions.add("parcel", "", &same<Parcel>);
  functions.add("route", "Has names of Python's.", &same<Route>);
  functions.add("left", "", &same<Left>);
  functions.add("sum", "", &same<Sum>);
  functions.add("moments", "", &same<Moments>);
  functions.add("list", "", [] { return std::vector<int32_t>{1, 2, 3}; });
  functions.add("int", "", [](std::vector<int32_t> of) { return static_cast<int32_t>(of.size()); });
  functions.add("import", "", [](std::optional<bool> flag) { return flag; });
  functions.add("nothing", "", [](std::string) {});
  functions.add("either", "", &same<std::variant<std::monostate, int32_t, std::string>>);
  functions.add("any", "", &same<Raw>);
  functions.add("numbers", "", &same<std::set<int32_t>>);
  functions.add("hello_world", "", [] { return std::string("hello from here"); });
  return zerogate::main(argc, argv, functions);
}
