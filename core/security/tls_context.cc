#include "core/security/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include "core/security/tls_purpose.h"

namespace zerogate {
namespace {

using Part = TlsFault::Part;

/// A key with a passphrase is an error: without this OpenSSL asks at the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

struct PemCertificates {
  std::vector<X509Ptr> all;
  bool broken = false;  ///< the next one cannot be read, nor what comes after it
};

PemCertificates read_certificates(std::string_view text) {
  PemCertificates certificates;
  const BioPtr bio = bio_of(text);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    certificates.all.emplace_back(certificate);
  }
  const unsigned long error = ERR_peek_last_error();  // the end of the text is one, too
  certificates.broken =
      ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE;
  ERR_clear_error();
  return certificates;
}

/// Peers of a certificate that was left out would be refused, each one, so the file is.
std::optional<TlsFault> broken_fault(const PemCertificates& certificates, Part part) {
  if (!certificates.broken) {
    return std::nullopt;
  }
  return TlsFault{part, fmt::format("certificate {} in it cannot be read; copy the file anew",
                                    certificates.all.size() + 1)};
}

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(timegm(&parts)) : 0;
}

std::string day_of(int64_t time_s) {
  const std::time_t time = time_s;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

TlsValidity validity_of(const X509* certificate) {
  return {seconds_of(X509_get0_notBefore(certificate)),
          seconds_of(X509_get0_notAfter(certificate))};
}

/// What is wrong with the time, and what would fix it.
std::optional<std::string> time_fault(const TlsValidity& validity) {
  const auto now_s = static_cast<int64_t>(std::time(nullptr));
  if (now_s > validity.not_after_s) {
    return fmt::format("has expired, on {}; renew it", day_of(validity.not_after_s));
  }
  if (now_s < validity.not_before_s) {
    return fmt::format("is not valid before {}; wait, or set this machine's clock",
                       day_of(validity.not_before_s));
  }
  return std::nullopt;
}

/// OpenSSL's security level, which Debian has raised.
TlsFault too_weak(std::string_view what) {
  return {Part::certificate,
          fmt::format("{}: its key is too short for this system, or it is signed with SHA-1; make "
                      "one with 2048 bits of RSA, or P-256, and SHA-256",
                      what)};
}

TlsFault stranger_fault(const std::vector<X509Ptr>& chain, const EVP_PKEY& key) {
  const bool behind = std::ranges::any_of(chain, [&](const X509Ptr& certificate) {
    return X509_check_private_key(certificate.get(), &key) == 1;
  });
  ERR_clear_error();
  if (behind) {
    return {Part::certificate,
            "begins with another certificate than that of the key; put this "
            "first, and those of CAs behind it"};
  }
  return {Part::key, "is not the key of the certificate; name the pair that was made together"};
}

/// Every handshake with a key of another curve would fail.
bool is_known_curve(const EVP_PKEY& key) {
  if (EVP_PKEY_get_base_id(&key) != EVP_PKEY_EC) {
    return true;
  }
  std::array<char, 64> name{};
  EVP_PKEY_get_group_name(&key, name.data(), name.size(), nullptr);
  const int curve = OBJ_sn2nid(name.data());
  return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
}

/// An old CA may stand beside its successor. When none is valid, no handshake can succeed.
std::optional<TlsFault> authorities_fault(const std::vector<X509Ptr>& authorities) {
  TlsValidity last;
  for (const X509Ptr& authority : authorities) {
    const TlsValidity validity = validity_of(authority.get());
    if (!time_fault(validity)) {
      return std::nullopt;
    }
    if (validity.not_after_s >= last.not_after_s) {
      last = validity;
    }
  }
  return TlsFault{Part::authorities,
                  fmt::format("no certificate in it is valid now, the last one is from {} to {}; "
                              "name the file with those of today's CAs, or set this machine's "
                              "clock",
                              day_of(last.not_before_s), day_of(last.not_after_s))};
}

/// The allow-list is asked last, for a certificate that is good otherwise. The session, whose
/// application data is where the peer's name goes, learns who was refused.
int on_verify(int good, X509_STORE_CTX* store) noexcept {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* context = static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const bool is_last = good == 1 && X509_STORE_CTX_get_error_depth(store) == 0;
  if (good == 1 && !is_last) {
    return 1;
  }
  const TlsNames names = TlsNames::of(X509_STORE_CTX_get0_cert(store));
  if (auto* name = static_cast<std::string*>(SSL_get_app_data(ssl))) {
    *name = names.display();
  }
  if (is_last && !context->allow().empty() && !context->allow().allows(names)) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
  return good;
}

/// Elliptic curves, and no finite fields, of which OpenSSL 3.0 to 3.4 take those of up to 8192
/// bits: they cost this end 150 ms of CPU, and a peer that sends any number as its share nothing.
/// From 3.5 on a curve may stand beside ML-KEM.
constexpr const char* kGroupsSince35 = "*X25519MLKEM768:*X25519:P-256:X448:P-384:P-521";
constexpr const char* kGroups = "X25519:P-256:X448:P-384:P-521";
/// TLS 1.2 names the finite fields in its ciphers.
constexpr const char* kCiphers12 = "DEFAULT:!kDHE";

constexpr unsigned char kAlpn[] = "\x0azerogate/1";
constexpr unsigned kAlpnBytes = sizeof kAlpn - 1;

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kAlpn, kAlpnBytes, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::optional<TlsValidity> validity_of(std::string_view certificate) {
  const std::vector<X509Ptr> chain = read_certificates(certificate).all;
  return chain.empty() ? std::nullopt : std::make_optional(validity_of(chain.front().get()));
}

TlsContext::TlsContext(TlsSide side, const TlsMaterial& material)
    : side_(side),
      clients_(material.clients),
      allow_(material.allow),
      context_(SSL_CTX_new(side == TlsSide::listener ? TLS_server_method() : TLS_client_method())) {
}

std::variant<std::shared_ptr<const TlsContext>, TlsFault> TlsContext::make(
    TlsSide side, const TlsMaterial& material) {
  const std::shared_ptr<TlsContext> made(new TlsContext(side, material));
  if (std::optional<TlsFault> fault = made->load(material)) {
    ERR_clear_error();
    return *std::move(fault);
  }
  return std::shared_ptr<const TlsContext>(made);
}

std::optional<TlsFault> TlsContext::load(const TlsMaterial& material) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_min_proto_version(context, material.allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // An idle connection owns no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // AES with 128 bits takes a third less time than with 256, which would come first otherwise.
  SSL_CTX_set_ciphersuites(
      context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  if (SSL_CTX_set1_groups_list(context, kGroupsSince35) != 1) {
    SSL_CTX_set1_groups_list(context, kGroups);
    ERR_clear_error();
  }
  SSL_CTX_set_cipher_list(context, kCiphers12);
  if (side_ == TlsSide::listener) {
    SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
  } else {
    SSL_CTX_set_alpn_protos(context, kAlpn, kAlpnBytes);
  }
  int mode = SSL_VERIFY_PEER;
  if (side_ == TlsSide::listener && clients_ == TlsClients::required) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  } else if (side_ == TlsSide::listener && clients_ == TlsClients::none) {
    mode = SSL_VERIFY_NONE;
  }
  SSL_CTX_set_verify(context, mode, on_verify);
  if (std::optional<TlsFault> fault = load_own(material)) {
    return fault;
  }
  return load_authorities(material);
}

std::optional<TlsFault> TlsContext::load_own(const TlsMaterial& material) {
  if (material.certificate.empty() && side_ == TlsSide::backend) {
    return std::nullopt;
  }
  const PemCertificates certificates = read_certificates(material.certificate);
  if (std::optional<TlsFault> fault = broken_fault(certificates, Part::certificate)) {
    return fault;
  }
  const std::vector<X509Ptr>& chain = certificates.all;
  if (chain.empty()) {
    return TlsFault{Part::certificate,
                    "is no certificate in PEM; it begins with -----BEGIN "
                    "CERTIFICATE-----"};
  }
  X509* own = chain.front().get();
  validity_ = validity_of(own);
  if (const auto fault = time_fault(*validity_)) {
    return TlsFault{Part::certificate, "the certificate " + *fault};
  }
  const KeyPtr key(
      PEM_read_bio_PrivateKey(bio_of(material.key).get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) {
    return TlsFault{Part::key,
                    "is no private key in PEM without a passphrase; make one, or take "
                    "the passphrase off with openssl pkey"};
  }
  if (X509_check_private_key(own, key.get()) != 1) {
    return stranger_fault(chain, *key);
  }
  if (!is_known_curve(*key)) {
    return TlsFault{Part::key, "is of an elliptic curve that TLS does not use; make one of P-256"};
  }
  if (SSL_CTX_use_PrivateKey(context_.get(), key.get()) != 1) {
    return TlsFault{Part::key, "cannot be used: it is of a kind that TLS does not know"};
  }
  if (SSL_CTX_use_certificate(context_.get(), own) != 1) {
    return too_weak("cannot be used");
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context_.get(), chain[i].get()) != 1) {
      return too_weak(fmt::format("certificate {} in it cannot be used", i + 1));
    }
  }
  doubt_chain(chain);
  return std::nullopt;
}

