#include "config/load/private_address.h"

#include <algorithm>
#include <iterator>

namespace popnet::config {
namespace {

struct Range {
  const char* prefix;
  std::string_view what;
};
constexpr Range ranges[] = {
    {"0.0.0.0/8", "an address of this machine"},          // RFC 791
    {"10.0.0.0/8", "a private address"},                  // RFC 1918
    {"100.64.0.0/10", "a private address of a carrier"},  // RFC 6598
    {"127.0.0.0/8", "a loopback address"},                // RFC 1122
    {"169.254.0.0/16", "a link-local address"},           // RFC 3927; metadata services of clouds
    {"172.16.0.0/12", "a private address"},               // RFC 1918
    {"192.0.0.0/24", "an address for special purposes"},  // RFC 6890
    {"192.168.0.0/16", "a private address"},              // RFC 1918
    {"198.18.0.0/15", "an address for measurements"},     // RFC 2544
    {"::/127", "a loopback address"},                     // RFC 4291, with "::"
    {"64:ff9b:1::/48", "a private address"},              // RFC 8215
    {"fc00::/7", "a private address"},                    // RFC 4193
    {"fe80::/10", "a link-local address"},                // RFC 4291
    {"fec0::/10", "a private address"},                   // RFC 3879
};

/// The IPv4 address inside of an IPv6 one; the address itself when there is none.
IpAddress carried(const IpAddress& address) {
  static const Prefix nat64 = Prefix::parse("64:ff9b::/96").value(),
                      sixtofour = Prefix::parse("2002::/16").value(),
                      compatible = Prefix::parse("::/96").value();
  const auto& bytes = address.mapped();
  if (address.is_v4()) return address;
  if (sixtofour.contains(address)) return IpAddress::from_bytes(std::span(bytes).subspan(2, 4));
  const bool high = bytes[12] != 0 || bytes[13] != 0;
  if (nat64.contains(address) || (compatible.contains(address) && high))
    return IpAddress::from_bytes(std::span(bytes).subspan(12, 4));
  return address;
}

}  // namespace

std::string_view why_private(const IpAddress& address) {
  static const auto prefixes = [] {
    std::array<Prefix, std::size(ranges)> all;
    std::transform(std::begin(ranges), std::end(ranges), all.begin(),
                   [](const Range& range) { return Prefix::parse(range.prefix).value(); });
    return all;
  }();
  const IpAddress meant = carried(address);
  for (size_t i = 0; i < prefixes.size(); ++i)
    if (prefixes[i].contains(meant)) return ranges[i].what;
  return {};
}

}  // namespace popnet::config
