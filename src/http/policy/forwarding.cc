#include "http/policy/forwarding.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/text.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

/// RFC 9110 section 7.6.1, and the fields of proxy authentication (section 11.7): we are no proxy that asks
/// for it.
bool is_always_hop_by_hop(FieldName id) {
  switch (id) {
    case FieldName::connection:
    case FieldName::keep_alive:
    case FieldName::proxy_authenticate:
    case FieldName::proxy_authentication_info:
    case FieldName::proxy_authorization:
    case FieldName::proxy_connection:
    case FieldName::te:
    case FieldName::transfer_encoding:
    case FieldName::upgrade:
      return true;
    default:
      return false;
  }
}

/// RFC 9110 section 7.6.1: what is meant for all recipients is never a connection option. Whoever names it there may not
/// hide from the caches behind us what we heed ourselves: they would share what is private, or take one variant for all.
bool is_for_all_recipients(FieldName id) {
  switch (id) {
    case FieldName::cache_control:
    case FieldName::cdn_cache_control:
    case FieldName::date:
    case FieldName::expires:
    case FieldName::popnet_cache_control:
    case FieldName::vary:
      return true;
    default:
      return false;
  }
}

/// RFC 3875 section 4.1.18 says so of "-" alone; there are servers that do it to all that is no letter or digit.
char to_cgi(char c) {
  const bool kept = (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
  return kept ? c : '-';
}

/// With which method the server is to take the request: on a GET whose answer is for all, no user's to say.
bool is_method_override(const Field& field) {
  constexpr std::string_view names[] = {"X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"};
  return field.id == FieldName::other &&
         std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view n) { return same_to_cgi(field.name, n); });
}

/// Is this field left out because it speaks of what one user has, or wants?
bool is_of_one_user(FieldName id, ForWhom whom) {
  switch (id) {
    case FieldName::if_match:
    case FieldName::if_modified_since:
    case FieldName::if_none_match:
    case FieldName::if_unmodified_since:
      return whom == ForWhom::store || whom == ForWhom::part;
    case FieldName::range:
    case FieldName::if_range:
      return whom == ForWhom::store;
    default:
      return false;
  }
}

/// received-protocol SP received-by [ RWS comment ]: the middle part.
std::string_view received_by(std::string_view entry) {
  entry = trim(entry.substr(std::min(entry.find_first_of(" \t"), entry.size())), " \t");
  return entry.substr(0, entry.find_first_of(" \t"));
}

}  // namespace

HopByHop::HopByHop(const Fields& fields) {
  if (!fields.has(FieldName::connection)) return;
  for (ListItems items(fields, FieldName::connection); items.next() && named_count_ < named_.size();)
    if (!iequals(items.item(), "close") && !iequals(items.item(), "keep-alive"))
      named_[named_count_++] = {items.item().data(), items.item().size()};
}

bool HopByHop::has(const Field& field) const {
  if (is_always_hop_by_hop(field.id)) return true;
  const auto named = std::span(named_).first(named_count_);
  return !named.empty() && !is_for_all_recipients(field.id) &&
         std::any_of(named.begin(), named.end(), [&](Name n) {
           return iequals({n.text, n.size}, field.name);
         });
}

namespace {

/// Written by the edge itself, or told by gateways to servers.
bool is_gateways(FieldName id) {
  switch (id) {
    case FieldName::forwarded:
    case FieldName::host:
    case FieldName::via:
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_proto:
    case FieldName::x_request_id:
      return true;
    default:
      return false;
  }
}

bool is_gateways(std::string_view name) {
  constexpr std::string_view prefix = "X-Forwarded";
  constexpr std::string_view names[] = {
      "CF-Connecting-IP", "Client-IP",       "Fastly-Client-IP", "Front-End-Https",
      "True-Client-IP",   "Proxy",           "X-Client-IP",      "X-Cluster-Client-IP",
      "X-Host",           "X-Original-Host", "X-Original-URI",   "X-Original-URL",
      "X-Originating-IP", "X-Real-IP",       "X-Remote-Addr",    "X-Remote-IP",
      "X-Rewrite-URL",    "X-Url-Scheme",
  };
  return iequals(name.substr(0, prefix.size()), prefix) || is_gateways(find_field_name(name)) ||
         std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view n) { return iequals(name, n); });
}

}  // namespace

