// Stands in for libFuzzer where there is no clang: gives a fuzz target every file of the corpus
// once, so that what was found stays tested in every build.
// Usage: <target>_replay FILE-OR-DIRECTORY...

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_check.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(int count, char** names) {
  std::vector<fs::path> files;
  for (int i = 0; i < count; ++i) {
    if (fs::is_directory(names[i])) {
      for (const auto& entry : fs::recursive_directory_iterator(names[i])) {
        if (entry.is_regular_file()) {
          files.push_back(entry.path());
        }
      }
    } else {
      files.emplace_back(names[i]);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool replay(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return false;
  }
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  // A block of exactly that size, so that the address sanitizer sees a read past the end.
  const auto block = std::make_unique<uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), block.get());
  LLVMFuzzerTestOneInput(block.get(), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<fs::path> files = files_of(argc - 1, argv + 1);
  for (const fs::path& file : files) {
    if (!replay(file)) {
      std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
      return 1;
    }
  }
  std::printf("%zu inputs replayed\n", files.size());
  if (files.empty()) {
    std::fprintf(stderr, "no inputs: give files or directories of the corpus\n");
  }
  return files.empty() ? 2 : 0;
}
