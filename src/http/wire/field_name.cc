#include "http/wire/field_name.h"

#include <array>
#include <cstring>

namespace popnet::http {
namespace {

constexpr std::array<std::string_view, field_name_count> names = {
    "",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Ranges",
    "Age",
    "Allow",
    "Authorization",
    "Cache-Control",
    "Cache-Status",
    "Cache-Tag",
    "CDN-Cache-Control",
    "CDN-Loop",
    "Connection",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "ETag",
    "Expect",
    "Expires",
    "Forwarded",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Last-Modified",
    "Location",
    "Max-Forwards",
    "Origin",
    "Popnet-Cache-Control",
    "Pragma",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Referer",
    "Retry-After",
    "Server",
    "Server-Timing",
    "Set-Cookie",
    "Surrogate-Key",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Vary",
    "Via",
    "WWW-Authenticate",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Request-Id",
};

constexpr size_t name_max = 25;  // of "Proxy-Authentication-Info"

constexpr uint32_t lower_byte(char c) {
  return static_cast<uint32_t>(static_cast<unsigned char>(c)) | 0x20U;
}

/// A perfect hash of the table above: length, first, middle and last character tell all names apart, and the
/// multiplier (found by search; the build fails when a new name needs another one) gives each its own slot.
constexpr uint8_t slot_of(std::string_view name) {
  const uint32_t key = static_cast<uint32_t>(name.size()) | lower_byte(name.front()) << 8 |
                       lower_byte(name[name.size() / 2]) << 16 | lower_byte(name.back()) << 24;
  return static_cast<uint8_t>((key * 0xb6b54821U) >> 24);
}

constexpr std::array<FieldName, 256> make_slots() {
  std::array<FieldName, 256> slots{};
  for (size_t i = 1; i < names.size(); ++i) slots[slot_of(names[i])] = static_cast<FieldName>(i);
  return slots;
}
constexpr auto slots = make_slots();

constexpr bool every_name_has_its_slot() {
  for (size_t i = 1; i < names.size(); ++i)
    if (slots[slot_of(names[i])] != static_cast<FieldName>(i) || names[i].size() > name_max) return false;
  return true;
}
static_assert(every_name_has_its_slot(), "search another multiplier for slot_of()");

uint64_t load8(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  return word;
}
uint32_t load4(const char* p) {
  uint32_t word;
  std::memcpy(&word, p, 4);
  return word;
}

/// Setting bit 5 makes letters lower case and changes no other byte of the known names ('-' has it set). It
/// also maps a few other bytes onto those of the names, but none that may stand in a token.
bool same_name(const char* a, const char* b, size_t size) {
  constexpr uint64_t case_bits = 0x2020202020202020ULL;
  if (size < 4) {
    for (size_t i = 0; i < size; ++i)
      if (lower_byte(a[i]) != lower_byte(b[i])) return false;
    return true;
  }
  if (size < 8) {
    const uint32_t head = load4(a) ^ load4(b);
    const uint32_t tail = load4(a + size - 4) ^ load4(b + size - 4);
    return ((head | tail) & ~static_cast<uint32_t>(case_bits)) == 0;
  }
  uint64_t differ = load8(a + size - 8) ^ load8(b + size - 8);
  for (size_t i = 0; i + 8 < size; i += 8) differ |= load8(a + i) ^ load8(b + i);
  return (differ & ~case_bits) == 0;
}

}  // namespace

std::string_view to_string(FieldName name) {
  return names[static_cast<size_t>(name)];
}

FieldName find_field_name(std::string_view name) {
  if (name.empty() || name.size() > name_max) return FieldName::other;
  const FieldName candidate = slots[slot_of(name)];
  const auto known = names[static_cast<size_t>(candidate)];
  return known.size() == name.size() && same_name(name.data(), known.data(), name.size()) ? candidate
                                                                                          : FieldName::other;
}

}  // namespace popnet::http
