#include "dns/packet/packet.h"

#include <gmock/gmock.h>

#include <vector>

#include "dns/packet/test_packet.h"

namespace popnet::dns {
namespace {

using testing::ElementsAre;
using Bytes = std::vector<uint8_t>;

PacketVerdict verdict_of(const Bytes& frame) {
  Datagram datagram;
  return parse_packet(frame, datagram);
}

class Packet : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] bool v4() const { return GetParam(); }
  [[nodiscard]] size_t ip() const { return ethernet_header; }
  [[nodiscard]] size_t udp() const { return ip() + (v4() ? ipv4_header : ipv6_header); }

  /// What a frame with these bytes gets, its UDP checksum being right for them.
  PacketVerdict from(const char* source) const {
    TestPacket packet = test_packet(v4());
    packet.from.address = IpAddress::parse(source).value();
    return verdict_of(packet.frame());
  }
};
INSTANTIATE_TEST_SUITE_P(Families, Packet, testing::Values(true, false),
                         [](const auto& one) { return one.param ? "IPv4" : "IPv6"; });

TEST_P(Packet, is_read) {
  const TestPacket packet = test_packet(v4(), {1, 2, 3});
  const Bytes frame = packet.frame();
  Datagram datagram;
  ASSERT_EQ(parse_packet(frame, datagram), PacketVerdict::fine);
  EXPECT_EQ(datagram.source, packet.from.address);
  EXPECT_EQ(datagram.destination, packet.to.address);
  EXPECT_EQ(datagram.source_port, 4321);
  EXPECT_EQ(datagram.destination_port, 53);
  EXPECT_THAT(datagram.payload, ElementsAre(1, 2, 3));
}

// Ethernet pads short frames to 60 bytes; the padding is no part of the datagram.
TEST_P(Packet, padding_is_left_out) {
  Bytes frame = test_packet(v4()).frame();
  frame.resize(frame.size() + 20, 0xaa);
  Datagram datagram;
  ASSERT_EQ(parse_packet(frame, datagram), PacketVerdict::fine);
  EXPECT_EQ(datagram.payload.size(), 3U);
}

TEST_P(Packet, a_part_of_one_is_malformed) {
  const Bytes frame = test_packet(v4()).frame();
  for (size_t size = 0; size < frame.size(); ++size)
    EXPECT_EQ(verdict_of(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size))),
              PacketVerdict::malformed)
        << size;
}

// Of the UDP datagram and the addresses, and of IPv4's header, every bit is under a checksum.
TEST_P(Packet, no_flipped_bit_goes_unseen) {
  const Bytes frame = test_packet(v4(), {1, 2, 3, 4, 5, 6, 7}).frame();
  const size_t begin = v4() ? ip() : ip() + 8;
  for (size_t bit = begin * 8; bit < frame.size() * 8; ++bit) {
    Bytes flipped = frame;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_NE(verdict_of(flipped), PacketVerdict::fine) << "bit " << bit % 8 << " of byte " << bit / 8;
  }
}

TEST_P(Packet, without_a_checksum) {
  Bytes frame = test_packet(v4()).frame();
  frame[udp() + 6] = frame[udp() + 7] = 0;
  EXPECT_EQ(verdict_of(frame), v4() ? PacketVerdict::fine : PacketVerdict::bad_checksum);
}

// What Linux leaves for a network card to finish (CHECKSUM_PARTIAL), as it arrives over veth.
TEST_P(Packet, with_the_sum_of_its_pseudo_header_alone) {
  const TestPacket packet = test_packet(v4());
  Bytes frame = packet.frame();
  Bytes addresses;
  TestPacket::append(addresses, packet.from.address.bytes());
  TestPacket::append(addresses, packet.to.address.bytes());
  const auto partial = static_cast<uint16_t>(~TestPacket::finish(TestPacket::sum(addresses, 17 + 8 + 3)));
  frame[udp() + 6] = static_cast<uint8_t>(partial >> 8);
  frame[udp() + 7] = static_cast<uint8_t>(partial);
  EXPECT_EQ(verdict_of(frame), PacketVerdict::fine);
  frame[udp() + 7] ^= 1;
  EXPECT_EQ(verdict_of(frame), PacketVerdict::bad_checksum);
}

TEST_P(Packet, lengths_that_contradict) {
  Bytes longer = test_packet(v4()).frame();
  longer[udp() + 5] = 12;  // UDP says one byte more than IP has
  EXPECT_EQ(verdict_of(longer), PacketVerdict::malformed);
  Bytes shorter = test_packet(v4()).frame();
  shorter[udp() + 5] = 7;  // less than its own header
  EXPECT_EQ(verdict_of(shorter), PacketVerdict::malformed);
}

