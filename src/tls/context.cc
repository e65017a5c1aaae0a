#include "tls/context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>

#include "common/ip.h"

namespace popnet::tls {

namespace {

std::string in_alpn(std::string_view protocol) {
  return static_cast<char>(protocol.size()) + std::string(protocol);
}

const unsigned char* octets(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Where a context has its protocol, as ALPN writes it. It goes with the last session, which may begin to shake hands when the
/// ServerContext is gone.
int protocol_index() {
  const auto drop = [](void*, void* protocol, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<std::string*>(protocol);
  };
  static const int index =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr, drop);
  return index;
}

/// Who speaks of protocols must speak of ours (RFC 7301 section 3.2).
int choose_protocol(SSL* session, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  const auto& ours =
      *static_cast<const std::string*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), protocol_index()));
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, octets(ours), static_cast<unsigned>(ours.size()), in,
                            in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Error refused(const std::string& file, std::string_view right) {
  const unsigned long first = ERR_peek_error();  // the innermost: those behind it say who passed it on
  const char* reason =
      ERR_SYSTEM_ERROR(first) ? std::strerror(ERR_GET_REASON(first)) : ERR_reason_error_string(first);
  ERR_clear_error();
  return {ErrorCode::invalid,
          fmt::format("{}: {}; {}", file, reason != nullptr ? reason : "cannot be used", right)};
}

const Error no_memory{ErrorCode::machine, "OpenSSL has no memory for TLS"};

void set_common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // Else one read goes on for as long as KeyUpdate follows KeyUpdate, and nobody else has a turn.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
}

/// RFC 6066 section 3: no address is a server name. RFC 9110 section 4.3.4: it is in the certificate all the
/// same.
bool expect_peer(SSL* session, const std::string& name) {
  if (IpAddress::parse(name).ok())
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
  // What SSL_set_tlsext_host_name does, without the macro's old cast.
  const long named = SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                              const_cast<char*>(name.c_str()));
  return named == 1 && SSL_set1_host(session, name.c_str()) == 1;
}

}  // namespace

void FreeContext::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Result<std::shared_ptr<const ServerContext>> ServerContext::load(const std::string& certificate,
                                                                 const std::string& key,
                                                                 std::string_view protocol,
                                                                 bool* key_is_wrong) {
  ERR_clear_error();
  ContextHandle handle(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = handle.get();
  if (context == nullptr) return no_memory;
  set_common(context);
  auto ours = std::make_unique<std::string>(in_alpn(protocol));
  if (SSL_CTX_set_ex_data(context, protocol_index(), ours.get()) != 1) return no_memory;
  (void)ours.release();
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return refused(certificate, "write a PEM file with the certificate and its chain");
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (key_is_wrong != nullptr) *key_is_wrong = true;
    return refused(key, fmt::format("write a PEM file with the key of {}", certificate));
  }
  return std::shared_ptr<const ServerContext>(new ServerContext(std::move(handle)));
}

std::unique_ptr<Session> ServerContext::accept(int fd) const {
  SSL* session = SSL_new(context_.get());
  if (session == nullptr) return nullptr;
  SSL_set_accept_state(session);
  if (SSL_set_fd(session, fd) == 1) return std::make_unique<Session>(session);
  SSL_free(session);
  return nullptr;
}

Result<std::shared_ptr<const ClientContext>> ClientContext::make(const Options& options) {
  ERR_clear_error();
  ContextHandle handle(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = handle.get();
  if (context == nullptr) return no_memory;
  set_common(context);
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  const std::string protocol = in_alpn(options.protocol);
  if (!options.protocol.empty())
    SSL_CTX_set_alpn_protos(context, octets(protocol), static_cast<unsigned>(protocol.size()));
  if (!options.ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1)
      return refused(options.ca_file, "write a PEM file with the certificates to trust");
  } else if (options.verify) {
    SSL_CTX_set_default_verify_paths(context);
  }
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(handle)));
}

std::unique_ptr<Session> ClientContext::connect(int fd, const std::string& name) const {
  SSL* session = SSL_new(context_.get());
  if (session == nullptr) return nullptr;
  SSL_set_connect_state(session);
  if (expect_peer(session, name) && SSL_set_fd(session, fd) == 1) return std::make_unique<Session>(session);
  SSL_free(session);
  return nullptr;
}

}  // namespace popnet::tls
