#include "dns/tap/dnstap.h"

#include <gtest/gtest.h>

namespace popnet::dns::tap {
namespace {

std::string hex(const std::string& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += digits[static_cast<uint8_t>(c) >> 4];
    out += digits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

Message a_message() {
  static const std::byte bytes[] = {std::byte{0xab}, std::byte{0xcd}};
  Message message;
  message.client = *Endpoint::parse("192.0.2.1:300");
  message.server = *Endpoint::parse("198.51.100.1:53");
  message.time = WallTime(std::chrono::seconds(300) + std::chrono::nanoseconds(1));
  message.message = bytes;
  return message;
}

// By hand, from dnstap.proto and the encoding of Protocol Buffers.
TEST(Dnstap, AQueryIsEncodedAsTheProtoFileSays) {
  std::string out;
  encode(a_message(), "ns1", "v", out);
  EXPECT_EQ(hex(out),
            "0a03"
            "6e7331"        // identity "ns1"
            "120176"        // version "v"
            "7223"          // field 14, 35 bytes
            "0801"          // type AUTH_QUERY
            "1001"          // INET
            "1801"          // UDP
            "2204c0000201"  // query_address
            "2a04c6336401"  // response_address
            "30ac02"        // query_port 300
            "3835"          // response_port 53
            "40ac02"        // query_time_sec 300
            "4d01000000"    // query_time_nsec 1
            "5202abcd"      // query_message
            "7801");        // type MESSAGE
}

TEST(Dnstap, AReplyHasItsOwnTimeAndWhatIsUnknownIsLeftOut) {
  Message reply = a_message();
  reply.type = MessageType::auth_response;
  reply.protocol = Protocol::dot;
  reply.client.port = 0;
  reply.server = *Endpoint::parse("0.0.0.0:53");
  std::string out;
  encode(reply, "", "v", out);
  EXPECT_EQ(hex(out),
            "120176"
            "7222"
            "0802"  // AUTH_RESPONSE
            "1001"
            "1803"  // DOT
            "2204c0000201"
            "3835"
            "40ac02"
            "4d01000000"
            "60ac02"      // response_time_sec
            "6d01000000"  // response_time_nsec
            "7202abcd"    // response_message
            "7801");
}

}  // namespace
}  // namespace popnet::dns::tap
