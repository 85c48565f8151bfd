// By itself, so that only a program that makes keys has libzmq's generator of random numbers in it.
#include <array>

#include "core/io/zmq_curve.h"

namespace zerogate {

CurveCertificate make_curve_pair() {
  std::array<char, CurveCertificate::kKeyChars + 1> public_key{};
  std::array<char, CurveCertificate::kKeyChars + 1> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return {};
  }
  return {public_key.data(), secret_key.data()};
}

}  // namespace zerogate
