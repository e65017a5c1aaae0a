// IP addresses, prefixes and endpoints as plain values. Bytes are in network order; an IPv4 address is kept
// in its IPv4-mapped IPv6 form (RFC 4291 section 2.5.5.2), so that one 16-byte comparison and one table serve
// both families.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/hash.h"
#include "common/result.h"

namespace popnet {

class IpAddress {
 public:
  /// The IPv6 unspecified address "::".
  constexpr IpAddress() = default;

  /// Accepts dotted IPv4 and RFC 4291 IPv6 text, without brackets, zone or port.
  static Result<IpAddress> parse(std::string_view text);
  /// REQUIRES: bytes.size() is 4 or 16
  static IpAddress from_bytes(std::span<const uint8_t> bytes);
  static IpAddress v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    const uint8_t bytes[4] = {a, b, c, d};
    return from_bytes(bytes);
  }

  [[nodiscard]] bool is_v4() const { return std::memcmp(bytes_.data(), v4_head, sizeof v4_head) == 0; }
  /// 4 bytes for IPv4, 16 for IPv6, network order.
  [[nodiscard]] std::span<const uint8_t> bytes() const {
    return is_v4() ? std::span<const uint8_t>(bytes_).subspan(12) : std::span<const uint8_t>(bytes_);
  }
  /// Always 16 bytes, IPv4 as ::ffff:a.b.c.d.
  [[nodiscard]] const std::array<uint8_t, 16>& mapped() const { return bytes_; }
  [[nodiscard]] int width() const { return is_v4() ? 32 : 128; }
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  static constexpr uint8_t v4_head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

  std::array<uint8_t, 16> bytes_{};
};

/// An address prefix in CIDR form. Bits behind the length are always zero. The length counts in the address's
/// own family: 0..32 for IPv4, 0..128 for IPv6.
class Prefix {
 public:
  Prefix() = default;
  /// Cuts the address to the length. REQUIRES: 0 <= length <= address.width()
  Prefix(const IpAddress& address, int length);

  /// "198.51.100.0/24", "2001:db8::/32", or a plain address (full length). Set bits behind the length are an
  /// error.
  static Result<Prefix> parse(std::string_view text);

  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] int length() const { return length_; }
  [[nodiscard]] bool contains(const IpAddress& address) const;
  /// First and last address of the prefix.
  [[nodiscard]] IpAddress first() const { return address_; }
  [[nodiscard]] IpAddress last() const;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] uint64_t hash(uint64_t seed = 0) const {
    const auto& b = address_.mapped();
    return mix64(hash_bytes({reinterpret_cast<const char*>(b.data()), b.size()}, seed) +
                 static_cast<uint64_t>(length_));
  }

  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;  ///< host order

  /// "192.0.2.1:80" or "[2001:db8::1]:80".
  static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace popnet

template <>
struct std::hash<popnet::Prefix> {
  size_t operator()(const popnet::Prefix& p) const { return p.hash(); }
};
template <>
struct std::hash<popnet::IpAddress> {
  size_t operator()(const popnet::IpAddress& a) const {
    const auto& b = a.mapped();
    return popnet::hash_bytes({reinterpret_cast<const char*>(b.data()), b.size()});
  }
};
