// A reply as ldns reads it, for tests: ldns thereby judges every message we send.
#pragma once

#include <ldns/ldns.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace popnet::dns {

/// Records as text: "www.example.com. 600 IN A 192.0.2.80".
struct TestReply {
  std::vector<uint8_t> bytes;
  bool readable = false;
  int rcode = -1;     // with the bits from EDNS
  std::string flags;  // of "qr aa tc rd ra", those that are set
  std::vector<std::string> question, answer, authority, additional;
  bool edns = false;
  uint16_t edns_size = 0;
  std::vector<uint8_t> edns_options;

  static TestReply read(std::span<const uint8_t> bytes);
};

inline std::vector<std::string> to_lines(const ldns_rr_list* list) {
  std::vector<std::string> lines;
  for (size_t i = 0; list != nullptr && i < ldns_rr_list_rr_count(list); ++i) {
    char* text = ldns_rr2str(ldns_rr_list_rr(list, i));
    std::string line(text);
    std::free(text);
    for (char& c : line)
      if (c == '\t' || c == '\n') c = ' ';
    while (line.ends_with(' ')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

inline TestReply TestReply::read(std::span<const uint8_t> bytes) {
  TestReply reply;
  reply.bytes.assign(bytes.begin(), bytes.end());
  ldns_pkt* raw = nullptr;
  if (ldns_wire2pkt(&raw, bytes.data(), bytes.size()) != LDNS_STATUS_OK) return reply;
  const std::unique_ptr<ldns_pkt, void (*)(ldns_pkt*)> packet(raw, ldns_pkt_free);
  reply.readable = true;
  reply.rcode = ldns_pkt_get_rcode(raw) | (ldns_pkt_edns(raw) ? ldns_pkt_edns_extended_rcode(raw) << 4 : 0);
  const auto flag = [&](bool set, const char* name) {
    if (set) reply.flags += (reply.flags.empty() ? "" : " ") + std::string(name);
  };
  flag(ldns_pkt_qr(raw), "qr");
  flag(ldns_pkt_aa(raw), "aa");
  flag(ldns_pkt_tc(raw), "tc");
  flag(ldns_pkt_rd(raw), "rd");
  flag(ldns_pkt_ra(raw), "ra");
  flag(ldns_pkt_ad(raw), "ad");
  flag(ldns_pkt_cd(raw), "cd");
  reply.question = to_lines(ldns_pkt_question(raw));
  reply.answer = to_lines(ldns_pkt_answer(raw));
  reply.authority = to_lines(ldns_pkt_authority(raw));
  reply.additional = to_lines(ldns_pkt_additional(raw));
  reply.edns = ldns_pkt_edns(raw);
  if (reply.edns) reply.edns_size = ldns_pkt_edns_udp_size(raw);
  if (const ldns_rdf* options = ldns_pkt_edns_data(raw); reply.edns && options != nullptr)
    reply.edns_options.assign(ldns_rdf_data(options), ldns_rdf_data(options) + ldns_rdf_size(options));
  return reply;
}

}  // namespace popnet::dns
