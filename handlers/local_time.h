// The local time as text, as Python's datetime.now().isoformat() writes it.
#pragma once

#include <array>
#include <cstddef>
#include <ctime>
#include <string_view>

namespace zerogate {

/// Writes "2024-05-06T07:08:09.012345": local time, no zone, always six digits of microseconds.
/// (Python leaves ".000000" out when it is zero, and its fromisoformat() reads both; one length for
/// all is kinder to other readers.) The calendar part is computed once per second, because
/// localtime_r takes a lock and costs about as much as the rest of an order. One thread at a time.
class LocalTime {
 public:
  static constexpr size_t kTextBytes = 26;
  /// clock_gettime(2).
  using Clock = int (*)(clockid_t, timespec*);

  constexpr explicit LocalTime(Clock clock = &clock_gettime) : clock_(clock) {}

  /// Now. Valid until the next call.
  std::string_view now();

 private:
  void write_second(time_t second);

  Clock clock_;
  bool written_ = false;
  time_t second_ = 0;
  std::array<char, kTextBytes> text_{};
};

}  // namespace zerogate
