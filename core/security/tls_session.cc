#include "core/security/tls_session.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

namespace zerogate {

/// OpenSSL's way to the bytes of a session.
struct SessionBio {
  static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int room) {
    BIO_clear_retry_flags(bio);
    TlsSession& session = session_of(bio);
    ByteView& in = session.in_;
    if (in.empty() || session.shook_too_long()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const size_t size = std::min(in.size(), static_cast<size_t>(room));
    std::memcpy(to, in.data(), size);
    in.remove_prefix(size);
    session.shaken_bytes_ += session.open_ ? 0 : size;
    return static_cast<int>(size);
  }

  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    session_of(bio).sealed_.append(from, static_cast<size_t>(size));
    return size;
  }

  // 1 to anything else would say that the kernel does the encryption (kTLS).
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  /// OpenSSL's steps through its messages. It reads on until it finds data, or no more bytes.
  static void on_info(const SSL* ssl, int where, int) {
    TlsSession& session = session_of(SSL_get_rbio(ssl));
    if (session.open_ && (where & SSL_CB_LOOP) != 0 &&
        ++session.late_steps_ > TlsSession::kMaxLateSteps) {
      session.in_ = {};
    }
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static const BioMethodPtr kMethod = [] {
      BioMethodPtr made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session"));
      BIO_meth_set_read(made.get(), read);
      BIO_meth_set_write(made.get(), write);
      BIO_meth_set_ctrl(made.get(), control);
      BIO_meth_set_create(made.get(), create);
      return made;
    }();
    return kMethod.get();
  }
};

namespace {

bool is_numeric_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

/// What the peer's alert says of our own certificate, or of the peer's view of TLS.
TlsResult result_of_reason(int reason) {
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return TlsResult::no_certificate;
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return TlsResult::untrusted;
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return TlsResult::expired;
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return TlsResult::not_allowed;
    default:
      return TlsResult::protocol;
  }
}

/// What OpenSSL says of a failure, it says of the first error that stands there. Looking is a tenth
/// of the price of clearing.
void clear_errors() {
  if (ERR_peek_error() != 0) {
    ERR_clear_error();
  }
}

/// An alert of the peer's, as error lines put it: OpenSSL calls it by its own name only.
bool is_alert(int reason) { return reason >= SSL_AD_REASON_OFFSET; }

}  // namespace

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, const std::string& name)
    : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
  BIO* bio = BIO_new(SessionBio::method());
  if (ssl_ == nullptr || bio == nullptr) {
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  SSL_set_app_data(ssl_.get(), &peer_name_);
  SSL_set_bio(ssl_.get(), bio, bio);  // which frees it
  SSL_set_info_callback(ssl_.get(), SessionBio::on_info);
  if (context_->side() == TlsSide::listener) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  if (name.empty()) {
    return;
  }
  if (is_numeric_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str());
  } else {
    SSL_set1_host(ssl_.get(), name.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
  }
}

TlsSession::~TlsSession() = default;

TlsSession::Status TlsSession::shake_hands() {
  assert(!open_);
  if (failed_) {
    return Status::failed;
  }
  clear_errors();
  const OSSL_HANDSHAKE_STATE before = SSL_get_state(ssl_.get());
  const int result = SSL_do_handshake(ssl_.get());
  steps_ += SSL_get_state(ssl_.get()) != before ? 1 : 0;
  if (shook_too_long() && !failed_) {
    return fail(TlsResult::protocol,
                fmt::format("its handshake has more than {} bytes", kMaxHandshakeBytes));
  }
  if (result != 1) {
    return status_of(result);
  }
  open_ = true;
  return Status::ok;
}

TlsSession::Read TlsSession::read(char* to, size_t room) {
  Read done{Status::ok, 0};
  const bool failed_before = failed_;
  while (done.size < room) {
    size_t size = 0;
    clear_errors();
    const int result = SSL_read_ex(ssl_.get(), to + done.size, room - done.size, &size);
    if (result != 1) {
      done.status = status_of(result);
      break;
    }
    done.size += size;
    // It would ask for more bytes: to hear that costs a fifth of a record.
    if (!has_pending()) {
      done.status = Status::wants_more;
      break;
    }
  }
  if (late_steps_ > kMaxLateSteps && done.status != Status::failed) {
    done.status = fail(TlsResult::protocol, "it changes its keys without end");
  }
  if (sealed_.size() > kMaxUnaskedBytes && done.status != Status::failed) {
    done.status = fail(TlsResult::protocol, "it asks for answers and reads none");
  }
  garbled_ |= failed_ && !failed_before && !refused_;
  return done;
}

bool TlsSession::write(ByteView plain) {
  if (failed_) {
    return false;
  }
  if (plain.empty()) {
    return true;
  }
  size_t size = 0;
  clear_errors();
  const int result = SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &size);
  if (result != 1) {
    fail_by_error();
    return false;
  }
  assert(size == plain.size());  // the BIO takes everything
  return true;
}

void TlsSession::end() {
  // A second time OpenSSL would read on for the peer's, and answer what it reads.
  if (open_ && !failed_ && (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) == 0) {
    clear_errors();
    SSL_shutdown(ssl_.get());
  }
}

TlsSession::Status TlsSession::status_of(int result) {
  if (failed_) {
    return Status::failed;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Status::wants_more;
    case SSL_ERROR_ZERO_RETURN:
      return open_ ? Status::ended : fail(TlsResult::protocol, "it ended the handshake");
    default:
      return fail_by_error();
  }
}

TlsSession::Status TlsSession::fail(TlsResult result, std::string reason) {
  failed_ = true;
  result_ = result;
  reason_ = std::move(reason);
  return Status::failed;
}

TlsResult TlsSession::result_of(long verified) const {
  switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TlsResult::expired;
    case X509_V_ERR_APPLICATION_VERIFICATION:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return TlsResult::not_allowed;
    default:
      return TlsResult::untrusted;
  }
}

TlsSession::Status TlsSession::fail_by_error() {
  const long verified = SSL_get_verify_result(ssl_.get());
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  ERR_clear_error();
  if (!open_ && verified != X509_V_OK) {
    const TlsResult result = result_of(verified);
    return fail(result,
                verified == X509_V_ERR_APPLICATION_VERIFICATION
                    ? fmt::format("its certificate, {}, is not among those allowed", peer_name_)
                    : fmt::format("its certificate, {}: {}", peer_name_,
                                  X509_verify_cert_error_string(verified)));
  }
  if (error == 0) {
    return fail(TlsResult::protocol, "the connection broke");
  }
  const char* text = ERR_reason_error_string(error);
  refused_ = is_alert(reason);
  return fail(result_of_reason(reason), fmt::format("{}{}", refused_ ? "it refused: " : "",
                                                    text != nullptr ? text : "unknown error"));
}

bool TlsSession::between_gateways() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
  return std::string_view(reinterpret_cast<const char*>(chosen), size) ==
         TlsContext::kGatewayProtocol;
}

bool TlsSession::passes(const TlsContext& next) const {
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) {
    return next.side() == TlsSide::listener && next.clients() != TlsClients::required;
  }
  if (next.side() == TlsSide::listener && next.clients() == TlsClients::none) {
    return true;
  }
  return next.accepts(certificate, SSL_get_peer_cert_chain(ssl_.get()));
}

}  // namespace zerogate
