#include "dns/server/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace popnet::dns {

namespace {

constexpr unsigned char alpn_dot[] = {3, 'd', 'o', 't'};  // RFC 7858 section 3.1 of IANA's ALPN names

/// Who speaks of protocols must speak of ours (RFC 7301 section 3.2).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, alpn_dot, sizeof alpn_dot, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Error refused(const std::string& file, std::string_view right) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return {ErrorCode::invalid,
          fmt::format("{}: {}; {}", file, reason != nullptr ? reason : "cannot be used", right)};
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const std::string& certificate,
                                                           const std::string& key) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = made->context_.get();
  if (context == nullptr) return Error{ErrorCode::machine, "OpenSSL has no memory for TLS"};
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return refused(certificate, "write a PEM file with the certificate and its chain");
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return refused(key, fmt::format("write a PEM file with the key of {}", certificate));
  return std::shared_ptr<const TlsContext>(std::move(made));
}

std::unique_ptr<TlsSession> TlsContext::accept(int fd) const {
  SSL* session = SSL_new(context_.get());
  if (session == nullptr) return nullptr;
  SSL_set_accept_state(session);
  if (SSL_set_fd(session, fd) == 1) return std::make_unique<TlsSession>(session);
  SSL_free(session);
  return nullptr;
}

TlsSession::~TlsSession() {
  ERR_clear_error();
  if (!broken_ && SSL_is_init_finished(session_)) SSL_shutdown(session_);
  ERR_clear_error();
  SSL_free(session_);
}

TlsSession::Progress TlsSession::read(std::span<uint8_t> into) {
  ERR_clear_error();
  size_t size = 0;
  const int result = SSL_read_ex(session_, into.data(), into.size(), &size);
  return progress(result, size);
}

TlsSession::Progress TlsSession::write(std::span<const uint8_t> bytes) {
  ERR_clear_error();
  size_t size = 0;
  const int result = SSL_write_ex(session_, bytes.data(), bytes.size(), &size);
  return progress(result, size);
}

bool TlsSession::has_decrypted() const {
  return SSL_pending(session_) > 0;
}

TlsSession::Progress TlsSession::progress(int result, size_t size) {
  if (result == 1) return {Result::done, size};
  switch (SSL_get_error(session_, result)) {
    case SSL_ERROR_WANT_READ:
      return {Result::wants_read};
    case SSL_ERROR_WANT_WRITE:
      return {Result::wants_write};
    case SSL_ERROR_ZERO_RETURN:
      return {Result::closed};
    default:
      broken_ = true;
      return {Result::closed};
  }
}

}  // namespace popnet::dns
