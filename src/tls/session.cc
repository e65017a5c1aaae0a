#include "tls/session.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace popnet::tls {

Session::~Session() {
  ERR_clear_error();
  if (!broken_ && SSL_is_init_finished(session_)) SSL_shutdown(session_);
  ERR_clear_error();
  SSL_free(session_);
}

Session::Progress Session::shake_hands() {
  ERR_clear_error();
  return progress(SSL_do_handshake(session_), 0);
}

std::string Session::why_broken() const {
  if (const long verdict = SSL_get_verify_result(session_); verdict != X509_V_OK)
    return fmt::format("certificate refused: {}", X509_verify_cert_error_string(verdict));
  const char* reason = error_ != 0 ? ERR_reason_error_string(error_) : nullptr;
  return reason != nullptr ? reason : "";
}

Session::Progress Session::read(std::span<char> into) {
  ERR_clear_error();
  size_t size = 0;
  const int result = SSL_read_ex(session_, into.data(), into.size(), &size);
  return progress(result, size);
}

Session::Progress Session::write(std::span<const char> bytes) {
  ERR_clear_error();
  size_t size = 0;
  const int result = SSL_write_ex(session_, bytes.data(), bytes.size(), &size);
  return progress(result, size);
}

Session::Progress Session::end_writing() {
  if (broken_ || !SSL_is_init_finished(session_)) return {Result::broken};
  ERR_clear_error();
  const int result = SSL_shutdown(session_);
  return result >= 0 ? Progress{Result::done} : progress(result, 0);
}

bool Session::has_decrypted() const {
  return SSL_pending(session_) > 0;
}

Session::Progress Session::progress(int result, size_t size) {
  if (broken_) return {Result::broken};  // and the first reason stays
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
      error_ = ERR_peek_last_error();
      return {Result::broken};
  }
}

}  // namespace popnet::tls
