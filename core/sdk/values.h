// Values of Python that C++ has no type for. Plain values, copied and compared; any thread.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zerogate {

/// Python's bytes. A std::string is a str.
struct Bytes {
  std::string data;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

/// Any value, as the bytes of exactly one MessagePack value.
struct Raw {
  std::string msgpack = "\xc0";
  friend auto operator<=>(const Raw&, const Raw&) = default;
};

/// A value that was checked to be a T and is kept as its MessagePack: for what a function hands on
/// without looking at it. Costs one copy of the bytes, whatever T is.
template <class T>
struct Encoded {
  std::string msgpack;
};

/// The same as a view: of the message, or in a coroutine of a copy that lives as long as the call.
/// As a function's result it may view what is left when the function has returned.
template <class T>
struct EncodedView {
  std::string_view msgpack;
};

/// A day of the years 1 to 9999. In messages RFC 3339 text: "2026-01-31".
struct Date {
  std::chrono::year_month_day day{std::chrono::year{1970}, std::chrono::January,
                                  std::chrono::day{1}};
  friend auto operator<=>(const Date&, const Date&) = default;

  static constexpr const char* kName = "datetime.date";
  static constexpr const char* kInvalid = "Invalid RFC3339 encoded date";
  static bool parse(std::string_view text, Date& out);
  void write_to(std::string& out) const;
};

/// A time of the day, below 24 hours; with an offset from UTC or, as most, without.
/// In messages RFC 3339 text: "23:59:59.000001+01:00".
struct TimeOfDay {
  std::chrono::microseconds since_midnight{0};
  std::optional<std::chrono::minutes> offset;
  friend auto operator<=>(const TimeOfDay&, const TimeOfDay&) = default;

  static constexpr const char* kName = "datetime.time";
  static constexpr const char* kInvalid = "Invalid RFC3339 encoded time";
  static bool parse(std::string_view text, TimeOfDay& out);
  void write_to(std::string& out) const;
};

/// Date and time, of the years 1 to 9999. With an offset from UTC it is a point of time, Python's
/// aware datetime, and is sent as MessagePack's timestamp; the receiver sees it in UTC. Without one
/// it is sent as text.
struct DateTime {
  std::chrono::local_time<std::chrono::microseconds> local{};  ///< as a clock on the wall shows it
  std::optional<std::chrono::minutes> offset;                  ///< of `local` from UTC
  friend auto operator<=>(const DateTime&, const DateTime&) = default;

  using SystemTime = std::chrono::sys_time<std::chrono::microseconds>;
  /// An aware one, in UTC.
  static DateTime utc(SystemTime time);
  /// The point of time; without an offset, as if it were in UTC.
  SystemTime system_time() const;

  struct Timestamp {
    int64_t seconds;
    uint32_t nanoseconds;
  };
  Timestamp timestamp() const;
  /// Reads the body of a MessagePack timestamp. Null, or what is wrong with it.
  static const char* from_timestamp(std::string_view body, DateTime& out);

  static constexpr const char* kName = "datetime.datetime";
  static constexpr const char* kInvalid = "Invalid RFC3339 encoded datetime";
  static bool parse(std::string_view text, DateTime& out);
  void write_to(std::string& out) const;  ///< RFC 3339
};

/// In messages its text, 8-4-4-4-12 lower-case hexadecimal digits; 32 digits or 16 bytes are read,
/// too.
struct Uuid {
  std::array<unsigned char, 16> bytes{};
  // NOLINTNEXTLINE(modernize-use-nullptr): the library's <=> compares with 0
  friend auto operator<=>(const Uuid&, const Uuid&) = default;

  static constexpr const char* kName = "uuid.UUID";
  static constexpr const char* kInvalid = "Invalid UUID";
  static bool parse(std::string_view text, Uuid& out);
  static bool from_bytes(std::string_view bytes, Uuid& out);
  void write_to(std::string& out) const;
};

/// A number of decimal digits, as the text that Python's Decimal has for it: "1.50", "1E+2", "NaN".
/// It does not calculate. Comparison is of the text: 1.5 and 1.50 differ.
class Decimal {
 public:
  Decimal() = default;
  explicit Decimal(int64_t value) : text_(std::to_string(value)) {}
  explicit Decimal(uint64_t value) : text_(std::to_string(value)) {}
  /// The shortest number that is this float, as Python's Decimal(str(value)).
  explicit Decimal(double value);

  const std::string& text() const { return text_; }
  friend auto operator<=>(const Decimal&, const Decimal&) = default;

  static constexpr const char* kName = "decimal.Decimal";
  static constexpr const char* kInvalid = "Invalid decimal string";
  /// What Python's Decimal takes, with ASCII digits and white space alone.
  static bool parse(std::string_view text, Decimal& out);
  void write_to(std::string& out) const { out += text_; }

 private:
  std::string text_ = "0";
};

}  // namespace zerogate
