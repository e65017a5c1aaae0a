#include "dns/server/service.h"

namespace popnet::dns {

namespace {

constexpr uint16_t service_mode = 1;  // priority; 0 would be an alias
constexpr uint16_t key_alpn = 1, key_ipv4hint = 4,
                   key_ipv6hint = 6;  // RFC 9460 section 14.3.2, in ascending order

void write_hints(uint16_t key, std::span<const IpAddress> addresses, ByteWriter& out) {
  if (addresses.empty()) return;
  out.u16(key);
  out.u16(static_cast<uint16_t>(addresses.size() * addresses.front().bytes().size()));
  for (const IpAddress& address : addresses) out.bytes(address.bytes());
}

}  // namespace

void write_https_data(std::span<const std::string> alpn, std::span<const IpAddress> v4,
                      std::span<const IpAddress> v6, ByteWriter& out) {
  const size_t start = out.size();
  out.u16(0);
  out.u16(service_mode);
  out.u8(0);  // target: the owner
  size_t names = 0;
  for (const std::string& name : alpn) names += 1 + name.size();
  out.u16(key_alpn);
  out.u16(static_cast<uint16_t>(names));
  for (const std::string& name : alpn) {
    out.u8(static_cast<uint8_t>(name.size()));
    out.bytes({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
  }
  write_hints(key_ipv4hint, v4, out);
  write_hints(key_ipv6hint, v6, out);
  out.patch_u16(start, static_cast<uint16_t>(out.size() - start - 2));
}

}  // namespace popnet::dns