bool is_claim(const Field& field) {
  if (field.id != FieldName::other) return is_gateways(field.id);
  std::array<char, 32> room;  // longer than all of the names
  const std::string_view name = field.name.substr(0, room.size());
  std::transform(name.begin(), name.end(), room.begin(), to_cgi);
  const std::string_view spelled(room.data(), name.size());
  const bool disguised = spelled != name && find_field_name(spelled) != FieldName::other;
  return disguised || is_gateways(spelled);
}

bool is_plain_to_cgi(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return to_cgi(c) == c; });
}

bool same_to_cgi(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) { return to_cgi(to_lower(x)) == to_cgi(to_lower(y)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool is_forwarded_request(const Field& field, const HopByHop& hop, ForWhom whom) {
  switch (field.id) {
    case FieldName::content_length:
    case FieldName::expect:
      return false;
    default:
      return !is_claim(field) && !hop.has(field) && !is_of_one_user(field.id, whom) &&
             (whom == ForWhom::asker || !is_method_override(field));
  }
}

void keep_only(Fields& request, std::span<const std::string> names) {
  const auto is_own = [](FieldName id) {
    switch (id) {
      case FieldName::cache_control:
      case FieldName::content_length:
      case FieldName::expect:
      case FieldName::host:
      case FieldName::if_match:
      case FieldName::if_modified_since:
      case FieldName::if_none_match:
      case FieldName::if_range:
      case FieldName::if_unmodified_since:
      case FieldName::max_forwards:
      case FieldName::range:
      case FieldName::via:
      case FieldName::x_request_id:
        return true;
      default:
        return is_always_hop_by_hop(id);
    }
  };
  request.keep_if([&](const Field& field) {
    return is_own(field.id) || std::any_of(names.begin(), names.end(),
                                           [&](std::string_view name) { return iequals(field.name, name); });
  });
}

bool is_forwarded_response(const Field& field, const HopByHop& hop) {
  switch (field.id) {
    case FieldName::age:
    case FieldName::cache_tag:
    case FieldName::content_length:
    case FieldName::surrogate_key:
    case FieldName::via:
      return false;
    default:
      return !hop.has(field);
  }
}

namespace {

bool names_websocket(const Fields& fields) {
  return list_has(fields, FieldName::connection, "upgrade") && !fields.repeated(FieldName::upgrade) &&
         iequals(fields.get(FieldName::upgrade), "websocket");
}

}  // namespace

bool wants_tunnel(const RequestHead& request) {
  return request.fields.has(FieldName::upgrade) && request.method == Method::get && request.minor == 1 &&
         request.body.kind == Framing::Kind::none && names_websocket(request.fields);
}

bool grants_tunnel(const ResponseHead& response) {
  return response.status == 101 && response.minor == 1 && names_websocket(response.fields);
}

std::string_view make_via(const Fields& fields, uint8_t minor, std::string_view self, std::span<char> room) {
  size_t size = 0;
  const auto put = [&](std::string_view text) {
    if (room.size() - size < text.size()) return false;
    std::copy(text.begin(), text.end(), room.begin() + static_cast<std::ptrdiff_t>(size));
    size += text.size();
    return true;
  };
  const std::string_view protocol = minor == 0 ? "1.0 " : "1.1 ";
  const size_t own = protocol.size() + self.size();
  for (const Field& field : fields)
    if (field.id == FieldName::via && !field.value.empty() &&
        size + field.value.size() + 2 + own <= room.size())
      put(field.value) && put(", ");
  return put(protocol) && put(self) ? std::string_view(room.data(), size) : std::string_view{};
}

bool is_loop(const Fields& request, std::string_view self) {
  for (ListItems items(request, FieldName::via); items.next();)
    if (received_by(items.item()) == self) return true;
  return false;
}

}  // namespace popnet::http
