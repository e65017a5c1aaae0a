// What is made once for many TLS connections: the certificate of a server, whom a client trusts. Immutable
// and shared by all threads; a renewed file is a new context, and sessions under way keep the old one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"
#include "tls/session.h"

struct ssl_ctx_st;

namespace popnet::tls {

struct FreeContext {
  void operator()(ssl_ctx_st* context) const;
};
using ContextHandle = std::unique_ptr<ssl_ctx_st, FreeContext>;

/// A certificate with its key, ready for use.
class ServerContext {
 public:
  /// PEM files: the certificate with its chain, and its key. `protocol` is the one that is spoken here (an
  /// ALPN name, RFC 7301): who names protocols must name it. ErrorCode::invalid; `key_is_wrong`: of the two it is the key
  /// that cannot be used.
  static Result<std::shared_ptr<const ServerContext>> load(const std::string& certificate,
                                                           const std::string& key, std::string_view protocol,
                                                           bool* key_is_wrong = nullptr);
  /// The server's side of a connection that was just accepted; null when memory is short. `fd` stays the
  /// caller's and outlives the session.
  [[nodiscard]] std::unique_ptr<Session> accept(int fd) const;

 private:
  explicit ServerContext(ContextHandle context) : context_(std::move(context)) {}
  ContextHandle context_;
};

/// Whom to trust.
class ClientContext {
 public:
  struct Options {
    bool verify = true;      // the certificate must be trusted, and be for the name that was asked for
    std::string ca_file{};   // PEM; empty: those whom the system trusts
    std::string protocol{};  // ALPN name of what will be spoken; empty: says nothing
  };
  /// ErrorCode::invalid when `ca_file` cannot be used.
  static Result<std::shared_ptr<const ClientContext>> make(const Options& options);

  /// The client's side of a connection to `name` (a host name, or an address without brackets); null when
  /// memory is short. `fd` stays the caller's and outlives the session.
  [[nodiscard]] std::unique_ptr<Session> connect(int fd, const std::string& name) const;

 private:
  explicit ClientContext(ContextHandle context) : context_(std::move(context)) {}
  ContextHandle context_;
};

}  // namespace popnet::tls
