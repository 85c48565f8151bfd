// A CA made in memory, once for each test that wants one, and the certificates that it signs.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/security/openssl_ptr.h"
#include "core/security/tls_context.h"

namespace zerogate {

class Authority {
 public:
  static constexpr long kLifetimeS = 86'400;                     ///< a fuzzer runs for hours
  static constexpr const char* kShortRsa = "RSA with 512 bits";  ///< in place of a curve
  static constexpr const char* kX25519 = "X25519";               ///< which signs nothing

  struct Wish {
    std::string names = "DNS:localhost";  ///< as OpenSSL's configuration writes them; empty: none
    std::string purpose = "serverAuth,clientAuth";  ///< empty: not said
    long begins_s = -3'600;                         ///< from now
    long ends_s = kLifetimeS;
    const char* curve = "P-256";  ///< or ED25519, whose signatures are all of one length
    std::string usage = {};       ///< of the key; empty: not said
  };
  struct Pair {
    std::string certificate;
    std::string key;
  };

  struct Kind {
    const Authority* issuer = nullptr;  ///< of an intermediate CA; none: a root
    bool may_sign = true;               ///< false: it signs without being allowed to
    long begins_s = -3'600;             ///< from now
    long ends_s = kLifetimeS;
    const char* curve = "P-256";
  };

  explicit Authority(const std::string& name = "test CA") : Authority(name, Kind()) {}
  Authority(const std::string& name, const Kind& kind)
      : key_(make_key(kind.curve)), certificate_(X509_new()) {
    fill(*certificate_, *key_, name,
         {.names = "", .purpose = "", .begins_s = kind.begins_s, .ends_s = kind.ends_s});
    const Authority& issuer = kind.issuer != nullptr ? *kind.issuer : *this;
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(issuer.certificate_.get()));
    add(*certificate_, NID_basic_constraints, kind.may_sign ? "critical,CA:TRUE" : "CA:FALSE");
    add(*certificate_, NID_key_usage, "critical,keyCertSign,digitalSignature");
    issuer.sign(*certificate_);
  }

  std::string pem() const { return pem_of(*certificate_); }

  Pair issue(const Wish& wish) const {
    const KeyPtr key = make_key(wish.curve);
    const X509Ptr certificate(X509_new());
    fill(*certificate, *key, "somebody", wish);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    sign(*certificate);
    return {pem_of(*certificate), pem_of(*key)};
  }

  /// What a peer with such a certificate uses, that trusts this CA.
  TlsMaterial material(const Wish& wish, TlsAllow allow = TlsAllow({"*"})) const {
    const Pair pair = issue(wish);
    return {.certificate = pair.certificate,
            .key = pair.key,
            .authorities = pem(),
            .allow = std::move(allow)};
  }

 private:
  static constexpr std::string_view kEd25519 = "ED25519";

  static KeyPtr make_key(const char* curve) {
    if (curve == std::string_view(kShortRsa)) {
      return KeyPtr(EVP_RSA_gen(512));
    }
    const bool is_its_own_kind = curve == kEd25519 || curve == std::string_view(kX25519);
    return KeyPtr(is_its_own_kind ? EVP_PKEY_Q_keygen(nullptr, nullptr, curve) : EVP_EC_gen(curve));
  }
  void sign(X509& certificate) const {
    const bool hashes_itself = EVP_PKEY_is_a(key_.get(), kEd25519.data()) == 1;
    X509_sign(&certificate, key_.get(), hashes_itself ? nullptr : EVP_sha256());
  }

  void fill(X509& certificate, EVP_PKEY& key, const std::string& name, const Wish& wish) const {
    static long serial = 0;
    X509_set_version(&certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(&certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(&certificate), wish.begins_s);
    X509_gmtime_adj(X509_getm_notAfter(&certificate), wish.ends_s);
    X509_set_pubkey(&certificate, &key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(&certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    if (!wish.names.empty()) {
      add(certificate, NID_subject_alt_name, wish.names);
    }
    if (!wish.purpose.empty()) {
      add(certificate, NID_ext_key_usage, wish.purpose);
    }
    if (!wish.usage.empty()) {
      add(certificate, NID_key_usage, wish.usage);
    }
  }

  static void add(X509& certificate, int extension, const std::string& value) {
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, nullptr, extension, value.c_str());
    X509_add_ext(&certificate, made, -1);
    X509_EXTENSION_free(made);
  }

  template <class Write>
  static std::string text_of(Write write) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    write(bio.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
  }
  static std::string pem_of(X509& certificate) {
    return text_of([&](BIO* bio) { PEM_write_bio_X509(bio, &certificate); });
  }
  static std::string pem_of(EVP_PKEY& key) {
    return text_of([&](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, &key, nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

  const KeyPtr key_;
  const X509Ptr certificate_;
};

inline std::shared_ptr<const TlsContext> make_context(TlsSide side, const TlsMaterial& material) {
  auto made = TlsContext::make(side, material);
  return std::holds_alternative<TlsFault>(made) ? nullptr
                                                : std::get<std::shared_ptr<const TlsContext>>(made);
}

}  // namespace zerogate
