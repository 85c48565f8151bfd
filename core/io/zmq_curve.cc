#include "core/io/zmq_curve.h"

#include <array>
#include <cstdint>

namespace zerogate {
namespace {

constexpr size_t kTextBytes = CurveCertificate::kKeyChars + 1;  // with the zero at its end
constexpr size_t kKeyBytes = 32;

// libzmq reads so many bytes, however many there are.
bool set_key(const ZmqSocket& socket, int option, const std::string& key) {
  return key.size() == CurveCertificate::kKeyChars &&
         zmq_setsockopt(socket.get(), option, key.c_str(), kTextBytes) == 0;
}

}  // namespace

std::string curve_public_key(const std::string& secret_key) {
  std::array<char, kTextBytes> public_key{};
  return zmq_curve_public(public_key.data(), secret_key.c_str()) == 0 ? public_key.data() : "";
}

std::string curve_text(ByteView bytes) {
  std::array<char, kTextBytes> text{};
  if (bytes.size() != kKeyBytes) {
    return "";
  }
  zmq_z85_encode(text.data(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return text.data();
}

bool serve_curve(const ZmqSocket& socket, const std::string& secret_key) {
  const int on = 1;
  return zmq_setsockopt(socket.get(), ZMQ_CURVE_SERVER, &on, sizeof on) == 0 &&
         set_key(socket, ZMQ_CURVE_SECRETKEY, secret_key);
}

bool speak_curve(const ZmqSocket& socket, const std::string& server_key,
                 const std::string& secret_key) {
  return set_key(socket, ZMQ_CURVE_SERVERKEY, server_key) &&
         set_key(socket, ZMQ_CURVE_PUBLICKEY, curve_public_key(secret_key)) &&
         set_key(socket, ZMQ_CURVE_SECRETKEY, secret_key);
}

}  // namespace zerogate
