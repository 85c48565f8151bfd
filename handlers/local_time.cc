#include "handlers/local_time.h"

#include <cstdint>
#include <cstring>

#include "core/base/digits.h"

namespace zerogate {
namespace {

void write_two(char* out, uint32_t number) {
  std::memcpy(out, kDigitPairs.data() + size_t{2} * number, 2);
}

void write_digits(char* out, int digits, long value) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) {
    out[i] = static_cast<char>('0' + value % 10);
  }
}

}  // namespace

void LocalTime::write_second(time_t second) {
  tm local{};
  localtime_r(&second, &local);
  char* text = text_.data();
  write_digits(text, 4, local.tm_year + 1900);
  text[4] = '-';
  write_digits(text + 5, 2, local.tm_mon + 1);
  text[7] = '-';
  write_digits(text + 8, 2, local.tm_mday);
  text[10] = 'T';
  write_digits(text + 11, 2, local.tm_hour);
  text[13] = ':';
  write_digits(text + 14, 2, local.tm_min);
  text[16] = ':';
  write_digits(text + 17, 2, local.tm_sec);
  text[19] = '.';
  second_ = second;
  written_ = true;
}

std::string_view LocalTime::now() {
  timespec time;
  clock_(CLOCK_REALTIME, &time);
  if (!written_ || time.tv_sec != second_) {
    write_second(time.tv_sec);
  }
  const auto micros = static_cast<uint32_t>(time.tv_nsec / 1000);
  write_two(text_.data() + 20, micros / 10'000);
  write_two(text_.data() + 22, micros / 100 % 100);
  write_two(text_.data() + 24, micros % 100);
  return {text_.data(), text_.size()};
}

}  // namespace zerogate
