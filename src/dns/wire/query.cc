#include "dns/wire/query.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/bytes.h"

namespace popnet::dns {

namespace {

constexpr uint16_t dnssec_ok_bit = 0x8000;
constexpr uint16_t compact_ok_bit = 0x4000;

/// Records before the additional section; no TSIG may be there (RFC 8945 section 5.2).
void skip_records(ByteReader& in, unsigned count) {
  while (count-- > 0 && in.ok()) {
    skip_name(in);
    if (in.u16() == type::tsig) return in.fail();
    in.skip(6);
    in.skip(in.u16());
  }
}

/// What follows the name and the type of a TSIG record (RFC 8945 section 4.2). Its algorithm's name is not compressed.
void skip_tsig(ByteReader& in, std::span<const uint8_t> message) {
  const uint16_t rr_class = in.u16();
  const uint32_t ttl = in.u32();
  const size_t size = in.u16();
  const size_t end = in.position() + size;
  if (!in.ok() || rr_class != class_any || ttl != 0) return in.fail();
  const NameShape algorithm = measure_name(message.subspan(in.position()));
  if (algorithm.size == 0) return in.fail();
  in.skip(algorithm.size + 6U + 2U);  // time, fudge
  in.skip(in.u16());                  // MAC
  in.skip(2 + 2);                     // id, error
  in.skip(in.u16());                  // other data
  if (in.position() != end) in.fail();
}

constexpr uint8_t ipv4_in_ipv6 = 96;  // bits before it

IpAddress padded_address(uint8_t family, std::span<const uint8_t> given) {
  uint8_t bytes[16] = {};
  if (!given.empty()) std::memcpy(bytes, given.data(), given.size());
  return IpAddress::from_bytes({bytes, family == 1 ? 4U : 16U});
}

/// RFC 7871 section 6: address bytes exactly as many as the source length needs, no bit set behind it, scope
/// 0 in queries.
bool valid_subnet(std::span<const uint8_t> data, ClientSubnet& subnet) {
  if (data.size() < 4 || data[0] != 0 || data[1] > 2 || data[3] != 0) return false;
  const uint8_t family = data[1], length = data[2];
  if (length > (family == 0 ? 0 : family == 1 ? 32 : 128)) return false;
  if (data.size() != 4U + (length + 7U) / 8) return false;
  if (length % 8 != 0 && (data.back() & (0xff >> length % 8)) != 0) return false;
  // RFC 7871 does not forbid IPv4 in family 2, and others take it for an IPv6 network like any.
  subnet.embedded = family == 2 && padded_address(family, data.subspan(4)).is_v4() ? ipv4_in_ipv6 : 0;
  subnet.family = family;
  subnet.source_length = length;
  subnet.size = static_cast<uint16_t>(data.size());
  return true;
}

bool valid_cookie_size(size_t size) {
  return size == client_cookie_size || (size >= client_cookie_size + 8 && size <= client_cookie_size + 32);
}

/// False if the option is against its RFC. Unknown options are ignored (RFC 6891 section 6.1.2).
bool take_option(uint16_t code, std::span<const uint8_t> data, size_t offset, Query& query) {
  const auto at = static_cast<uint16_t>(offset);
  switch (code) {
    case edns::subnet:
      if (query.subnet.size != 0 || !valid_subnet(data, query.subnet)) return false;
      query.subnet.offset = at;
      return true;
    case edns::cookie:  // of several, the first counts (RFC 7873 section 5.2)
      if (!valid_cookie_size(data.size())) return false;
      if (query.cookie.size == 0) query.cookie = {at, static_cast<uint16_t>(data.size())};
      return true;
    case edns::nsid:
      query.asks_nsid = true;
      return true;
    case edns::expire:
      query.asks_expire = data.empty();  // a server's has data
      return true;
    case edns::tcp_keepalive:
      query.asks_keepalive = true;
      return true;
    case edns::padding:
      query.padded = true;
      return true;
    default:
      return true;
  }
}

void read_options(ByteReader& in, size_t end, Query& query) {
  while (in.ok() && in.position() < end) {
    const uint16_t code = in.u16();
    const uint16_t size = in.u16();
    const size_t offset = in.position();
    const auto data = in.take(size);
    if (in.position() > end || !in.ok() || !take_option(code, data, offset, query)) return in.fail();
  }
}

/// What follows the root name and the type of an OPT record (RFC 6891 section 6.1.2).
void read_opt(ByteReader& in, Query& query) {
  const uint16_t udp_size = in.u16();
  const uint16_t extended_rcode_and_version = in.u16();
  const uint16_t flags = in.u16();
  const uint16_t size = in.u16();
  if (query.edns || in.left() < size) return in.fail();
  query.edns = true;
  query.dnssec_ok = (flags & dnssec_ok_bit) != 0;
  query.compact_ok = (flags & compact_ok_bit) != 0;
  if (udp_size > udp_plain_max) query.udp_size = udp_size;
  if ((extended_rcode_and_version & 0xff) != 0) {
    query.verdict = Verdict::badvers;
    return in.skip(size);
  }
  read_options(in, in.position() + size, query);
}

void read_additional(std::span<const uint8_t> message, ByteReader& in, unsigned count, Query& query) {
  while (count-- > 0 && in.ok()) {
    const size_t start = in.position();
    skip_name(in);
    const bool root_owner = in.position() == start + 1;
    const uint16_t rr_type = in.u16();
    if (query.tsig_offset != 0) return in.fail();  // nothing stands behind a TSIG
    if (rr_type == type::opt) {
      if (!root_owner) return in.fail();
      read_opt(in, query);
    } else if (rr_type == type::tsig) {
      std::array<uint8_t, name_size_max> key;
      if (expand_name(message, start, key).size == 0) return in.fail();
      query.tsig_offset = static_cast<uint16_t>(start);
      skip_tsig(in, message);
    } else {
      in.skip(6);
      in.skip(in.u16());
    }
  }
}

bool read_question(std::span<const uint8_t> message, ByteReader& in, Query& query) {
  const auto rest = message.subspan(question_offset);
  const NameShape shape = measure_name(rest);
  if (shape.size == 0 || rest.size() < shape.size + 4U) return false;
  query.name.assign(rest.first(shape.size), shape.labels);
  in.skip(shape.size);
  query.type = in.u16();
  query.qclass = in.u16();
  query.question_size = static_cast<uint16_t>(shape.size + 4);
  return true;
}

/// Behind the header's second word. Its verdict: formerr, badvers, or fine for all else.
Verdict read_sections(std::span<const uint8_t> message, ByteReader& in, Query& query) {
  const unsigned questions = in.u16(), answers = in.u16(), authorities = in.u16(), additionals = in.u16();
  if (questions > 1 || (questions == 1 && !read_question(message, in, query))) return Verdict::formerr;
  skip_records(in, answers + authorities);  // IXFR carries a SOA there (RFC 1995 section 3), NOTIFY may
  read_additional(message, in, additionals, query);
  if (!in.ok() || in.left() != 0) {
    query.tsig_offset = 0;  // the reply has none either (RFC 8945 section 5.2)
    return Verdict::formerr;
  }
  return query.verdict;
}

void clear(Query& query) {
  query.question_size = query.type = query.qclass = 0;
  query.edns = query.dnssec_ok = query.compact_ok = false;
  query.udp_size = udp_plain_max;
  query.subnet = {};
  query.cookie = {};
  query.asks_nsid = query.asks_expire = query.asks_keepalive = query.padded = false;
  query.tsig_offset = 0;
}

/// Sections mean what the opcode says, but those of all opcodes that there are but one look alike, and a reply has OPT
/// if the query has (RFC 6891 section 6.1.1). What does not look like that is answered all the same.
Verdict read_unknown(std::span<const uint8_t> message, ByteReader& in, Query& query) {
  if (read_sections(message, in, query) == Verdict::formerr) clear(query);
  query.question_size = 0;
  return Verdict::notimp;
}

Verdict read_message(std::span<const uint8_t> message, Query& query) {
  ByteReader in(message);
  query.id = in.u16();
  query.flags = in.u16();
  if (!in.ok() || message.size() < header_size || (query.flags & flag::qr) != 0) return Verdict::drop;
  const bool notifies = query.opcode() == opcode_notify;
  if (query.opcode() != opcode_query && !notifies) return read_unknown(message, in, query);
  const Verdict verdict = read_sections(message, in, query);
  if (verdict != Verdict::fine) return verdict;
  const bool asks = query.question_size != 0;
  if (notifies) return asks ? Verdict::notify : Verdict::formerr;
  if (asks) return Verdict::fine;
  return query.cookie.size != 0 ? Verdict::cookie : Verdict::formerr;
}

}  // namespace

void skip_name(ByteReader& in) {
  while (in.ok()) {
    const uint8_t length = in.u8();
    if (length == 0) return;
    if ((length & 0xc0) == 0xc0) return in.skip(1);
    if (length > label_size_max) return in.fail();
    in.skip(length);
  }
}

NameShape expand_name(std::span<const uint8_t> message, size_t offset,
                      std::span<uint8_t, name_size_max> out) {
  size_t size = 0, limit = offset + 1;  // pointers lead to before it: each is followed once
  while (offset < message.size()) {
    const uint8_t length = message[offset];
    if ((length & 0xc0) == 0xc0) {
      if (offset + 1 >= message.size()) return {};
      const size_t target = (size_t{length} << 8 | message[offset + 1]) & ~size_t{pointer_mark};
      if (target + 1 >= limit) return {};
      offset = target;
      limit = target + 1;
      continue;
    }
    const size_t step = size_t{length} + 1;
    if (length > label_size_max || step > message.size() - offset || step > out.size() - size) return {};
    std::copy_n(message.begin() + static_cast<std::ptrdiff_t>(offset), step,
                out.begin() + static_cast<std::ptrdiff_t>(size));
    size += step;
    offset += step;
    if (length == 0) return measure_name(out.first(size));
  }
  return {};
}

Verdict parse_query(std::span<const uint8_t> message, Query& query) {
  query.verdict = Verdict::fine;
  query.id = query.flags = 0;
  clear(query);
  query.verdict = read_message(message, query);
  return query.verdict;
}

IpAddress subnet_address(std::span<const uint8_t> message, const ClientSubnet& subnet) {
  return padded_address(subnet.family, message.subspan(subnet.offset + 4U, subnet.size - 4U));
}

}  // namespace popnet::dns
