// Conditions on single values, beyond type and bounds: shared by the tables and by probe kinds. Each returns
// success, or a message that says what would be right.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "common/time.h"

namespace popnet::config {

/// Names that we give to sites and POPs: they become DNS labels, URL parts and metric labels. Lower-case
/// letters, digits and '-', 1 to 63, not beginning or ending with '-'.
Status is_label(const std::string& text);
/// Anything printable but spaces and '/', 1 to 64: names of origins.
Status is_word(const std::string& text);
/// TTLs of the DNS count whole seconds.
Status is_whole_seconds(const Duration& duration);
/// "name" or "name:port"; an address counts as a name, an IPv6 address stands in brackets.
Status is_host(const std::string& text);
/// "user@example.com".
Status is_mail_address(const std::string& text);
/// Begins with '/' and has no spaces or control characters: a path of a request, with query if one likes.
Status is_url_path(const std::string& text);
/// One segment of a path, without '/' and without need of escapes.
Status is_path_segment(const std::string& text);
/// "/static/*", "*.png", "/x" or "*": at most one '*', at the beginning or the end.
Status is_rule_path(const std::string& text);
/// "nats://host:port", several separated by commas.
Status is_nats_url(const std::string& text);
/// 32 hexadecimal digits.
Status is_key_of_16_bytes(const std::string& text);
/// Whole bytes in base64 (RFC 4648 section 4), at least one.
Status is_base64(const std::string& text);
/// Printable ASCII, at most 64 characters; may be empty.
Status is_nsid(const std::string& text);
/// 0, or at least 64 KiB.
Status is_slice_size(const uint64_t& bytes);
/// A token (RFC 9110 section 5.6.2), at most 64 characters: the name of a field of HTTP.
Status is_field_name(const std::string& text);
/// A continent's two letters, as GeoIP databases write them.
Status is_continent(const std::string& text);
/// A country of ISO 3166-1 by its two capital letters; not whether there is one.
Status is_country(const std::string& text);
/// A part of a country by ISO 3166-2: "US-CA".
Status is_subdivision(const std::string& text);
/// A protocol's name in TLS (ALPN, RFC 7301): "h2", "http/1.1".
Status is_alpn(const std::string& text);
/// Not empty.
Status is_something(const std::string& text);

}  // namespace popnet::config
