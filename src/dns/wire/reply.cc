#include "dns/wire/reply.h"

#include <algorithm>

namespace popnet::dns {

namespace {

constexpr uint16_t opcode_bits = 0x7800;
constexpr uint16_t dnssec_ok_bit = 0x8000;
constexpr size_t keepalive_size = 2;
constexpr size_t extended_error_size = 2;

bool has_options(const Query& query) {
  return query.edns && query.verdict != Verdict::badvers;
}

bool echoes_subnet(const Query& query) {
  return query.subnet.size != 0 && query.verdict == Verdict::fine;
}

size_t opt_size(const Query& query, const ReplyOptions& options) {
  if (!query.edns) return 0;
  size_t size = opt_record_size;
  if (echoes_subnet(query)) size += option_header_size + query.subnet.size;
  if (!has_options(query)) return size;
  if (options.cookie) size += option_header_size + client_cookie_size + server_cookie_size;
  if (!options.nsid.empty()) size += option_header_size + options.nsid.size();
  if (options.keepalive) size += option_header_size + keepalive_size;
  if (options.expire) size += expire_option_size;
  return size;
}

}  // namespace

// AD and CD are cleared (RFC 4035 section 3.1.6), RA too: popnet never recurses.
Reply::Reply(std::span<const uint8_t> message, const Query& query, std::span<uint8_t> room,
             const ReplyOptions& options)
    : message_(message),
      query_(query),
      options_(options),
      room_(room),
      body_(room.first(room.size() - opt_size(query, options))),
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
  write_opt(opt, rcode, scope, body_size);
  return body_size + opt.size();
}

void Reply::write_opt(ByteWriter& out, Rcode rcode, uint8_t scope, size_t body_size) const {
  out.u8(0);
  out.u16(type::opt);
  out.u16(udp_reply_max);
  out.u16(static_cast<uint16_t>((static_cast<unsigned>(rcode) >> 4) << 8));  // version 0
  out.u16(query_.dnssec_ok ? dnssec_ok_bit : 0);                             // RFC 3225 section 3
  const size_t size_at = out.size();
  out.u16(0);
  if (echoes_subnet(query_)) write_subnet(out, scope);
  if (has_options(query_)) {
    write_options(out);
    if (options_.pad) write_padding(out, body_size + out.size());
  }
  out.patch_u16(size_at, static_cast<uint16_t>(out.size() - opt_record_size));
}

void Reply::write_subnet(ByteWriter& out, uint8_t scope) const {
  const ClientSubnet& subnet = query_.subnet;
  out.u16(edns::subnet);
  out.u16(subnet.size);
  out.bytes(message_.subspan(subnet.offset, 3));
  out.u8(scope);
  out.bytes(message_.subspan(subnet.offset + 4U, subnet.size - 4U));
}

void Reply::write_options(ByteWriter& out) const {
  if (options_.cookie) {
    out.u16(edns::cookie);
    out.u16(client_cookie_size + server_cookie_size);
    out.bytes(message_.subspan(query_.cookie.offset, client_cookie_size));
    out.bytes(options_.server_cookie);
  }
  if (!options_.nsid.empty()) {
    out.u16(edns::nsid);
    out.u16(static_cast<uint16_t>(options_.nsid.size()));
    out.bytes(options_.nsid);
  }
  if (options_.keepalive) {
    out.u16(edns::tcp_keepalive);
    out.u16(keepalive_size);
    out.u16(options_.keepalive_100ms);
  }
  if (options_.expire) write_expire_option(out, *options_.expire);
  if (error_ == ExtendedError::none) return;
  const size_t before = out.size();
  out.u16(edns::extended_error);
  out.u16(extended_error_size);
  out.u16(static_cast<uint16_t>(error_));
  if (!out.ok()) out.rewind(before);
}

void write_expire_option(ByteWriter& out, uint32_t seconds) {
  out.u16(edns::expire);
  out.u16(expire_option_size - option_header_size);
  out.u32(seconds);
}

/// `before`: all that stands before the padding option.
void Reply::write_padding(ByteWriter& out, size_t before) const {
  const size_t least = before + option_header_size;
  if (least > room_.size()) return;
  const size_t whole = (least + padding_block - 1) / padding_block * padding_block;
  size_t zeros = std::min(whole, room_.size()) - least;
  out.u16(edns::padding);
  out.u16(static_cast<uint16_t>(zeros));
  for (; zeros > 0; --zeros) out.u8(0);
}

}  // namespace popnet::dns
