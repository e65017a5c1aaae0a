// For tests, fuzzing and benchmarks: a query in an Ethernet frame, made with none of packet.cc's code.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/ip.h"

namespace popnet::dns {

struct TestPacket {
  std::vector<uint8_t> to_mac = {2, 0, 0, 0, 0, 1}, from_mac = {2, 0, 0, 0, 0, 2};
  Endpoint from, to;
  std::vector<uint8_t> payload;

  static uint32_t sum(std::span<const uint8_t> bytes, uint32_t start = 0) {
    for (size_t i = 0; i < bytes.size(); ++i) start += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : bytes[i];
    return start;
  }
  static uint16_t finish(uint32_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
  }
  static void put(std::vector<uint8_t>& out, size_t value) {
    out.push_back(static_cast<uint8_t>(value >> 8));
    out.push_back(static_cast<uint8_t>(value));
  }
  static void append(std::vector<uint8_t>& out, std::span<const uint8_t> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  [[nodiscard]] std::vector<uint8_t> frame() const {
    const bool v4 = from.address.is_v4();
    const size_t udp_size = 8 + payload.size();
    std::vector<uint8_t> addresses;
    append(addresses, from.address.bytes());
    append(addresses, to.address.bytes());

    std::vector<uint8_t> udp;
    for (const size_t word : {size_t{from.port}, size_t{to.port}, udp_size, size_t{0}}) put(udp, word);
    append(udp, payload);
    const uint16_t udp_sum = finish(sum(udp, sum(addresses, static_cast<uint32_t>(17 + udp_size))));
    udp[6] = static_cast<uint8_t>(udp_sum >> 8);
    udp[7] = static_cast<uint8_t>(udp_sum);

    std::vector<uint8_t> ip;
    if (v4) {
      ip = {0x45, 0};
      put(ip, 20 + udp_size);
      append(ip, std::vector<uint8_t>{0x12, 0x34, 0, 0, 57, 17, 0, 0});
      append(ip, addresses);
      const uint16_t ip_sum = finish(sum(ip));
      ip[10] = static_cast<uint8_t>(ip_sum >> 8);
      ip[11] = static_cast<uint8_t>(ip_sum);
    } else {
      ip = {0x60, 0x01, 0x23, 0x45};
      put(ip, udp_size);
      append(ip, std::vector<uint8_t>{17, 57});
      append(ip, addresses);
    }
    std::vector<uint8_t> frame = to_mac;
    append(frame, from_mac);
    put(frame, v4 ? 0x0800 : 0x86dd);
    append(frame, ip);
    append(frame, udp);
    return frame;
  }
};

inline TestPacket test_packet(bool v4, std::vector<uint8_t> payload = {1, 2, 3}) {
  TestPacket packet;
  packet.from = Endpoint::parse(v4 ? "198.51.100.7:4321" : "[2001:db8::7]:4321").value();
  packet.to = Endpoint::parse(v4 ? "192.0.2.53:53" : "[2001:db8::53]:53").value();
  packet.payload = std::move(payload);
  return packet;
}

}  // namespace popnet::dns
