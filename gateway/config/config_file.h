// The configuration file: YAML in, values and error lines out. Used by load_config, and to
// read back what a gateway shows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/security/file_text.h"
#include "gateway/config/config_builder.h"

namespace zerogate {

/// A longer file is surely not the one that was meant.
inline constexpr size_t kMaxConfigBytes = 1 << 20;

/// Reads the file and applies its values. `name` is a path, shown in error lines as it is.
void read_config_file(const std::string& name, FileRules::Kind kind, ConfigBuilder& builder);

/// Applies the values of a file's text.
void read_config_text(const std::string& name, const std::string& text, ConfigBuilder& builder);

/// Applies a text that is the value of one key at the top of a file, as a variable has it.
void read_config_value(const std::string& name, std::string_view key, const std::string& text,
                       ConfigBuilder& builder);

}  // namespace zerogate
