#include "dns/tap/control_frame.h"

namespace popnet::dns::tap {

namespace {

constexpr uint32_t content_type_field = 1;
constexpr size_t word_size = 4;

void put_word(uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}
/// Takes it off. REQUIRES: is there
uint32_t take_word(std::string_view& bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < word_size; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  bytes.remove_prefix(word_size);
  return value;
}

}  // namespace

std::string control_frame(Control type) {
  const bool says_content = type == Control::ready || type == Control::start;
  std::string out;
  put_word(0, out);
  put_word(static_cast<uint32_t>(says_content ? 3 * word_size + content_type.size() : word_size), out);
  put_word(static_cast<uint32_t>(type), out);
  if (says_content) {
    put_word(content_type_field, out);
    put_word(static_cast<uint32_t>(content_type.size()), out);
    out += content_type;
  }
  return out;
}

void put_frame(std::string_view frame, std::string& out) {
  put_word(static_cast<uint32_t>(frame.size()), out);
  out += frame;
}

Heard hear_accept(std::string_view said) {
  if (said.size() >= word_size && take_word(said) != 0) return Heard::refuses;
  if (said.size() < word_size) return Heard::more;
  const size_t length = take_word(said);
  if (length < word_size || length > control_size_max) return Heard::refuses;
  if (said.size() < length) return Heard::more;
  said = said.substr(0, length);
  if (take_word(said) != static_cast<uint32_t>(Control::accept)) return Heard::refuses;
  if (said.empty()) return Heard::takes;
  bool takes = false;
  while (!said.empty()) {
    if (said.size() < 2 * word_size || take_word(said) != content_type_field) return Heard::refuses;
    const size_t size = take_word(said);
    if (size > said.size()) return Heard::refuses;
    takes = takes || said.substr(0, size) == content_type;
    said.remove_prefix(size);
  }
  return takes ? Heard::takes : Heard::refuses;
}

}  // namespace popnet::dns::tap
