#include "probe/kinds/curl/transfer.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cassert>
#include <cerrno>

#include "common/text.h"
#include "common/units.h"
#include "probe/kinds/api/words.h"
#include "rt/socket.h"

namespace popnet::probe {

namespace {

template <class T>
void set(CURL* easy, CURLoption option, T value) {
  const CURLcode result = curl_easy_setopt(easy, option, value);
  assert(result == CURLE_OK);
  (void)result;
}

bool is_ftp(CurlRequest::Protocol p) {
  return p == CurlRequest::Protocol::ftp || p == CurlRequest::Protocol::ftp_tls;
}

const char* scheme(CurlRequest::Protocol protocol) {
  switch (protocol) {
    case CurlRequest::Protocol::http:
      return "http";
    case CurlRequest::Protocol::https:
      return "https";
    case CurlRequest::Protocol::ftp:
    case CurlRequest::Protocol::ftp_tls:
      return "ftp";
  }
  return "";
}

}  // namespace

Transfer::Transfer(CurlRequest request)
    : request_(std::move(request)),
      easy_(curl_easy_init()),
      connect_to_(curl_slist_append(nullptr, ("::" + request_.endpoint.to_string()).c_str())) {
  assert(easy_ != nullptr && request_.timeout > Duration::zero());
  set_up();
  if (is_ftp(request_.protocol)) set_up_ftp();
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
}

std::string Transfer::url() const {
  const std::string& name = request_.tls_name.empty() ? request_.host : request_.tls_name;
  return fmt::format("{}://{}{}", scheme(request_.protocol),
                     name.empty() ? request_.endpoint.to_string() : name, request_.path);
}

void Transfer::set_up() {
  set(easy_, CURLOPT_URL, url().c_str());
  set(easy_, CURLOPT_CONNECT_TO, connect_to_.get());
  set(easy_, CURLOPT_PROTOCOLS_STR, scheme(request_.protocol));
  set(easy_, CURLOPT_PROXY, "");
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_FRESH_CONNECT, 1L);
  set(easy_, CURLOPT_FORBID_REUSE, 1L);
  set(easy_, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(easy_, CURLOPT_USERAGENT, "popnet-probe/" POPNET_VERSION);
  set(easy_, CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(to_ms(request_.timeout))));
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, static_cast<long>(to_ms(request_.timeout))));
  set(easy_, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  set(easy_, CURLOPT_SSL_VERIFYPEER, request_.verify_tls ? 1L : 0L);
  set(easy_, CURLOPT_SSL_VERIFYHOST, request_.verify_tls ? 2L : 0L);
  if (!request_.ca_file.empty()) set(easy_, CURLOPT_CAINFO, request_.ca_file.c_str());
  if (request_.head) set(easy_, CURLOPT_NOBODY, 1L);
  if (!request_.tls_name.empty() && !request_.host.empty()) {
    fields_.reset(curl_slist_append(nullptr, ("Host: " + request_.host).c_str()));
    set(easy_, CURLOPT_HTTPHEADER, fields_.get());
  }

  set(easy_, CURLOPT_ERRORBUFFER, problem_);
  set(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_head);
  set(easy_, CURLOPT_HEADERDATA, this);
  set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  set(easy_, CURLOPT_NOPROGRESS, 0L);
  set(easy_, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  set(easy_, CURLOPT_XFERINFODATA, this);
  set(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
  set(easy_, CURLOPT_OPENSOCKETDATA, this);
}

void Transfer::set_up_ftp() {
  set(easy_, CURLOPT_NOBODY, 1L);
  set(easy_, CURLOPT_USERNAME, request_.user.c_str());
  set(easy_, CURLOPT_PASSWORD, request_.password.c_str());
  set(easy_, CURLOPT_FTP_FILEMETHOD, long{CURLFTPMETHOD_SINGLECWD});
  if (request_.protocol == CurlRequest::Protocol::ftp_tls) set(easy_, CURLOPT_USE_SSL, long{CURLUSESSL_ALL});
}

void Transfer::stop(std::string error) {
  stopped_ = true;
  reply_.error = std::move(error);
}

// Callbacks that do not return the size they were given end the transfer.

size_t Transfer::on_head(char* bytes, size_t /*one*/, size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.head_size_ += size;
  const std::string_view line = trim({bytes, size}, "\r\n");
  if (transfer.head_size_ > head_max)
    transfer.stop("the head of the answer is larger than " + format_size(head_max));
  else if (transfer.request_.on_line && transfer.request_.on_line(line))
    transfer.stop();
  return transfer.stopped_ ? 0 : size;
}

size_t Transfer::on_body(char* bytes, size_t /*one*/, size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const size_t room = transfer.request_.body_max - transfer.reply_.body.size();
  transfer.reply_.body.append(bytes, std::min(size, room));
  if (size <= room) return size;
  transfer.reply_.body_cut = true;
  transfer.stop();
  return 0;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(self)->cancelled_ ? 1 : 0;
}

curl_socket_t Transfer::on_open(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) transfer.socket_error_ = errno;
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

CurlReply Transfer::reply(CURLcode result) {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (!is_ftp(request_.protocol)) reply_.status = static_cast<int>(status);
  reply_.first_byte = time(CURLINFO_STARTTRANSFER_TIME_T);
  reply_.total = time(CURLINFO_TOTAL_TIME_T);
  if (result != CURLE_OK && !stopped_) {
    reply_.error = in_words(result);
    reply_.our_fault = our_fault(socket_error_);
  }
  return std::move(reply_);
}

Duration Transfer::time(CURLINFO which) const {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy_, which, &microseconds);
  return std::chrono::microseconds(microseconds);
}

std::string Transfer::late_in_words() const {
  const std::string within = " within " + format_duration(request_.timeout);
  if (time(CURLINFO_CONNECT_TIME_T) == Duration::zero()) return "no connection" + within;
  if (time(CURLINFO_STARTTRANSFER_TIME_T) == Duration::zero()) return "no answer" + within;
  return "no complete answer" + within;
}

std::string Transfer::in_words(CURLcode result) const {
  const std::string details = printable(problem_, 200);
  switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
      return late_in_words();
    case CURLE_COULDNT_CONNECT: {
      long error = socket_error_;
      if (error == 0) curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &error);
      return error == 0 ? "cannot connect: " + details : socket_words(static_cast<int>(error));
    }
    case CURLE_GOT_NOTHING:
      return "closed without an answer";
    case CURLE_PARTIAL_FILE:
      return "closed in the middle of the answer";
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return "connection broken: " + details;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return fmt::format("the answer is not {}: {}", is_ftp(request_.protocol) ? "FTP" : "HTTP", details);
    case CURLE_PEER_FAILED_VERIFICATION:
      return "TLS certificate refused: " + details;
    case CURLE_SSL_CONNECT_ERROR:
      return "TLS handshake failed: " + details;
    default:
      return details.empty() ? curl_easy_strerror(result) : details;
  }
}

}  // namespace popnet::probe
