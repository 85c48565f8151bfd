// A folder with the files of a CA and of certificates, gone with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/core/security/authority.h"

namespace zerogate {

class TlsFolder {
 public:
  TlsFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "zerogate-tls-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      std::abort();
    }
    path_ = name;
    write("ca.crt", authority.pem());
  }
  ~TlsFolder() { std::filesystem::remove_all(path_); }
  TlsFolder(const TlsFolder&) = delete;
  TlsFolder& operator=(const TlsFolder&) = delete;

  std::string path(const std::string& file) const { return path_ + "/" + file; }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(path(file)) << text;
    std::filesystem::permissions(
        path(file), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  /// tls.crt and tls.key, a pair of the CA.
  void write_pair(const Authority::Wish& wish = {}) const {
    const Authority::Pair pair = authority.issue(wish);
    write("tls.crt", pair.certificate);
    write("tls.key", pair.key);
  }

  const Authority authority;

 private:
  std::string path_;
};

}  // namespace zerogate
