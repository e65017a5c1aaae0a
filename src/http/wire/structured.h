// Dictionaries of Structured Fields (RFC 8941 section 3.2), read strictly: one error, and the whole field is none.
//
//   while (!text.empty())
//     if (!take_member(text, member)) return malformed; else use(member);
//
// Nothing is copied and nothing decoded: who wants the inside of a String with escapes decodes it himself.
#pragma once

#include <cstdint>
#include <string_view>

namespace popnet::http {

struct DictionaryMember {
  enum class Type : uint8_t { boolean, integer, decimal, string, token, bytes, inner_list };
  std::string_view key{};
  Type type = Type::boolean;
  std::string_view
      text{};  // of the value: of a String without its quotes, of "?1" the digit; empty for a bare key

  [[nodiscard]] bool is_true() const { return type == Type::boolean && text != "0"; }
};

/// Takes the first member of `text` and what separates it from the next; parameters are read and left out. False
/// when it, or the comma behind it, is not as it must be. REQUIRES: text is not empty and does not begin with a space
bool take_member(std::string_view& text, DictionaryMember& member);

}  // namespace popnet::http
