#include "common/ip.h"

#include <arpa/inet.h>
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
  auto bytes = address.mapped();
  const int keep = length + 128 - address.width();
  for (int i = 0; i < 16; ++i) {
    const int bits = std::clamp(keep - i * 8, 0, 8);
    bytes[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> bits);
  }
  // Through the 4 bytes, so that a zero-length IPv4 prefix stays IPv4.
  address_ = IpAddress::from_bytes(address.is_v4() ? std::span<const uint8_t>(bytes).subspan(12)
                                                   : std::span<const uint8_t>(bytes));
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
  return address.is_v4() == address_.is_v4() && Prefix(address, length_).address_ == address_;
}

IpAddress Prefix::last() const {
  auto bytes = address_.mapped();
  const int keep = length_ + 128 - address_.width();
  for (int i = 0; i < 16; ++i) {
    const int bits = std::clamp(keep - i * 8, 0, 8);
    bytes[static_cast<size_t>(i)] |= static_cast<uint8_t>(0xff >> bits);
  }
  return IpAddress::from_bytes(bytes);
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
