#include "gateway/http/server_certificate.h"

#include <gnutls/x509.h>

#include <utility>

namespace zerogate {
namespace {

/// A chain is the server's own certificate and those of a few CAs. GnuTLS leaves out what is more.
constexpr unsigned kMaxChain = 16;

gnutls_datum_t datum(const std::string& text) {
  // GnuTLS takes no pointer to constants, and changes nothing.
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
  return {bytes, static_cast<unsigned>(text.size())};
}

/// Memory of GnuTLS, which it frees itself once it was handed over.
struct Chain {
  gnutls_pcert_st* certificates = nullptr;
  unsigned length = 0;
};

int read_chain(const std::string& text, Chain& chain) {
  chain.length = kMaxChain;
  chain.certificates =
      static_cast<gnutls_pcert_st*>(gnutls_malloc(sizeof(gnutls_pcert_st) * kMaxChain));
  if (chain.certificates == nullptr) {
    return GNUTLS_E_MEMORY_ERROR;
  }
  const gnutls_datum_t pem = datum(text);
  const int error = gnutls_pcert_list_import_x509_raw(chain.certificates, &chain.length, &pem,
                                                      GNUTLS_X509_FMT_PEM, 0);
  if (error != 0) {
    gnutls_free(chain.certificates);
  }
  return error;
}

void drop(Chain& chain) {
  for (unsigned i = 0; i < chain.length; ++i) {
    gnutls_pcert_deinit(&chain.certificates[i]);
  }
  gnutls_free(chain.certificates);
}

int read_key(const std::string& text, gnutls_privkey_t* key) {
  if (const int error = gnutls_privkey_init(key); error != 0) {
    return error;
  }
  const gnutls_datum_t pem = datum(text);
  const int error = gnutls_privkey_import_x509_raw(*key, &pem, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (error != 0) {
    gnutls_privkey_deinit(*key);
  }
  return error;
}

}  // namespace

void ServerCertificate::set(std::shared_ptr<const TlsMaterial> material) {
  if (material != nullptr) {
    const std::lock_guard lock(mutex_);
    material_ = std::move(material);
  }
}

std::shared_ptr<const TlsMaterial> ServerCertificate::in_force() const {
  const std::lock_guard lock(mutex_);
  return material_;
}

// Elliptic curves alone: a handshake over a finite field of 8192 bits costs 400 ms of CPU.
std::string ServerCertificate::priorities() const {
  std::string words =
      "NORMAL:-DHE-RSA:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-X448:+GROUP-SECP384R1:"
      "+GROUP-SECP521R1:-VERS-ALL:+VERS-TLS1.3";
  words += in_force()->allow_tls12 ? ":+VERS-TLS1.2" : "";
  return words;
}

// GnuTLS owns what it is handed, so nothing has to be kept until the handshake is over.
int ServerCertificate::answer(gnutls_session_t session, const gnutls_cert_retr_st*,
                              gnutls_pcert_st** certificates, unsigned* length,
                              gnutls_ocsp_data_st** ocsp, unsigned* ocsp_length,
                              gnutls_privkey_t* key, unsigned* flags) {
  const auto* self = static_cast<const ServerCertificate*>(gnutls_session_get_ptr(session));
  const std::shared_ptr<const TlsMaterial> material = self->in_force();
  Chain chain;
  if (const int error = read_chain(material->certificate, chain); error != 0) {
    return error;
  }
  if (const int error = read_key(material->key, key); error != 0) {
    drop(chain);
    return error;
  }
  *certificates = chain.certificates;
  *length = chain.length;
  *ocsp = nullptr;
  *ocsp_length = 0;
  *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
  return 0;
}

}  // namespace zerogate
