// DNS over TLS (RFC 7858) on sockets that do not block: the certificate, and one session a connection.
// OpenSSL does the work; this only gives its calls a plain shape.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace popnet::dns {

class TlsSession;

/// A certificate with its key, ready for use. Immutable and shared by all threads; a renewed certificate is a
/// new context, and sessions under way keep the old one.
class TlsContext {
 public:
  /// PEM files: the certificate with its chain, and its key. ErrorCode::invalid.
  static Result<std::shared_ptr<const TlsContext>> load(const std::string& certificate,
                                                        const std::string& key);

  /// The server's side of a connection that was just accepted; null when memory is short. `fd` stays the
  /// caller's and outlives the session.
  [[nodiscard]] std::unique_ptr<TlsSession> accept(int fd) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

class TlsSession {
 public:
  enum class Result : uint8_t {
    done,        ///< `size` bytes
    wants_read,  ///< again when the socket has something
    wants_write,
    closed,  ///< by the peer, in order or not
  };
  struct Progress {
    Result result;
    size_t size = 0;
  };

  explicit TlsSession(ssl_st* session) : session_(session) {}
  /// Tells the peer that nothing more will come, if the socket takes it.
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // The handshake happens within the first calls.
  Progress read(std::span<uint8_t> into);
  Progress write(std::span<const uint8_t> bytes);
  /// Bytes that read() gives without asking the socket.
  [[nodiscard]] bool has_decrypted() const;

 private:
  [[nodiscard]] Progress progress(int result, size_t size);
  ssl_st* session_;
  bool broken_ = false;
};

}  // namespace popnet::dns
