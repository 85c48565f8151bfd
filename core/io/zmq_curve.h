// libzmq's functions for CURVE keys.
#pragma once

#include <string>

#include "core/base/bytes.h"
#include "core/io/zmq_socket.h"
#include "core/security/curve_certificate.h"

namespace zerogate {

/// A new pair of keys. Empty ones when libzmq was built without CURVE.
CurveCertificate make_curve_pair();

/// The public key that belongs to a secret one; empty when there is none.
std::string curve_public_key(const std::string& secret_key);

/// The text of a key's 32 bytes; empty for another number of them.
std::string curve_text(ByteView bytes);

/// Before it is bound: peers must speak CURVE to this secret key. False: libzmq refuses.
bool serve_curve(const ZmqSocket& socket, const std::string& secret_key);

/// Before it is connected: it speaks CURVE, with its own secret key, to a server with this public
/// one. False: libzmq refuses.
bool speak_curve(const ZmqSocket& socket, const std::string& server_key,
                 const std::string& secret_key);

}  // namespace zerogate
