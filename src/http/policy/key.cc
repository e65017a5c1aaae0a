#include "http/policy/key.h"

#include <algorithm>

#include "common/text.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

bool is_default_port(bool https, std::string_view port) {
  return port.empty() || parse_decimal(port) == (https ? 443U : 80U);
}

/// ":8080", without leading zeros; empty for the scheme's own port.
std::string_view significant_digits(std::string_view port) {
  return port.substr(std::min(port.find_first_not_of('0'), port.size() - 1));
}

}  // namespace

KeyParts key_parts(std::string_view site, const RequestHead& request, bool ignore_query) {
  const bool with_query = request.target.has_query && !ignore_query;
  return {.site = site,
          .https = request.https,
          .host = request.host,
          .port = request.port,
          .path = request.target.path,
          .query = with_query ? request.target.query : std::string_view{},
          .has_query = with_query};
}

std::string_view KeyBuilder::make(const KeyParts& parts) {
  constexpr size_t separators_max = 32;
  if (parts.site.size() + parts.host.size() + parts.port.size() + parts.path.size() + parts.query.size() +
          separators_max >
      room_.size())
    return {};
  char* out = room_.data();
  const auto put = [&out](std::string_view text) { out = std::copy(text.begin(), text.end(), out); };
  put(parts.site);
  *out++ = '\0';
  put(parts.https ? "https://" : "http://");
  out = std::transform(parts.host.begin(), parts.host.end(), out, [](char c) { return to_lower(c); });
  if (!is_default_port(parts.https, parts.port)) {
    *out++ = ':';
    put(significant_digits(parts.port));
  }
  put(parts.path.empty() ? "/" : parts.path);
  if (parts.has_query) {
    *out++ = '?';
    put(parts.query);
  }
  return {room_.data(), static_cast<size_t>(out - room_.data())};
}

KeyParts key_parts(std::string_view site, const HttpUrl& url, bool ignore_query) {
  const bool with_query = url.has_query && !ignore_query;
  return {.site = site,
          .https = url.https,
          .host = url.host,
          .port = url.port,
          .path = url.path,
          .query = with_query ? url.query : std::string_view{},
          .has_query = with_query};
}

}  // namespace popnet::http