void TlsContext::doubt_chain(const std::vector<X509Ptr>& chain) {
  const auto doubt = [this](std::string message) {
    doubts_.push_back({Part::certificate, false, std::move(message)});
  };
  if (auto message = doubt_of_own(*chain.front(), side_)) {
    doubt(*std::move(message));
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (auto message = doubt_of_chain(*chain[i], side_, i + 1)) {
      doubt(*std::move(message));
    } else if (const auto fault = time_fault(validity_of(chain[i].get()))) {
      doubt(fmt::format("certificate {} in it {}", i + 1, *fault));
    }
  }
}

/// Those that have expired beside others are as they should be: an old CA and its successor.
std::optional<TlsFault> TlsContext::judge_trust(const std::vector<X509Ptr>& authorities) {
  const TlsTrust trust = trust_of(authorities, side_);
  const bool needs_one = side_ == TlsSide::backend || clients_ == TlsClients::required;
  if (needs_one && trust.useless == authorities.size()) {
    return TlsFault{Part::authorities, fmt::format("has no certificate that lets in {}; name the "
                                                   "file with their CAs",
                                                   peers_of(side_))};
  }
  const auto doubt = [this](bool is_note, size_t first, size_t count, std::string_view what) {
    if (count > 0) {
      doubts_.push_back(
          {Part::authorities, is_note,
           fmt::format("certificate {} in it{} {}", first,
                       count > 1 ? fmt::format(", as {} more,", count - 1) : "", what)});
    }
  };
  doubt(false, trust.first_useless, trust.useless,
        fmt::format("does not let in {}; take it out, or ask for one that does", peers_of(side_)));
  doubt(true, trust.first_peer, trust.peers,
        "is no CA: it signs no peers, and lets in the one alone that shows it");
  return std::nullopt;
}

