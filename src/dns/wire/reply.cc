#include "dns/wire/reply.h"

namespace popnet::dns {

namespace {

constexpr uint16_t opcode_bits = 0x7800;
constexpr uint16_t dnssec_ok_bit = 0x8000;
constexpr size_t option_header_size = 4;

bool echoes_subnet(const Query& query) {
  return query.subnet.size != 0 && query.verdict == Verdict::fine;
}

size_t opt_size(const Query& query) {
  if (!query.edns) return 0;
  return opt_record_size + (echoes_subnet(query) ? option_header_size + query.subnet.size : 0);
}

}  // namespace

// AD and CD are cleared (RFC 4035 section 3.1.6), RA too: popnet never recurses.
Reply::Reply(std::span<const uint8_t> message, const Query& query, std::span<uint8_t> room)
    : message_(message),
      query_(query),
      room_(room),
      body_(room.first(room.size() - opt_size(query))),
      flags_(static_cast<uint16_t>(flag::qr | (query.flags & (opcode_bits | flag::rd)))) {
  body_.bytes(message.first(header_size + query.question_size));
}

void Reply::clear() {
  body_.rewind(header_size + query_.question_size);
  for (uint16_t& count : counts_) count = 0;
}

void Reply::truncate() {
  clear();
  flags_ |= flag::tc;
}

size_t Reply::finish(Rcode rcode, uint8_t scope) {
  if (!body_.ok()) truncate();
  ByteWriter header(room_.first(header_size));
  header.u16(query_.id);
  header.u16(static_cast<uint16_t>(flags_ | (static_cast<unsigned>(rcode) & 0xf)));
  header.u16(query_.question_size != 0 ? 1 : 0);
  header.u16(counts_[0]);
  header.u16(counts_[1]);
  header.u16(static_cast<uint16_t>(counts_[2] + (query_.edns ? 1 : 0)));

  const size_t body_size = body_.size();
  if (!query_.edns) return body_size;
  ByteWriter opt(room_.subspan(body_size));
  write_opt(opt, rcode, scope);
  return body_size + opt.size();
}

void Reply::write_opt(ByteWriter& out, Rcode rcode, uint8_t scope) const {
  out.u8(0);
  out.u16(type::opt);
  out.u16(udp_reply_max);
  out.u16(static_cast<uint16_t>((static_cast<unsigned>(rcode) >> 4) << 8));  // version 0
  out.u16(query_.dnssec_ok ? dnssec_ok_bit : 0);                             // RFC 3225 section 3
  const ClientSubnet& subnet = query_.subnet;
  if (!echoes_subnet(query_)) return out.u16(0);
  out.u16(static_cast<uint16_t>(option_header_size + subnet.size));
  out.u16(edns_option_subnet);
  out.u16(subnet.size);
  out.bytes(message_.subspan(subnet.offset, 3));
  out.u8(scope);
  out.bytes(message_.subspan(subnet.offset + 4U, subnet.size - 4U));
}

}  // namespace popnet::dns
