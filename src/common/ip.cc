#include "common/ip.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace popnet {

namespace {

Error bad(std::string_view what, std::string_view text, std::string_view right) {
  return {ErrorCode::invalid, fmt::format("'{}' is not {}: expected {}", text, what, right)};
}

template <class Int>
bool parse_whole(std::string_view text, Int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// The 16 bytes of an address as two numbers: a million networks are cut and compared when they are ranked.
struct Words {
  uint64_t high = 0, low = 0;
  bool operator==(const Words&) const = default;
  Words operator&(const Words& o) const { return {high & o.high, low & o.low}; }
  Words operator|(const Words& o) const { return {high | o.high, low | o.low}; }
  Words operator^(const Words& o) const { return {high ^ o.high, low ^ o.low}; }
  Words operator~() const { return {~high, ~low}; }
};

Words words_of(const IpAddress& address) {
  uint64_t words[2];
  std::memcpy(words, address.mapped().data(), sizeof words);
  return {be64toh(words[0]), be64toh(words[1])};
}

IpAddress address_of(const Words& words) {
  const uint64_t bytes[2] = {htobe64(words.high), htobe64(words.low)};
  return IpAddress::from_bytes({reinterpret_cast<const uint8_t*>(bytes), sizeof bytes});
}

/// Of 128 bits the first `count` are set.
Words leading_ones(int count) {
  const auto ones = [](int n) { return n <= 0 ? 0 : ~uint64_t{0} << (64 - std::min(n, 64)); };
  return {ones(count), ones(count - 64)};
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN + 1];
  uint8_t bytes[16];
  if (text.size() < sizeof buffer && text.find('\0') == text.npos) {
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = 0;
    if (inet_pton(AF_INET, buffer, bytes) == 1) return from_bytes({bytes, 4});
    if (inet_pton(AF_INET6, buffer, bytes) == 1) return from_bytes({bytes, 16});
  }
  return bad("an IP address", text, "for example 192.0.2.1 or 2001:db8::1");
}

IpAddress IpAddress::from_bytes(std::span<const uint8_t> bytes) {
  IpAddress address;
  if (bytes.size() == 4) {
    std::copy(std::begin(v4_head), std::end(v4_head), address.bytes_.begin());
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin() + 12);
  } else {
    assert(bytes.size() == 16);
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  }
  return address;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[12] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; }) && bytes_[15] == 1;
}

bool IpAddress::is_unspecified() const {
  const auto own = bytes();
  return std::all_of(own.begin(), own.end(), [](uint8_t b) { return b == 0; });
}

std::string IpAddress::to_string() const {
  const auto b = bytes();
  if (is_v4()) {  // by hand: each request to an origin and each line of the access log has one
    char text[16];
    char* end = text;
    for (const uint8_t part : b) {
      if (end != text) *end++ = '.';
      end = std::to_chars(end, text + sizeof text, unsigned{part}).ptr;
    }
    return {text, end};
  }
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, b.data(), buffer, sizeof buffer);
}

Prefix::Prefix(const IpAddress& address, int length) : length_(length) {
  assert(length >= 0 && length <= address.width());
  address_ = address_of(words_of(address) & leading_ones(length + 128 - address.width()));
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return bad("a prefix", text, "for example 198.51.100.0/24 or 2001:db8::/32");
  int length = address->width();
  if (slash != text.npos &&
      (!parse_whole(text.substr(slash + 1), length) || length < 0 || length > address->width()))
    return bad("a prefix", text, fmt::format("a length of 0 to {} behind the '/'", address->width()));
  const Prefix prefix(*address, length);
  if (prefix.address() != *address) return bad("a prefix", text, prefix.to_string());
  return prefix;
}

bool Prefix::contains(const IpAddress& address) const {
  return address.is_v4() == address_.is_v4() && ((words_of(address) ^ words_of(address_)) &
                                                 leading_ones(length_ + 128 - address_.width())) == Words{};
}

IpAddress Prefix::last() const {
  return address_of(words_of(address_) | ~leading_ones(length_ + 128 - address_.width()));
}

std::string Prefix::to_string() const {
  return fmt::format("{}/{}", address_.to_string(), length_);
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  Endpoint endpoint;
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto address = IpAddress::parse(host);
  if (colon == text.npos || !address || address->is_v4() == bracketed ||
      !parse_whole(text.substr(colon + 1), endpoint.port))
    return bad("an address with a port", text, "for example 192.0.2.1:80 or [2001:db8::1]:80");
  endpoint.address = *address;
  return endpoint;
}

std::string Endpoint::to_string() const {
  return address.is_v4() ? fmt::format("{}:{}", address.to_string(), port)
                         : fmt::format("[{}]:{}", address.to_string(), port);
}

}  // namespace popnet
