#include "dns/zone/old_types.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>

#include "common/percent.h"
#include "dns/zone/fields.h"

namespace popnet::dns {

namespace {

constexpr uint8_t protocol_tcp = 6, protocol_udp = 17;
constexpr uint8_t format_end_system = 0, format_e164 = 1;

std::string without_dots(std::string_view text) {
  std::string rest(text);
  std::erase(rest, '.');
  return rest;
}

bool append_hex(std::vector<uint8_t>& data, std::string_view text) {
  if (text.empty() || text.size() % 2 != 0) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return false;
    data.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  return true;
}

std::optional<uint16_t> read_port(std::string_view text, uint8_t protocol) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  if (read.ec == std::errc() && read.ptr == end) return port;
  servent entry{}, *found = nullptr;
  char room[1024];
  const char* of = protocol == protocol_tcp ? "tcp" : protocol == protocol_udp ? "udp" : nullptr;
  if (getservbyname_r(std::string(text).c_str(), of, &entry, room, sizeof room, &found) != 0 ||
      found == nullptr)
    return std::nullopt;
  return ntohs(static_cast<uint16_t>(entry.s_port));
}

void set_bit(std::vector<uint8_t>& bits, size_t bit) {
  if (bits.size() <= bit / 8) bits.resize(bit / 8 + 1);
  bits[bit / 8] = static_cast<uint8_t>(bits[bit / 8] | 0x80U >> bit % 8);
}

}  // namespace

bool append_nsap(std::vector<uint8_t>& data, std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return false;
  return append_hex(data, without_dots(text.substr(2)));
}

bool append_atm_address(std::vector<uint8_t>& data, std::string_view text) {
  if (!text.starts_with('+')) {
    data.push_back(format_end_system);
    return append_hex(data, without_dots(text));
  }
  const std::string digits = without_dots(text.substr(1));
  data.push_back(format_e164);
  data.insert(data.end(), digits.begin(), digits.end());
  return !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

size_t read_services(std::span<const Word> words, uint8_t protocol, std::vector<uint8_t>& data) {
  std::vector<uint8_t> bits;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto port = read_port(words[i].text, protocol);
    if (!port) return i;
    set_bit(bits, *port);
  }
  data.insert(data.end(), bits.begin(), bits.end());
  return words.size();
}

size_t read_old_types(std::span<const Word> words, std::vector<uint8_t>& data) {
  std::vector<uint8_t> bits;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto type = read_type(words[i].text);
    if (!type || *type == 0 || *type >= 8 * old_types_bytes_max) return i;
    set_bit(bits, *type);
  }
  data.insert(data.end(), bits.begin(), bits.end());
  return words.size();
}

}  // namespace popnet::dns
