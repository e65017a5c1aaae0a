#include "dns/zone/base64.h"

namespace popnet::dns {

namespace {

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

bool append_base64(std::vector<uint8_t>& data, std::string_view text) {
  const size_t digits = text.find_last_not_of('=') + 1;
  if (text.size() % 4 != 0 || text.size() - digits > 2) return false;
  uint32_t bits = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int value = base64_value(text[i]);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    const size_t left = (6 * (i + 1)) % 8;  // bits that are no whole byte yet
    if (left < 6) data.push_back(static_cast<uint8_t>(bits >> left));
  }
  return true;
}

}  // namespace popnet::dns
