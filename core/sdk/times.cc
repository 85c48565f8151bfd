// Dates and times as text and as timestamps, with the limits of msgspec and Python's datetime.
#include "core/base/append_format.h"
#include "core/base/ascii.h"
#include "core/sdk/values.h"
#include "core/wire/big_endian.h"

namespace zerogate {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr microseconds kDay = days(1);
constexpr int64_t kMicrosPerSecond = 1'000'000;
// 0001-01-01T00:00:00 and 9999-12-31T23:59:59, in seconds since 1970.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

/// Takes text off the front, piece by piece.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  bool take_one_of(std::string_view chars) {
    if (rest_.empty() || chars.find(rest_.front()) == std::string_view::npos) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  bool take_number(size_t digits, int& value) {
    if (rest_.size() < digits) {
      return false;
    }
    value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest_[i])) {
        return false;
      }
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }
  /// Digits behind the point, rounded to microseconds: 1,000,000 of them are possible.
  bool take_fraction(int64_t& micros) {
    size_t digits = 0;
    micros = 0;
    bool up = false;
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), ++digits) {
      if (digits < 6) {
        micros = micros * 10 + (rest_.front() - '0');
      } else if (digits == 6) {
        up = rest_.front() >= '5';
      }
    }
    for (size_t i = digits; i < 6; ++i) {
      micros *= 10;
    }
    micros += up ? 1 : 0;
    return digits > 0;
  }

 private:
  std::string_view rest_;
};

bool take_date(TextReader& text, std::chrono::year_month_day& day) {
  int year = 0, month = 0, of_month = 0;
  if (!text.take_number(4, year) || !text.take('-') || !text.take_number(2, month) ||
      !text.take('-') || !text.take_number(2, of_month) || year == 0) {
    return false;
  }
  day = {std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
         std::chrono::day(static_cast<unsigned>(of_month))};
  return day.ok();
}

/// Time and offset. `time` may be a whole day: 23:59:59.9999999 is rounded up.
bool take_time(TextReader& text, microseconds& time, std::optional<minutes>& offset) {
  int hour = 0, minute = 0, second = 0;
  if (!text.take_number(2, hour) || !text.take(':') || !text.take_number(2, minute) ||
      !text.take(':') || !text.take_number(2, second) || hour > 23 || minute > 59 || second > 59) {
    return false;
  }
  int64_t micros = 0;
  if (text.take('.') && !text.take_fraction(micros)) {
    return false;
  }
  time = hours(hour) + minutes(minute) + seconds(second) + microseconds(micros);
  offset.reset();
  if (text.take_one_of("Zz")) {
    offset = minutes(0);
    return true;
  }
  const bool west = text.take('-');
  if (!west && !text.take('+')) {
    return true;
  }
  if (!text.take_number(2, hour)) {
    return false;
  }
  text.take(':');
  if (!text.take_number(2, minute) || hour > 23 || minute > 59) {
    return false;
  }
  offset = (west ? -1 : 1) * (hours(hour) + minutes(minute));
  return true;
}

void write_date(std::string& out, std::chrono::year_month_day day) {
  append_format(out, "{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

void write_time(std::string& out, microseconds time, std::optional<minutes> offset) {
  const int64_t second = time.count() / kMicrosPerSecond;
  append_format(out, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
  if (const int64_t micros = time.count() % kMicrosPerSecond; micros != 0) {
    append_format(out, ".{:06}", micros);
  }
  if (!offset) {
    return;
  }
  if (offset->count() == 0) {
    out += 'Z';
    return;
  }
  const int64_t distance = offset->count() < 0 ? -offset->count() : offset->count();
  append_format(out, "{}{:02}:{:02}", offset->count() < 0 ? '-' : '+', distance / 60,
                distance % 60);
}

bool in_range(int64_t second) { return second >= kFirstSecond && second <= kLastSecond; }

}  // namespace

bool Date::parse(std::string_view text, Date& out) {
  TextReader reader(text);
  return take_date(reader, out.day) && reader.at_end();
}

void Date::write_to(std::string& out) const { write_date(out, day); }

bool TimeOfDay::parse(std::string_view text, TimeOfDay& out) {
  TextReader reader(text);
  if (!take_time(reader, out.since_midnight, out.offset) || !reader.at_end()) {
    return false;
  }
  out.since_midnight %= kDay;
  return true;
}

void TimeOfDay::write_to(std::string& out) const { write_time(out, since_midnight, offset); }

DateTime DateTime::utc(SystemTime time) {
  DateTime result;
  result.local = std::chrono::local_time<microseconds>(time.time_since_epoch());
  result.offset = minutes(0);
  return result;
}

DateTime::SystemTime DateTime::system_time() const {
  return SystemTime(local.time_since_epoch() - offset.value_or(minutes(0)));
}

DateTime::Timestamp DateTime::timestamp() const {
  const microseconds since_epoch = system_time().time_since_epoch();
  const seconds whole = std::chrono::floor<seconds>(since_epoch);
  return {whole.count(), static_cast<uint32_t>((since_epoch - whole).count() * 1000)};
}

const char* DateTime::from_timestamp(std::string_view body, DateTime& out) {
  int64_t second = 0;
  uint64_t nanos = 0;
  if (body.size() == 4) {
    second = wire::load_be32(body.data());
  } else if (body.size() == 8) {
    const uint64_t both = wire::load_be64(body.data());
    nanos = both >> 34;
    second = static_cast<int64_t>(both & 0x3'ffff'ffff);
  } else if (body.size() == 12) {
    nanos = wire::load_be32(body.data());
    second = static_cast<int64_t>(wire::load_be64(body.data() + 4));
  } else {
    return "Invalid MessagePack timestamp";
  }
  if (nanos > 999'999'999) {
    return "Invalid MessagePack timestamp: nanoseconds out of range";
  }
  const uint64_t micros = (nanos + 500) / 1000;
  if (!in_range(second) || (second == kLastSecond && micros == kMicrosPerSecond)) {
    return "Timestamp is out of range ";  // with msgspec's blank
  }
  out = utc(SystemTime(seconds(second) + microseconds(micros)));
  return nullptr;
}

bool DateTime::parse(std::string_view text, DateTime& out) {
  TextReader reader(text);
  std::chrono::year_month_day day;
  microseconds time{0};
  if (!take_date(reader, day) || !reader.take_one_of("Tt ") ||
      !take_time(reader, time, out.offset) || !reader.at_end()) {
    return false;
  }
  out.local = std::chrono::local_time<microseconds>(local_days(day).time_since_epoch() + time);
  // Python's aware ones have to be of the years 1 to 9999 in UTC, too.
  const auto second = [](auto at) {
    return std::chrono::floor<seconds>(at.time_since_epoch()).count();
  };
  return in_range(second(out.local)) && in_range(second(out.system_time()));
}

void DateTime::write_to(std::string& out) const {
  const auto day = std::chrono::floor<days>(local);
  write_date(out, std::chrono::year_month_day(day));
  out += 'T';
  write_time(out, local - day, offset);
}

}  // namespace zerogate
