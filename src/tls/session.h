// One TLS connection (RFC 8446, RFC 5246) on a socket that does not block. OpenSSL does the work; this gives
// its calls the shape of recv and send.
//
// Threading: one at a time. The process ignores SIGPIPE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

struct ssl_st;

namespace popnet::tls {

class Session {
 public:
  enum class Result : uint8_t {
    done,        ///< `size` bytes; of the handshake: over
    wants_read,  ///< again when the socket has something. Also behind a record without data, be there more or not
    wants_write,
    closed,  ///< by the peer, in order
    broken,  ///< not in order: what came may be a part of what was meant (RFC 9112 section 9.8)
  };
  struct Progress {
    Result result;
    size_t size = 0;
    [[nodiscard]] bool ended() const { return result == Result::closed || result == Result::broken; }
  };

  explicit Session(ssl_st* session) : session_(session) {}
  /// Tells the peer that nothing more will come, if the socket takes it.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// For who must know when it is over; otherwise it happens within the first calls of read and write.
  Progress shake_hands();
  /// Why it is broken, in words; what certificate was refused and why. Empty when OpenSSL does not say.
  [[nodiscard]] std::string why_broken() const;

  Progress read(std::span<char> into);
  Progress write(std::span<const char> bytes);
  /// Tells the peer that nothing more will come (close_notify, RFC 8446 section 6.1). The peer may go on. Again when it
  /// `wants_write`; anything else: it is told, or cannot be.
  Progress end_writing();
  /// Bytes that read() gives without asking the socket: no event will announce them.
  [[nodiscard]] bool has_decrypted() const;

 private:
  [[nodiscard]] Progress progress(int result, size_t size);
  ssl_st* session_;
  bool broken_ = false;
  unsigned long error_ = 0;  // of OpenSSL
};

}  // namespace popnet::tls
