#include "demo/lookup.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>

#include "common/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/protocol.h"
#include "rt/socket.h"

namespace popnet::demo {

namespace {

constexpr size_t udp_size = 1232;

size_t write_query(ByteWriter& out, const dns::Name& name, const Prefix& visitor, uint16_t id) {
  const bool v4 = visitor.address().is_v4();
  const size_t address_bytes = (static_cast<size_t>(visitor.length()) + 7) / 8;
  for (const uint16_t word : {id, dns::flag::rd, uint16_t{1}, uint16_t{0}, uint16_t{0}, uint16_t{1}})
    out.u16(word);
  out.bytes(name.bytes());
  out.u16(dns::type::a);
  out.u16(dns::class_in);
  out.u8(0);  // OPT: root name
  out.u16(dns::type::opt);
  out.u16(udp_size);
  out.u32(0);
  out.u16(static_cast<uint16_t>(8 + address_bytes));
  out.u16(dns::edns::subnet);
  out.u16(static_cast<uint16_t>(4 + address_bytes));
  out.u16(v4 ? 1 : 2);
  out.u8(static_cast<uint8_t>(visitor.length()));
  out.u8(0);
  out.bytes(visitor.address().bytes().first(address_bytes));
  return out.size();
}

void skip_name(ByteReader& in) {
  while (in.ok()) {
    const uint8_t length = in.u8();
    if (length >= 0xc0) in.skip(1);
    if (length == 0 || length >= 0xc0) return;
    in.skip(length);
  }
}

Result<std::vector<IpAddress>> read_answer(std::span<const uint8_t> message, uint16_t id) {
  ByteReader in(message);
  const bool ours = in.u16() == id;
  const int rcode = in.u16() & 15;
  const uint16_t questions = in.u16(), answers = in.u16();
  in.skip(4);
  for (int i = 0; i < questions; ++i) {
    skip_name(in);
    in.skip(4);
  }
  std::vector<IpAddress> found;
  for (int i = 0; i < answers && in.ok(); ++i) {
    skip_name(in);
    const uint16_t type = in.u16();
    in.skip(6);
    const auto data = in.take(in.u16());
    if (type == dns::type::a && data.size() == 4) found.push_back(IpAddress::from_bytes(data));
  }
  if (!in.ok() || !ours) return Error{ErrorCode::peer, "the answer is no DNS message of ours"};
  if (rcode != 0) return Error{ErrorCode::peer, fmt::format("the answer has rcode {}", rcode)};
  return found;
}

}  // namespace

Result<std::vector<IpAddress>> lookup(const Endpoint& server, std::string_view name, const Prefix& visitor,
                                      Duration timeout, uint16_t id) {
  auto wire = dns::parse_name(name);
  if (!wire) return wire.error();
  std::array<uint8_t, udp_size> buffer;
  ByteWriter query(buffer);
  const size_t size = write_query(query, *wire, visitor, id);

  const rt::SocketAddress address(server);
  const rt::UniqueFd fd(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), address.raw(), address.length) != 0 || ::send(fd.get(), buffer.data(), size, 0) < 0)
    return Error{ErrorCode::peer, fmt::format("{} cannot be asked", server.to_string())};
  pollfd ready{fd.get(), POLLIN, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  if (::poll(&ready, 1, static_cast<int>(ms)) <= 0)
    return Error{ErrorCode::timeout, fmt::format("{} does not answer", server.to_string())};
  const auto got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return Error{ErrorCode::peer, fmt::format("{} is not there", server.to_string())};
  return read_answer({buffer.data(), static_cast<size_t>(got)}, id);
}

}  // namespace popnet::demo
