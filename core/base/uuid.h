// Random UUIDs as text.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace zerogate {

/// Makes UUIDs of version 4 (RFC 4122). One thread at a time. Reads the kernel's random bytes 4 KiB
/// at a time, one system call for 256 ids, and never uses one twice. A process that forks must not
/// use one source on both sides: both would make the same ids.
class UuidSource {
 public:
  static constexpr size_t kTextBytes = 36;

  /// Writes the next id: kTextBytes lower-case ASCII characters, 8-4-4-4-12.
  void write_next(char* to);
  std::string next() {
    std::string id(kTextBytes, ' ');
    write_next(id.data());
    return id;
  }

 private:
  static constexpr size_t kIdBytes = 16;
  static constexpr size_t kPoolBytes = 4096;
  static_assert(kPoolBytes % kIdBytes == 0);

  void refill();

  std::array<unsigned char, kPoolBytes> pool_{};
  size_t left_ = 0;  ///< bytes of the pool that are unused
};

}  // namespace zerogate
