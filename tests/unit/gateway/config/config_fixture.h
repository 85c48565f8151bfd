// Loads configurations in tests: a file's text, variables and flags in, the Config or its error
// lines out. One thread.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "gateway/config/load_config.h"

namespace zerogate {

using Variables = Environment::Variables;

/// A directory of its own for a test, taken away afterwards.
class Directory {
 public:
  Directory() {
    std::string name = ::testing::TempDir() + "zerogate_config_XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Loads `text` as the file zerogate.yaml, which is how error lines name it.
class ConfigTest : public ::testing::Test {
 protected:
  std::variant<Config, ConfigErrors> load(const std::string& text, const Variables& variables = {},
                                          const Overrides& flags = {}) {
    const std::string file = directory_ / "zerogate.yaml";
    std::ofstream(file, std::ios::binary) << text;
    return load_file(file, variables, flags);
  }

  static std::variant<Config, ConfigErrors> load_file(const std::string& file,
                                                      const Variables& variables = {},
                                                      const Overrides& flags = {}) {
    return load_config(file, Environment(variables), flags);
  }

  Config good(const std::string& text, const Variables& variables = {},
              const Overrides& flags = {}) {
    auto loaded = load(text, variables, flags);
    if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
      ADD_FAILURE() << ::testing::PrintToString(errors->lines);
      return {};
    }
    return std::get<Config>(loaded);
  }

  std::vector<std::string> errors(const std::string& text, const Variables& variables = {},
                                  const Overrides& flags = {}) {
    return shortened(load(text, variables, flags));
  }

  /// A file that ships with the program.
  static std::string deploy_file(const std::string& name) {
    return std::filesystem::path("deploy") / name;  // tests run at the top of the project
  }

  std::vector<std::string> shortened(const std::variant<Config, ConfigErrors>& loaded) {
    const auto* errors = std::get_if<ConfigErrors>(&loaded);
    if (errors == nullptr) {
      return {};
    }
    std::vector<std::string> lines = errors->lines;
    const std::string prefix = directory_ / "";
    for (std::string& line : lines) {
      if (line.starts_with(prefix)) {
        line.erase(0, prefix.size());
      }
      EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    }
    return lines;
  }

  Directory directory_;
};

/// A text with one mistake, and the line that must come of it.
struct Broken {
  std::string text;
  std::string line;
};

}  // namespace zerogate
