// How two configurations differ, for people. Pure function, any thread.
#pragma once

#include <string>
#include <string_view>

namespace zerogate {

/// The lines of two texts in to_yaml()'s form that differ, "- " of `running` and "+ " of `written`,
/// below the keys that they belong to; empty when there is no difference. Without what a terminal
/// would obey.
std::string diff_yaml(std::string_view running, std::string_view written);

}  // namespace zerogate
