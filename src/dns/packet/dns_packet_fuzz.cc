// Any bytes as an Ethernet frame: what is fine lies within them, and its reply is fine too and goes back to
// where it came from.
#include <cstdlib>
#include <vector>

#include "dns/packet/packet.h"
#include "dns/packet/test_packet.h"

namespace {

using namespace popnet::dns;

/// Gives an IPv4 packet checksums that are right, so that most inputs get past them.
void mend(std::vector<uint8_t>& frame) {
  const size_t ip = ethernet_header, udp = ip + ipv4_header;
  if (frame.size() < udp + udp_header || frame[12] != 8) return;
  frame[ip + 10] = frame[ip + 11] = 0;
  const uint16_t sum = TestPacket::finish(TestPacket::sum(std::span(frame).subspan(ip, ipv4_header)));
  frame[ip + 10] = static_cast<uint8_t>(sum >> 8);
  frame[ip + 11] = static_cast<uint8_t>(sum);
  frame[udp + 6] = frame[udp + 7] = 0;
}

void try_one(const std::vector<uint8_t>& frame) {
  Datagram query;
  if (parse_packet(frame, query) != PacketVerdict::fine) return;
  const auto& payload = query.payload;
  if (payload.data() < frame.data() || payload.data() + payload.size() > frame.data() + frame.size())
    std::abort();

  std::vector<uint8_t> reply_frame(reply_headers(query) + payload.size());
  std::copy(payload.begin(), payload.end(),
            reply_frame.begin() + static_cast<std::ptrdiff_t>(reply_headers(query)));
  if (write_reply_headers(frame, query, payload.size(), reply_frame) != reply_frame.size()) std::abort();
  Datagram reply;
  const auto verdict = parse_packet(reply_frame, reply);
  // Our own address may be one that nothing may come from: who redirects frames knows better than the parser.
  if (verdict == PacketVerdict::martian) return;
  if (verdict != PacketVerdict::fine) std::abort();
  if (reply.destination != query.source || reply.destination_port != query.source_port) std::abort();
  if (reply.source != query.destination || reply.source_port != query.destination_port) std::abort();
  if (!std::equal(payload.begin(), payload.end(), reply.payload.begin(), reply.payload.end())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> frame(data, data + size);
  try_one(frame);
  mend(frame);
  try_one(frame);
  return 0;
}
