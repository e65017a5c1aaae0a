#include "dns/transfer/reply_reader.h"

#include "common/bytes.h"
#include "dns/wire/query.h"

namespace popnet::dns {

namespace {
constexpr uint16_t opcode_mask = 0x7800;

/// Of the data of an OPT record; what cannot be read is none.
std::optional<uint32_t> read_expire(std::span<const uint8_t> options) {
  for (ByteReader in(options); in.ok() && in.left() > 0;) {
    const uint16_t code = in.u16();
    ByteReader data(in.take(in.u16()));
    if (in.ok() && code == edns::expire && data.left() == 4) return data.u32();
  }
  return std::nullopt;
}

}  // namespace

std::optional<ReplyHead> read_reply_head(std::span<const uint8_t> message) {
  ByteReader in(message);
  ReplyHead head;
  head.id = in.u16();
  const uint16_t flags = in.u16();
  if ((flags & flag::qr) == 0 || (flags & opcode_mask) != 0) return std::nullopt;
  head.rcode = static_cast<Rcode>(flags & 0xf);
  head.authoritative = (flags & flag::aa) != 0;
  const unsigned questions = in.u16();
  head.answers = in.u16();
  const unsigned authorities = in.u16(), additionals = in.u16();
  if (questions > 1) return std::nullopt;
  head.asks = questions == 1;
  if (head.asks) {
    skip_name(in);
    in.skip(4);
  }
  head.records_offset = in.position();
  for (unsigned left = head.answers + authorities + additionals; left > 0 && in.ok(); --left) {
    const size_t start = in.position();
    skip_name(in);
    const uint16_t type = in.u16();
    in.skip(6);
    const auto data = in.take(in.u16());
    if (left <= additionals && type == type::opt && in.ok()) head.expire = read_expire(data);
    if (left == 1 && additionals > 0 && type == type::tsig) head.tsig_offset = start;
  }
  if (!in.ok() || in.left() != 0) return std::nullopt;
  return head;
}

}  // namespace popnet::dns
