#include "http/policy/key.h"

#include <algorithm>
#include <charconv>

#include "common/text.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

std::string_view without_final_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

KeyParts key_parts(std::string_view site, const RequestHead& request, bool ignore_query) {
  const bool with_query = request.target.has_query && !ignore_query;
  return {.site = site,
          .https = request.https,
          .host = request.host,
          .path = request.target.path,
          .query = with_query ? request.target.query : std::string_view{},
          .has_query = with_query,
          .port = request.own_port};
}

uint16_t own_port(const RequestHead& request, uint16_t local) {
  if (request.port.empty()) [[likely]]
    return 0;
  const bool standard = local == standard_port(request.https);
  return !standard && parse_decimal(request.port) == local ? local : 0;
}

std::string_view KeyBuilder::make(const KeyParts& parts) {
  constexpr size_t separators_max = 32;
  if (parts.site.size() + parts.host.size() + parts.path.size() + parts.query.size() + separators_max >
      room_.size())
    return {};
  char* out = room_.data();
  const auto put = [&out](std::string_view text) { out = std::copy(text.begin(), text.end(), out); };
  put(parts.site);
  *out++ = '\0';
  put(parts.https ? "https://" : "http://");
  const std::string_view host = without_final_dot(parts.host);
  out = std::transform(host.begin(), host.end(), out, [](char c) { return to_lower(c); });
  put(parts.path.empty() ? "/" : parts.path);
  if (parts.has_query) {
    *out++ = '?';
    put(parts.query);
  }
  if (parts.port != 0) {
    *out++ = '\0';
    out = std::to_chars(out, room_.data() + room_.size(), parts.port).ptr;
  }
  return {room_.data(), static_cast<size_t>(out - room_.data())};
}

KeyParts key_parts(std::string_view site, const HttpUrl& url, bool ignore_query) {
  const bool with_query = url.has_query && !ignore_query;
  return {.site = site,
          .https = url.https,
          .host = url.host,
          .path = url.path,
          .query = with_query ? url.query : std::string_view{},
          .has_query = with_query};
}

}  // namespace popnet::http
