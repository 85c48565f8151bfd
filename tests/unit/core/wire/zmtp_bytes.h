// ZMTP's bytes, written by hand: what a peer sends.
#pragma once

#include <cstdint>
#include <string>

#include "core/wire/zmtp.h"

namespace zerogate::testing {

struct ZmtpBytes {
  static std::string frame(const std::string& body, int flags = 0) {
    std::string bytes(1, static_cast<char>(flags | (body.size() > 255 ? 2 : 0)));
    for (int shift = body.size() > 255 ? 56 : 0; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(static_cast<uint64_t>(body.size()) >> shift);
    }
    return bytes + body;
  }
  static std::string head(uint64_t size, int flags = 0) {
    return frame(std::string(256, '\0'), flags).substr(0, 1) + big_endian(size);
  }
  static std::string more(const std::string& body) { return frame(body, 1); }
  static std::string command(const std::string& name, const std::string& data) {
    return frame(static_cast<char>(name.size()) + name + data, 4);
  }
  static std::string greeting(const std::string& mechanism = "NULL") {
    std::string bytes = "\xff" + std::string(7, '\0') + "\x01\x7f\x03\x01" + mechanism;
    bytes.resize(wire::zmtp::kGreetingBytes);
    return bytes;
  }
  static std::string ready(const std::string& type, const std::string& identity = {}) {
    return command("READY", property("Socket-Type", type) + property("Identity", identity));
  }
  static std::string ping(const std::string& context = {}) {
    return command("PING", std::string(1, '\0') + "\x64" + context);
  }
  static std::string pong(const std::string& context = {}) { return command("PONG", context); }

 private:
  static std::string big_endian(uint64_t number) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(number >> shift);
    }
    return bytes;
  }
  static std::string property(const std::string& name, const std::string& value) {
    return static_cast<char>(name.size()) + name + std::string(3, '\0') +
           static_cast<char>(value.size()) + value;
  }
};

}  // namespace zerogate::testing