std::optional<TlsFault> TlsContext::load_authorities(const TlsMaterial& material) {
  if (side_ == TlsSide::listener && clients_ == TlsClients::none) {
    return std::nullopt;
  }
  X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
  // What is trusted is trusted by itself: without the flag OpenSSL trusts an intermediate CA only
  // where the root that signed it is trusted, too.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  if (material.authorities.empty() && side_ == TlsSide::backend) {
    SSL_CTX_set_default_verify_paths(context_.get());
    return std::nullopt;
  }
  const PemCertificates certificates = read_certificates(material.authorities);
  if (std::optional<TlsFault> fault = broken_fault(certificates, Part::authorities)) {
    return fault;
  }
  const std::vector<X509Ptr>& authorities = certificates.all;
  if (authorities.empty()) {
    return TlsFault{Part::authorities, "has no certificate in PEM; name the file with the CA's"};
  }
  if (std::optional<TlsFault> fault = authorities_fault(authorities)) {
    return fault;
  }
  if (std::optional<TlsFault> fault = judge_trust(authorities)) {
    return fault;
  }
  for (const X509Ptr& authority : authorities) {
    X509_STORE_add_cert(store, authority.get());
    if (side_ == TlsSide::listener) {
      SSL_CTX_add_client_CA(context_.get(), authority.get());
    }
  }
  return std::nullopt;
}

bool TlsContext::accepts(X509* certificate, STACK_OF(X509) * chain) const {
  const X509StoreCtxPtr verify(X509_STORE_CTX_new());
  const char* purpose = side_ == TlsSide::listener ? "ssl_client" : "ssl_server";
  const bool good = X509_STORE_CTX_init(verify.get(), SSL_CTX_get_cert_store(context_.get()),
                                        certificate, chain) == 1 &&
                    X509_STORE_CTX_set_default(verify.get(), purpose) == 1 &&
                    X509_verify_cert(verify.get()) == 1;
  ERR_clear_error();
  return good && (allow_.empty() || allow_.allows(TlsNames::of(certificate)));
}

}  // namespace zerogate
