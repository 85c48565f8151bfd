#include "core/base/units.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "core/base/quote.h"

namespace zerogate {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// From the largest on, as show_ looks for the largest that fits.
constexpr Unit kSizes[] = {{"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}, {"", 1}};
constexpr Unit kDurations[] = {{"h", kHourMs}, {"m", kMinuteMs}, {"s", kSecondMs}, {"ms", 1}};

std::optional<uint64_t> parse(std::string_view text, std::span<const Unit> units, uint64_t max) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (text != unit.name) {
      continue;
    }
    if (number > max / unit.factor) {
      return std::nullopt;
    }
    return number * unit.factor;
  }
  return std::nullopt;
}

std::string show(uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && value >= unit.factor) {
      return fmt::format("{}{}", value / unit.factor, unit.name);
    }
  }
  return fmt::format("0{}", units.back().name);
}

}  // namespace

Result<uint64_t> parse_count(std::string_view text) {
  constexpr Unit kNone[] = {{"", 1}};
  const auto count = parse(text, kNone, std::numeric_limits<uint64_t>::max());
  if (!count) {
    return Error{fmt::format("{} is not a whole number; write digits", quote(text))};
  }
  return *count;
}

Result<uint32_t> parse_count(std::string_view text, uint32_t min, uint32_t max) {
  const auto number = parse_count(text);
  const std::string range = fmt::format("{} to {}", min, max);
  if (!number) {
    return Error{fmt::format("{} is not a whole number; write {}", quote(text), range)};
  }
  if (number.value() < min || number.value() > max) {
    return out_of_range(text, range);
  }
  return static_cast<uint32_t>(number.value());
}

Result<uint64_t> parse_size(std::string_view text) {
  const auto bytes = parse(text, kSizes, std::numeric_limits<uint64_t>::max());
  if (bytes) {
    return *bytes;
  }
  return Error{
      fmt::format("{} is not a size; write bytes or a unit, as in 64KiB or 16MiB", quote(text))};
}

std::string show_size(uint64_t bytes) { return show(bytes, kSizes); }

Result<uint32_t> parse_duration_ms(std::string_view text) {
  const auto ms = parse(text, kDurations, std::numeric_limits<uint32_t>::max());
  if (ms) {
    return static_cast<uint32_t>(*ms);
  }
  return Error{
      fmt::format("{} is not a duration; write a whole number with its unit, as in 250ms, 5s or 1m",
                  quote(text))};
}

Result<uint32_t> parse_timeout_ms(std::string_view text) {
  auto ms = parse_duration_ms(text);
  if (ms && (ms.value() < 1 || ms.value() > kHourMs)) {
    return out_of_range(text, "1ms to 1h");
  }
  return ms;
}

std::string show_duration_ms(uint32_t ms) { return show(ms, kDurations); }

Error out_of_range(std::string_view text, std::string_view range) {
  return Error{fmt::format("{} is out of range; write {}", quote(text), range)};
}

}  // namespace zerogate