TEST_P(Packet, from_where_none_may_come) {
  const std::vector<const char*> of_v4 = {"0.0.0.0", "127.0.0.1", "224.0.0.251", "239.255.255.255",
                                          "255.255.255.255"};
  const std::vector<const char*> of_v6 = {"::", "::1", "ff02::1", "ff0e::5"};
  for (const char* source : v4() ? of_v4 : of_v6) EXPECT_EQ(from(source), PacketVerdict::martian) << source;
  EXPECT_EQ(from(v4() ? "192.0.2.53" : "2001:db8::53"), PacketVerdict::martian) << "our own address";
  EXPECT_EQ(from(v4() ? "10.0.0.1" : "fe80::1"), PacketVerdict::fine);
}

TEST(PacketKind, ipv4_mapped_in_ipv6) {
  for (const size_t where : {8U, 24U}) {
    Bytes frame = test_packet(false).frame();
    const Bytes mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    std::copy(mapped.begin(), mapped.end(),
              frame.begin() + static_cast<std::ptrdiff_t>(ethernet_header + where));
    EXPECT_EQ(verdict_of(frame), PacketVerdict::martian);
  }
}

TEST(PacketKind, what_is_the_kernels) {
  const auto changed = [](size_t at, uint8_t value, bool v4 = true) {
    Bytes frame = test_packet(v4).frame();
    frame[at] = value;
    return verdict_of(frame);
  };
  EXPECT_EQ(changed(12, 0x81), PacketVerdict::malformed) << "a VLAN tag";
  EXPECT_EQ(changed(14, 0x46), PacketVerdict::malformed) << "IPv4 options";
  EXPECT_EQ(changed(20, 0x20), PacketVerdict::malformed) << "more fragments";
  EXPECT_EQ(changed(21, 1), PacketVerdict::malformed) << "a later fragment";
  EXPECT_EQ(changed(23, 6), PacketVerdict::malformed) << "TCP";
  EXPECT_EQ(changed(20, 44, false), PacketVerdict::malformed) << "an IPv6 fragment header";
}

TEST_P(Packet, a_reply_is_a_packet_the_other_way) {
  for (const size_t size : {0U, 1U, 12U, 511U, 1232U}) {
    const TestPacket packet = test_packet(v4());
    const Bytes query_frame = packet.frame();
    Datagram query;
    ASSERT_EQ(parse_packet(query_frame, query), PacketVerdict::fine);
    Bytes frame(packet_headers_max + size, 0xee);
    for (size_t i = 0; i < size; ++i) frame[reply_headers(query) + i] = static_cast<uint8_t>(i * 7);
    const size_t written = write_reply_headers(query_frame, query, size, frame);
    ASSERT_EQ(written, reply_headers(query) + size);
    frame.resize(written);

    Datagram reply;
    ASSERT_EQ(parse_packet(frame, reply), PacketVerdict::fine) << size;
    EXPECT_EQ(reply.source, query.destination);
    EXPECT_EQ(reply.destination, query.source);
    EXPECT_EQ(reply.source_port, 53);
    EXPECT_EQ(reply.destination_port, 4321);
    ASSERT_EQ(reply.payload.size(), size);
    EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + 6, packet.from_mac.begin()));
    EXPECT_TRUE(std::equal(frame.begin() + 6, frame.begin() + 12, packet.to_mac.begin()));

    // The same packet, made by other code, to the last byte; but for what a sender is free to choose.
    TestPacket expected;
    expected.to_mac = packet.from_mac, expected.from_mac = packet.to_mac;
    expected.from = packet.to, expected.to = packet.from;
    expected.payload.assign(reply.payload.begin(), reply.payload.end());
    const Bytes other = expected.frame();
    ASSERT_EQ(frame.size(), other.size());
    EXPECT_TRUE(std::equal(frame.begin() + static_cast<std::ptrdiff_t>(udp()), frame.end(),
                           other.begin() + static_cast<std::ptrdiff_t>(udp())));
  }
}

TEST(PacketKind, a_checksum_that_comes_out_as_zero) {
  const TestPacket packet = test_packet(true, {});
  const Bytes query_frame = packet.frame();
  Datagram query;
  ASSERT_EQ(parse_packet(query_frame, query), PacketVerdict::fine);
  int zeros = 0;
  for (size_t value = 0; value < 65536; ++value) {  // one of them makes the sum 0xffff
    Bytes frame(packet_headers_max + 2);
    const size_t at = reply_headers(query);
    frame[at] = static_cast<uint8_t>(value >> 8), frame[at + 1] = static_cast<uint8_t>(value);
    frame.resize(write_reply_headers(query_frame, query, 2, frame));
    EXPECT_FALSE(frame[at - 1] == 0 && frame[at - 2] == 0) << value;
    zeros += frame[at - 1] == 0xff && frame[at - 2] == 0xff;
    Datagram reply;
    ASSERT_EQ(parse_packet(frame, reply), PacketVerdict::fine) << value;
  }
  EXPECT_GE(zeros, 1);
}

}  // namespace
}  // namespace popnet::dns
