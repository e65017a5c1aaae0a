#include "control/cli/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <utility>

#include "common/text.h"
#include "control/cli/fields.h"

namespace popnet::control {

namespace {

constexpr size_t answer_bytes_max = 64 << 20;
constexpr long connect_timeout_s = 3;

struct CurlDelete {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Curl = std::unique_ptr<CURL, CurlDelete>;

struct FreeFields {
  void operator()(curl_slist* fields) const { curl_slist_free_all(fields); }
};

size_t collect(const char* bytes, size_t, size_t count, void* answer) {
  auto& text = *static_cast<std::string*>(answer);
  if (text.size() + count > answer_bytes_max) return 0;  // ends the transfer
  text.append(bytes, count);
  return count;
}

std::string without_scheme(std::string admin) {
  if (admin.starts_with("http://")) admin.erase(0, std::strlen("http://"));
  while (admin.ends_with('/')) admin.pop_back();
  return admin;
}

Error not_an_address(const std::string& admin) {
  return {ErrorCode::usage,
          fmt::format("'{}' is not an address with a port, for example {}", admin, Client::default_admin)};
}

Error no_answer(CURL* curl, CURLcode code, const std::string& admin) {
  if (code == CURLE_OPERATION_TIMEDOUT)
    return {ErrorCode::timeout, fmt::format("the node at {} does not answer in time", admin)};
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) {
    long os_error = 0;
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
    const std::string why =
        os_error != 0 ? std::strerror(static_cast<int>(os_error)) : curl_easy_strerror(code);
    return {ErrorCode::unavailable,
            fmt::format("no node answers at {}: {}; is popnet serve running?", admin, to_lower(why))};
  }
  if (code == CURLE_URL_MALFORMAT) return not_an_address(admin);
  return {ErrorCode::peer, fmt::format("what answers at {} is not a popnet node: {}", admin,
                                       to_lower(curl_easy_strerror(code)))};
}

ErrorCode error_code(long status) {
  switch (status) {
    case 400:
    case 403:
    case 405:
    case 413:
      return ErrorCode::invalid;
    case 404:
      return ErrorCode::not_found;
    case 412:
      return ErrorCode::conflict;
    case 503:
      return ErrorCode::unavailable;
    case 504:
      return ErrorCode::timeout;
    default:
      return ErrorCode::peer;
  }
}

Error refusal(long status, const std::string& body, const std::string& admin) {
  const auto answer = Fields::parse(body);
  std::string message = answer.text("error");
  if (message.empty())
    return {ErrorCode::peer,
            fmt::format("what answers at {} is not a popnet node: HTTP status {}", admin, status)};
  for (const std::string& problem : answer.texts("problems")) message += "\n" + problem;
  return {error_code(status), std::move(message)};
}

}  // namespace

Client::Client(std::string admin) : admin_(without_scheme(std::move(admin))) {}

std::string Client::escape(std::string_view value) {
  char* escaped = curl_easy_escape(nullptr, value.data(), static_cast<int>(value.size()));
  std::string text = escaped != nullptr ? escaped : "";
  curl_free(escaped);
  return text;
}

Result<std::string> Client::ask(const char* method, const std::string& path, const std::string& body,
                                const std::string& condition, std::string* etag) {
  if (admin_.empty()) return not_an_address(admin_);
  const Curl owner(curl_easy_init());
  CURL* curl = owner.get();
  if (curl == nullptr) return Error{ErrorCode::machine, "libcurl does not start"};
  const std::string url = "http://" + admin_ + path;
  std::string answer;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl, CURLOPT_PROXY,
                   "");  // of this machine: the environment's proxy does not know the way
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_timeout_s);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  if (std::strcmp(method, "GET") != 0) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  }
  const std::unique_ptr<curl_slist, FreeFields> fields(
      condition.empty() ? nullptr : curl_slist_append(nullptr, condition.c_str()));
  if (fields) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields.get());
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return no_answer(curl, code, admin_);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return refusal(status, answer, admin_);
  if (etag != nullptr) {
    curl_header* field = nullptr;
    *etag = curl_easy_header(curl, "ETag", 0, CURLH_HEADER, -1, &field) == CURLHE_OK ? field->value : "";
  }
  return answer;
}

}  // namespace popnet::control
