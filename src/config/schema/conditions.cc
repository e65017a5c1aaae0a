#include "config/schema/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "common/text.h"
#include "common/units.h"
#include "config/schema/scalar.h"

namespace popnet::config {

namespace {

constexpr std::string_view upper_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view lower_letters = "abcdefghijklmnopqrstuvwxyz0123456789";

Status unless(bool wrong, const std::string& text, std::string_view what, std::string_view right) {
  if (!wrong) return {};
  return Error{ErrorCode::invalid, fmt::format("'{}' is not {}, write {}", text, what, right)};
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_port(std::string_view text) {
  return parse_integer(text, 1, 65535).ok();
}

/// host, host:port, [v6] or [v6]:port.
bool splits_to_host(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos || !IpAddress::parse(text.substr(1, end - 1))) return false;
    return end + 1 == text.size() || (text[end + 1] == ':' && is_port(text.substr(end + 2)));
  }
  const auto colon = text.find(':');
  if (colon != text.npos && !is_port(text.substr(colon + 1))) return false;
  return parse_dns_name(text.substr(0, colon)).ok();
}

bool is_nats_server(std::string_view url) {
  constexpr std::string_view scheme = "nats://";
  if (!url.starts_with(scheme)) return false;
  url.remove_prefix(scheme.size());
  url.remove_prefix(url.find('@') == url.npos ? 0 : url.find('@') + 1);
  return splits_to_host(url);
}

}  // namespace

Status is_label(const std::string& text) {
  const bool fine = !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
                    text.find_first_not_of(std::string(lower_letters) + "-") == text.npos;
  return unless(!fine, text, "a name for it", "lower-case letters, digits and '-', at most 63");
}

Status is_word(const std::string& text) {
  const bool fine = is_visible(text) && text.size() <= 64 && text.find('/') == text.npos;
  return unless(!fine, text, "a name for it", "letters, digits and signs but '/', at most 64");
}

Status is_whole_seconds(const Duration& duration) {
  if (duration % std::chrono::seconds(1) == Duration{}) return {};
  return Error{ErrorCode::invalid, "DNS counts whole seconds, write one like 20s"};
}

Status is_host(const std::string& text) {
  return unless(!splits_to_host(text), text, "a host", "one like www.example.com or 192.0.2.1:8080");
}

Status is_mail_address(const std::string& text) {
  const auto at = text.find('@');
  const bool fine = at != text.npos && at > 0 && is_visible(text) && parse_dns_name(text.substr(at + 1)).ok();
  return unless(!fine, text, "a mail address", "one like hostmaster@example.com");
}

Status is_url_path(const std::string& text) {
  return unless(!is_visible(text) || text.front() != '/', text, "a path",
                "one that begins with '/', like /status?full=1");
}

Status is_path_segment(const std::string& text) {
  const bool fine = !text.empty() && text.size() <= 255 && text != "." && text != ".." &&
                    to_lower(text).find_first_not_of(std::string(lower_letters) + "-._~") == text.npos;
  return unless(!fine, text, "one segment of a path", "letters, digits, '-', '.', '_' and '~'");
}

Status is_rule_path(const std::string& text) {
  const auto stars = std::count(text.begin(), text.end(), '*');
  const bool all = text == "*";
  const bool exact_or_prefix = text.starts_with('/') && (stars == 0 || (stars == 1 && text.ends_with('*')));
  const bool suffix = text.size() > 1 && text.starts_with('*') && stars == 1;
  return unless(!is_visible(text) || !(all || exact_or_prefix || suffix), text, "a path to match",
                "one like /static/*, *.png, /exact or *");
}

Status is_nats_url(const std::string& text) {
  const auto servers = split(text, ',');
  return unless(!std::all_of(servers.begin(), servers.end(), is_nats_server), text,
                "the URL of a NATS server", "one like nats://192.0.2.1:4222");
}

Status is_key_of_16_bytes(const std::string& text) {
  const bool fine = text.size() == 32 && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
  return unless(!fine, text, "a key", "32 hexadecimal digits, for example from `openssl rand -hex 16`");
}

Status is_base64(const std::string& text) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t end = text.find_last_not_of('=') + 1;  // 0 when there is nothing else
  const bool fine =
      end > 0 && text.size() % 4 == 0 && text.size() - end <= 2 && text.find_first_not_of(digits) >= end;
  return unless(!fine, text, "base64", "for example what `openssl rand -base64 32` prints");
}

Status is_nsid(const std::string& text) {
  const bool fine =
      text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return unless(!fine, text, "a name for it", "printable ASCII, at most 64 characters");
}

Status is_slice_size(const uint64_t& bytes) {
  constexpr uint64_t least = 64 * 1024;
  return unless(
      bytes > 0 && bytes < least, format_size(bytes), "a size for slices",
      "64KiB or more (each slice costs a request to an origin and an object in the store), or 0 for none");
}

Status is_field_name(const std::string& text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  const bool fine = !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != others.npos;
  });
  return unless(!fine, text, "the name of a field", "one like Accept-Language");
}

Status is_continent(const std::string& text) {
  constexpr std::array<std::string_view, 7> continents = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};
  return unless(std::find(continents.begin(), continents.end(), text) == continents.end(), text,
                "a continent", "AF, AN, AS, EU, NA, OC or SA");
}

Status is_country(const std::string& text) {
  const bool fine = text.size() == 2 && text.find_first_not_of(upper_letters) == text.npos;
  return unless(!fine, text, "a country's code", "two capital letters, like NL");
}

Status is_subdivision(const std::string& text) {
  const bool fine = text.size() >= 4 && text.size() <= 6 && text[2] == '-' &&
                    is_country(text.substr(0, 2)).ok() &&
                    text.find_first_not_of(std::string(upper_letters) + "0123456789", 3) == text.npos;
  return unless(!fine, text, "a part of a country", "country and part, like US-CA");
}

Status is_alpn(const std::string& text) {
  const bool fine = is_visible(text) && text.size() <= 16 && text.find_first_of(",\\\"") == text.npos;
  return unless(!fine, text, "the name of a protocol", "one like h2, h3 or http/1.1");
}

Status is_something(const std::string& text) {
  return unless(text.empty(), text, "enough", "something");
}

}  // namespace popnet::config
