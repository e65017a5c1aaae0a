#include "dns/wire/proxy_header.h"

#include <algorithm>

#include "common/bytes.h"

namespace popnet::dns {

namespace {

constexpr uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr uint8_t version_local = 0x20, version_proxy = 0x21;
constexpr uint8_t family_ipv4 = 1, family_ipv6 = 2, family_unix = 3;

bool begins_like_signature(std::span<const uint8_t> bytes) {
  const size_t size = std::min(bytes.size(), sizeof signature);
  return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), signature);
}

}  // namespace

ProxyHeader read_proxy_header(std::span<const uint8_t> bytes) {
  ProxyHeader header;
  if (!begins_like_signature(bytes)) return header;
  header.verdict = ProxyHeader::Verdict::incomplete;
  header.size = proxy_header_min;
  if (bytes.size() < proxy_header_min) return header;
  ByteReader in(bytes.subspan(sizeof signature));
  const uint8_t command = in.u8();
  const uint8_t family = in.u8() >> 4;
  const size_t length = in.u16();
  if ((command != version_local && command != version_proxy) || family > family_unix) return {};
  header.size = proxy_header_min + length;
  if (bytes.size() < header.size) return header;
  header.verdict = ProxyHeader::Verdict::fine;
  if (command == version_local || (family != family_ipv4 && family != family_ipv6)) return header;
  const size_t address_size = family == family_ipv4 ? 4 : 16;
  if (length < 2 * address_size + 4) return {};
  const auto address = in.take(address_size);
  in.skip(address_size);  // where the client went to
  header.source = Endpoint{IpAddress::from_bytes(address), in.u16()};
  return header;
}

}  // namespace popnet::dns
