#include "dns/packet/packet.h"

#include <cassert>
#include <cstring>

namespace popnet::dns {

namespace {

constexpr size_t mac_size = 6;
constexpr uint16_t ether_ipv4 = 0x0800, ether_ipv6 = 0x86dd;
constexpr uint8_t protocol_udp = 17;
constexpr uint16_t more_fragments_or_offset = 0x3fff;  // of the IPv4 fragment word
constexpr uint16_t do_not_fragment = 0x4000;
constexpr uint8_t hop_limit = 64;

uint16_t read_u16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

void write_u16(uint8_t* at, size_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

/// The Internet checksum (RFC 1071) before its complement: adds up 16-bit words, here 32 bits at a time in the
/// machine's own byte order, which gives the same sum in that order. Only the last piece may have odd size.
class Sum {
 public:
  Sum& add(std::span<const uint8_t> bytes) {
    const uint8_t* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 4; left -= 4, at += 4) {
      uint32_t word;
      std::memcpy(&word, at, sizeof word);
      sum_ += word;
    }
    if (left > 0) {
      uint32_t word = 0;
      std::memcpy(&word, at, left);
      sum_ += word;
    }
    return *this;
  }
  Sum& add_u16(size_t value) {
    uint8_t bytes[2];
    write_u16(bytes, value);
    return add(bytes);
  }
  /// In the byte order of packets as memory shows it: compare it with, or copy it to, the header's bytes.
  [[nodiscard]] uint16_t folded() const {
    uint64_t sum = (sum_ & 0xffffffff) + (sum_ >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
  }

 private:
  uint64_t sum_ = 0;
};

uint16_t as_it_stands(const uint8_t* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// `addresses`: source and destination as they stand in the IP header (RFC 768, RFC 8200 section 8.1).
Sum pseudo_header(std::span<const uint8_t> addresses, size_t udp_size) {
  return Sum().add(addresses).add_u16(protocol_udp).add_u16(udp_size);
}

PacketVerdict check_udp(const Sum& pseudo, std::span<const uint8_t> udp, bool may_have_none) {
  const uint16_t stored = as_it_stands(&udp[6]);
  if (stored == 0) return may_have_none ? PacketVerdict::fine : PacketVerdict::bad_checksum;
  if (Sum(pseudo).add(udp).folded() == 0xffff) return PacketVerdict::fine;
  return stored == pseudo.folded() ? PacketVerdict::fine : PacketVerdict::bad_checksum;
}

bool is_martian(const IpAddress& source) {
  const auto bytes = source.bytes();
  if (source.is_v4()) {
    const uint8_t first = bytes[0];
    return first == 0 || first == 127 || (first >= 224 && first <= 239) ||
           source == IpAddress::v4(255, 255, 255, 255);
  }
  return bytes[0] == 0xff || source.is_unspecified() || source.is_loopback();
}

/// An IPv4-mapped address may not stand in an IPv6 packet, and IpAddress would take it for IPv4.
bool is_mapped(std::span<const uint8_t> bytes) {
  return IpAddress::from_bytes(bytes).is_v4();
}

/// The part of an IP packet that is UDP; `addresses` as in pseudo_header().
struct Inside {
  std::span<const uint8_t> addresses, udp;
};

PacketVerdict open_ipv4(std::span<const uint8_t> ip, Inside& inside) {
  if (ip.size() < ipv4_header || ip[0] != 0x45 || ip[9] != protocol_udp) return PacketVerdict::malformed;
  const size_t total = read_u16(&ip[2]);
  if (total < ipv4_header || total > ip.size()) return PacketVerdict::malformed;
  if ((read_u16(&ip[6]) & more_fragments_or_offset) != 0) return PacketVerdict::malformed;
  if (Sum().add(ip.first(ipv4_header)).folded() != 0xffff) return PacketVerdict::bad_checksum;
  inside = {ip.subspan(12, 8), ip.subspan(ipv4_header, total - ipv4_header)};
  return PacketVerdict::fine;
}

PacketVerdict open_ipv6(std::span<const uint8_t> ip, Inside& inside) {
  if (ip.size() < ipv6_header || ip[0] >> 4 != 6 || ip[6] != protocol_udp) return PacketVerdict::malformed;
  const size_t size = read_u16(&ip[4]);
  if (size > ip.size() - ipv6_header) return PacketVerdict::malformed;
  inside = {ip.subspan(8, 32), ip.subspan(ipv6_header, size)};
  const auto& addresses = inside.addresses;
  if (is_mapped(addresses.first(16)) || is_mapped(addresses.last(16))) return PacketVerdict::martian;
  return PacketVerdict::fine;
}

}  // namespace

PacketVerdict parse_packet(std::span<const uint8_t> frame, Datagram& datagram) {
  if (frame.size() < ethernet_header) return PacketVerdict::malformed;
  const uint16_t type = read_u16(&frame[12]);
  if (type != ether_ipv4 && type != ether_ipv6) return PacketVerdict::malformed;
  const bool v4 = type == ether_ipv4;
  const auto ip = frame.subspan(ethernet_header);
  Inside inside;
  if (const auto verdict = v4 ? open_ipv4(ip, inside) : open_ipv6(ip, inside); verdict != PacketVerdict::fine)
    return verdict;
  if (inside.udp.size() < udp_header) return PacketVerdict::malformed;
  const size_t size = read_u16(&inside.udp[4]);
  if (size < udp_header || size > inside.udp.size()) return PacketVerdict::malformed;
  const auto udp = inside.udp.first(size);
  if (const auto verdict = check_udp(pseudo_header(inside.addresses, size), udp, v4);
      verdict != PacketVerdict::fine)
    return verdict;

  const size_t width = inside.addresses.size() / 2;
  const auto source = IpAddress::from_bytes(inside.addresses.first(width));
  const auto destination = IpAddress::from_bytes(inside.addresses.last(width));
  if (is_martian(source) || source == destination) return PacketVerdict::martian;
  datagram = {source, destination, read_u16(&udp[0]), read_u16(&udp[2]), udp.subspan(udp_header)};
  return PacketVerdict::fine;
}

size_t write_reply_headers(std::span<const uint8_t> query_frame, const Datagram& query, size_t payload_size,
                           std::span<uint8_t> frame) {
  const bool v4 = query.source.is_v4();
  const size_t udp_size = udp_header + payload_size;
  const size_t size = reply_headers(query) + payload_size;
  assert(frame.size() >= size && udp_size <= 65'515 && query_frame.size() >= ethernet_header);
  std::memcpy(&frame[0], &query_frame[mac_size], mac_size);
  std::memcpy(&frame[mac_size], &query_frame[0], mac_size);
  std::memcpy(&frame[12], &query_frame[12], 2);

  const auto ip = frame.subspan(ethernet_header);
  const size_t width = v4 ? 4 : 16;
  std::span<uint8_t> addresses;
  if (v4) {
    std::memset(ip.data(), 0, ipv4_header);
    ip[0] = 0x45;
    write_u16(&ip[2], ipv4_header + udp_size);
    write_u16(&ip[6], do_not_fragment);  // so that the identification may stay 0 (RFC 6864 section 4.1)
    ip[8] = hop_limit;
    ip[9] = protocol_udp;
    addresses = ip.subspan(12, 8);
  } else {
    std::memset(ip.data(), 0, 8);
    ip[0] = 0x60;
    write_u16(&ip[4], udp_size);
    ip[6] = protocol_udp;
    ip[7] = hop_limit;
    addresses = ip.subspan(8, 32);
  }
  std::memcpy(addresses.data(), query.destination.bytes().data(), width);
  std::memcpy(addresses.data() + width, query.source.bytes().data(), width);
  if (v4) {
    const auto sum = static_cast<uint16_t>(~Sum().add(ip.first(ipv4_header)).folded());
    std::memcpy(&ip[10], &sum, sizeof sum);
  }

  const auto udp = ip.subspan(v4 ? ipv4_header : ipv6_header, udp_size);
  write_u16(&udp[0], query.destination_port);
  write_u16(&udp[2], query.source_port);
  write_u16(&udp[4], udp_size);
  write_u16(&udp[6], 0);
  auto sum = static_cast<uint16_t>(~pseudo_header(addresses, udp_size).add(udp).folded());
  if (sum == 0) sum = 0xffff;  // 0 would mean that there is none
  std::memcpy(&udp[6], &sum, sizeof sum);
  return size;
}

}  // namespace popnet::dns
