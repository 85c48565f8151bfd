// Sizes and durations as people write them in the configuration. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace zerogate {

inline constexpr uint64_t kKiB = 1 << 10;
inline constexpr uint64_t kMiB = 1 << 20;
inline constexpr uint64_t kGiB = 1 << 30;
inline constexpr uint32_t kSecondMs = 1'000;
inline constexpr uint32_t kMinuteMs = 60 * kSecondMs;
inline constexpr uint32_t kHourMs = 60 * kMinuteMs;

/// Digits only: no sign, no blank.
Result<uint64_t> parse_count(std::string_view text);
/// The same, from `min` to `max`.
Result<uint32_t> parse_count(std::string_view text, uint32_t min, uint32_t max);

/// Bytes: a number, or one with the unit KiB, MiB or GiB.
Result<uint64_t> parse_size(std::string_view text);
/// The shortest form that parse_size reads back as the same number.
std::string show_size(uint64_t bytes);

/// Milliseconds: a whole number with the unit ms, s, m or h. A number without a unit is refused,
/// because its unit would be a guess.
Result<uint32_t> parse_duration_ms(std::string_view text);
/// The same, from 1ms to 1h: every deadline and interval of the configuration.
Result<uint32_t> parse_timeout_ms(std::string_view text);
/// The shortest form that parse_duration_ms reads back as the same duration.
std::string show_duration_ms(uint32_t ms);

/// The error for a value beyond its limits; `range` says which values are allowed.
Error out_of_range(std::string_view text, std::string_view range);

}  // namespace zerogate
