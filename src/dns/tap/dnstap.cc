#include "dns/tap/dnstap.h"

namespace popnet::dns::tap {

namespace {

// Protocol Buffers' wire format: a key (field number, wire type), then the value.
enum class Wire : uint8_t { varint = 0, bytes = 2, fixed32 = 5 };

void put_varint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_key(uint32_t field, Wire wire, std::string& out) {
  put_varint(field << 3 | static_cast<uint32_t>(wire), out);
}

void put_number(uint32_t field, uint64_t value, std::string& out) {
  put_key(field, Wire::varint, out);
  put_varint(value, out);
}

void put_bytes(uint32_t field, std::string_view bytes, std::string& out) {
  put_key(field, Wire::bytes, out);
  put_varint(bytes.size(), out);
  out += bytes;
}

void put_fixed32(uint32_t field, uint32_t value, std::string& out) {
  put_key(field, Wire::fixed32, out);
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
}

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Field numbers of dnstap.proto.
enum Dnstap : uint32_t { identity_field = 1, version_field = 2, message_field = 14, type_field = 15 };
enum MessageField : uint32_t {
  message_type = 1,
  socket_family = 2,
  socket_protocol = 3,
  query_address = 4,
  response_address = 5,
  query_port = 6,
  response_port = 7,
  query_time_sec = 8,
  query_time_nsec = 9,
  query_message = 10,
  response_time_sec = 12,
  response_time_nsec = 13,
  response_message = 14,
};
constexpr uint64_t type_message = 1;
constexpr uint64_t family_inet = 1, family_inet6 = 2;

std::string encode_message(const Message& m) {
  std::string out;
  const auto since = m.time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto nanoseconds = static_cast<uint32_t>((since - seconds).count());
  put_number(message_type, static_cast<uint64_t>(m.type), out);
  put_number(socket_family, m.client.address.is_v4() ? family_inet : family_inet6, out);
  put_number(socket_protocol, static_cast<uint64_t>(m.protocol), out);
  put_bytes(query_address, text_of(m.client.address.bytes()), out);
  if (!m.server.address.is_unspecified()) put_bytes(response_address, text_of(m.server.address.bytes()), out);
  if (m.client.port != 0) put_number(query_port, m.client.port, out);
  if (m.server.port != 0) put_number(response_port, m.server.port, out);
  put_number(query_time_sec, static_cast<uint64_t>(seconds.count()), out);
  put_fixed32(query_time_nsec, nanoseconds, out);
  if (m.type == MessageType::auth_query) {
    put_bytes(query_message, text_of(m.message), out);
    return out;
  }
  put_number(response_time_sec, static_cast<uint64_t>(seconds.count()), out);
  put_fixed32(response_time_nsec, nanoseconds, out);
  put_bytes(response_message, text_of(m.message), out);
  return out;
}

}  // namespace

void encode(const Message& message, std::string_view identity, std::string_view version, std::string& out) {
  if (!identity.empty()) put_bytes(identity_field, identity, out);
  put_bytes(version_field, version, out);
  put_bytes(message_field, encode_message(message), out);
  put_number(type_field, type_message, out);
}

}  // namespace popnet::dns::tap
