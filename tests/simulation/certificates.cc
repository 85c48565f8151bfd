#include "tests/simulation/certificates.h"

#include <string>
#include <utility>

#include "tests/unit/core/security/authority.h"

namespace zerogate::simulation {
namespace {

/// Its signatures are of one length, so that chance beside the seed's decides nothing.
constexpr const char* kCurve = "ED25519";

Authority::Wish named(const std::string& name) { return {.names = "DNS:" + name, .curve = kCurve}; }

SslCtxPtr make_tls(const SSL_METHOD* method, const TlsMaterial& material) {
  SslCtxPtr context(SSL_CTX_new(method));
  const auto read = [](const std::string& text, auto get) {
    return get(bio_of(text).get(), nullptr, nullptr, nullptr);
  };
  const X509Ptr certificate(read(material.certificate, PEM_read_bio_X509));
  const KeyPtr key(read(material.key, PEM_read_bio_PrivateKey));
  const X509Ptr authority(read(material.authorities, PEM_read_bio_X509));
  if (certificate != nullptr) {
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
  }
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return context;
}

int agree(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
          unsigned in_size, void*) {
  const auto& name = TlsContext::kGatewayProtocol;
  const std::string own = static_cast<char>(name.size()) + std::string(name);
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, in, in_size,
                            reinterpret_cast<const unsigned char*>(own.data()),
                            static_cast<unsigned>(own.size())) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;  // of `in`
  return SSL_TLSEXT_ERR_OK;
}

Certificates make_certificates() {
  const Authority authority("simulated CA", {.curve = kCurve});
  const auto good = [&](const char* name) { return authority.material(named(name)); };
  const auto of_others = [&](const char* name) {
    TlsMaterial material = Authority("another CA", {.curve = kCurve}).material(named(name));
    material.authorities = authority.pem();
    return material;
  };
  const auto expired = [&](const char* name) {
    Authority::Wish wish = named(name);
    wish.ends_s = wish.begins_s + 1;
    return authority.material(wish);
  };
  const auto client = [](const TlsMaterial& material) {
    return make_tls(TLS_client_method(), material);
  };
  const auto server = [](const TlsMaterial& material) {
    return make_tls(TLS_server_method(), material);
  };
  const TlsMaterial own = good("gateway.sim");
  TlsMaterial narrow = own;
  narrow.allow = TlsAllow({"dns:one.sim"});
  const TlsMaterial b = good("b.sim");
  Certificates made{
      .own = std::make_shared<const TlsMaterial>(own),
      .narrow = std::make_shared<const TlsMaterial>(narrow),
      .clients = {{{"one.sim", client(good("one.sim"))}, {"two.sim", client(good("two.sim"))}}},
      .strangers = {client({.authorities = authority.pem()}), client(of_others("one.sim")),
                    client(expired("one.sim"))},
      .zero = server(b),
      .gateways = server(b),
      .impostors = {server(of_others("b.sim")), server(expired("b.sim")), server(good("a.sim"))}};
  SSL_CTX_set_alpn_select_cb(made.gateways.get(), agree, nullptr);
  return made;
}

}  // namespace

const Certificates& certificates() {
  static const Certificates kMade = make_certificates();
  return kMade;
}

}  // namespace zerogate::simulation
