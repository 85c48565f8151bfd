// TlsSession's bytes of the peer. The first byte of the input chooses: the rest is a client's first
// bytes, or follows a good handshake, or is what a good client sends, which then arrives in pieces
// and is read with little room. The second byte is the size of the pieces.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/security/tls_session.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/core/security/authority.h"

using namespace zerogate;
using fuzz::check;
using State = TlsSession::Status;

namespace {

struct Peers {
  Peers() {
    const Authority authority;
    listener = make_context(TlsSide::listener, authority.material({}));
    backend = make_context(TlsSide::backend, authority.material({}));
  }
  std::shared_ptr<const TlsContext> listener;
  std::shared_ptr<const TlsContext> backend;
};

/// Feeds `bytes` in pieces, and reads what comes of them, `room` bytes at a time.
std::string read_in_pieces(TlsSession& session, ByteView bytes, size_t piece, size_t room) {
  std::string plain;
  std::string block(room, '\0');
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    session.feed(bytes.substr(0, piece));
    for (;;) {
      const TlsSession::Read read = session.read(block.data(), block.size());
      plain.append(block, 0, read.size);
      if (read.status != State::ok) {
        break;
      }
    }
    if (!session.unread().empty()) {
      break;  // it has failed, or ended
    }
  }
  return plain;
}

void shake_hands(TlsSession& client, TlsSession& server) {
  for (int i = 0; i < 4 && !(client.open() && server.open()); ++i) {
    for (const auto& [to, from] : {std::pair(&client, &server), std::pair(&server, &client)}) {
      const OutBuffer bytes = std::exchange(from->sealed(), {});
      to->feed(bytes.view());
      if (!to->open()) {
        to->shake_hands();
      }
    }
  }
  check(client.open() && server.open(), "a good handshake is done");
}

void check_first_bytes(TlsSession& server, ByteView bytes, size_t piece) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    server.feed(bytes.substr(0, piece));
    const State status = server.shake_hands();
    check(status != State::ok, "without a certificate's key there is no handshake");
    if (status == State::failed) {
      check(server.result() != TlsResult::ok && !server.reason().empty(), "it says why");
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Peers kPeers;
  if (size < 2) {
    return 0;
  }
  const ByteView bytes = fuzz::view_of(data + 2, size - 2);
  const size_t piece = size_t{data[1]} + 1;
  TlsSession server(kPeers.listener, "");
  if (data[0] % 3 == 0) {
    check_first_bytes(server, bytes, piece);
    return 0;
  }
  TlsSession client(kPeers.backend, "localhost");
  shake_hands(client, server);
  if (data[0] % 3 == 1) {
    check(read_in_pieces(server, bytes, piece, 100).empty(), "forged records have no plain text");
    return 0;
  }
  check(client.write(bytes), "a good client can write");
  const OutBuffer sealed = std::exchange(client.sealed(), {});
  check(read_in_pieces(server, sealed.view(), piece, 1 + piece / 2) == bytes,
        "it arrives as it was sent");
  return 0;
}
