// Which fields pass through a gateway, and what it adds (RFC 9110 sections 7.6.1 to 7.6.3 and 10.1.4).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/wire/fields.h"
#include "http/wire/head.h"

namespace popnet::http {

/// The fields of one message that are for this connection only: the known ones and those that its Connection
/// field names, but for what tells caches what to do (Cache-Control, Vary, …), which is for all of them. Borrows from the
/// fields, of which the options that a parser lets through count (connection_options_max).
class HopByHop {
 public:
  explicit HopByHop(const Fields& fields);
  [[nodiscard]] bool has(const Field& field) const;

 private:
  /// A string_view that is not set to anything before it is used: most messages name none.
  struct Name {
    const char* text;
    size_t size;
  };
  std::array<Name, connection_options_max> named_;  // by Connection, beyond close and keep-alive
  size_t named_count_ = 0;
};

/// Does a request's field go to the origin? Not: hop-by-hop fields; Content-Length, which the edge writes anew;
/// Expect; what users claim (is_claim()); and what ForWhom says.
enum class ForWhom : uint8_t {
  asker,  ///< as the user sent it
  first,  ///< the same, but the answer may be stored: no other method than the one that it is stored for
  store,  ///< the whole object, whatever one user wants of it: no Range, no conditions
  part,   ///< that part of the object that the user wants, to be stored: no conditions but If-Range
};
bool is_forwarded_request(const Field& field, const HopByHop& hop, ForWhom whom);
/// Is this a field by which gateways tell servers of a request: who sent it, for which host, over what (Forwarded,
/// X-Forwarded-*, X-Real-IP, …), which path it "really" is for (X-Original-URL, X-Rewrite-URL), or one that the edge
/// writes itself (Host, Via, X-Request-Id)? From a user it is a claim: it would poison what is stored for all, and slip
/// past rules and addresses. So would a name of which the origin makes another: see same_to_cgi(), and Proxy, of which CGI makes
/// the variable that names a proxy for what the program fetches.
bool is_claim(const Field& field);
/// CGI and its heirs make one variable of both, "_" standing for "-" (RFC 3875 section 4.1.18) and its like. In any case.
bool same_to_cgi(std::string_view a, std::string_view b);
/// Letters, digits and "-" alone: they make no other name of it.
bool is_plain_to_cgi(std::string_view name);
/// Drops what no origin is to see of a GET or HEAD whose answer may be stored: all but the fields that are named, and
/// those that this gateway reads itself and does not send on as they are (Host, Connection and its like, Cache-Control,
/// conditions and ranges).
void keep_only(Fields& request, std::span<const std::string> names);
/// Does an answer's field go on to the client? Not: hop-by-hop fields; Content-Length, Via and Age, which the
/// edge writes anew; the tags for purging (tags.h), which are for caches. Cache-Status goes on, and ours stands behind it (RFC 9211 section 2).
bool is_forwarded_response(const Field& field, const HopByHop& hop);

/// Does this request ask for a tunnel that a gateway may make: WebSocket (RFC 6455 section 4.1), and nothing
/// else? Any other protocol (h2c above all) would carry requests past the rules of this gateway.
bool wants_tunnel(const RequestHead& request);
/// Is this 101 the consent to it?
bool grants_tunnel(const ResponseHead& response);

/// The Via value of this message with our entry appended: "1.0 old, 1.1 popnet". Old lines that do not fit
/// are left out; empty when not even our entry fits.
std::string_view make_via(const Fields& fields, uint8_t minor, std::string_view self, std::span<char> room);
/// Has this request been through the process already that calls itself so in Via?
bool is_loop(const Fields& request, std::string_view self);

}  // namespace popnet::http
