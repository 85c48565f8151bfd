// `backends` and `routes` of a configuration file: YAML nodes in, entries and error lines out. Used
// by the reader of files alone.
#pragma once

#include <yaml-cpp/yaml.h>

#include "gateway/config/yaml_reader.h"

namespace zerogate {

/// Read the value of the key that stands at `mark`. What was there before, of a file under a
/// variable, goes.
void read_backends(const YamlReader& reader, const YAML::Node& node, const YAML::Mark& mark);
void read_routes(const YamlReader& reader, const YAML::Node& node, const YAML::Mark& mark);

}  // namespace zerogate
