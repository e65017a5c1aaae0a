// One transfer of libcurl: request, limits, reply, and its end in an operator's words.
//
// What libcurl is held to: it connects to the endpoint it is given and to nothing else (no resolver, no
// proxy, no redirect, no data connection of FTP), over a new connection each time, by the protocol asked for,
// with TLS 1.2 or newer; everything a server sends is bounded in size, and one deadline covers the whole.
//
// FTP stays on the control connection. libcurl waits without a limit for the answer to QUIT, and it says QUIT
// when a transfer ends by itself; one that is ended by its `on_line` just closes. So `on_line` must end every
// talk.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/ip.h"
#include "common/time.h"

namespace popnet::probe {

struct CurlRequest {
  enum class Protocol : uint8_t { http, https, ftp, ftp_tls };
  Protocol protocol = Protocol::http;
  Endpoint endpoint{};          // where to connect
  std::string host{};           // for Host field, SNI and certificate; empty = the endpoint itself
  std::string tls_name{};       // for SNI and certificate; empty = the host
  std::string path = "/";       // starts with '/'; with a query
  bool head = false;            // HTTP: the method HEAD
  bool verify_tls = true;       // certificate and host name
  std::string ca_file{};        // PEM; empty = those the system trusts
  std::string user{};           // FTP
  std::string password{};       // FTP
  size_t body_max = 64U << 10;  // bytes; with as many the transfer ends well
  Duration timeout{};           // of the whole; > 0
  /// Sees each line of the head (HTTP) or each reply line (FTP), without its end. True ends the transfer at
  /// once, well.
  std::function<bool(std::string_view line)> on_line{};
};

struct CurlReply {
  std::string error{};     // in words; empty when the transfer ended well
  bool our_fault = false;  // with an error: this machine was in the way
  int status = 0;          // of HTTP; 0 = none came
  Duration first_byte{};   // from the start until the first byte of an HTTP answer
  Duration total{};        // from the start until the end
  std::string body{};      // at most body_max bytes
  bool body_cut = false;   // there was more
};
using CurlDone = std::function<void(CurlReply)>;

/// All that a server may send before the body, in bytes.
inline constexpr size_t head_max = 64U << 10;

class Transfer {
 public:
  explicit Transfer(CurlRequest request);
  /// REQUIRES: no longer part of a multi handle
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] CURL* easy() { return easy_; }
  /// Once libcurl has said how the transfer ended.
  CurlReply reply(CURLcode result);
  /// Any thread: makes a blocking transfer end within a second, except in a TLS handshake.
  void cancel() { cancelled_ = true; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  static size_t on_head(char* bytes, size_t one, size_t size, void* self);
  static size_t on_body(char* bytes, size_t one, size_t size, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
  void set_up();
  void set_up_ftp();
  [[nodiscard]] std::string url() const;
  /// Ends the transfer from within a callback; an empty error is a good end.
  void stop(std::string error = {});
  [[nodiscard]] std::string in_words(CURLcode result) const;
  [[nodiscard]] std::string late_in_words() const;
  [[nodiscard]] Duration time(CURLINFO which) const;

  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  const CurlRequest request_;
  CURL* easy_;
  std::unique_ptr<curl_slist, FreeList> connect_to_, fields_;
  CurlReply reply_;
  char problem_[CURL_ERROR_SIZE] = {};  // libcurl's own words
  size_t head_size_ = 0;
  int socket_error_ = 0;  // errno value
  bool stopped_ = false;
  std::atomic<bool> cancelled_{false};
};

}  // namespace popnet::probe
