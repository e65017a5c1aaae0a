#include "dns/zone/field_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <set>

#include "common/percent.h"
#include "common/text.h"
#include "dns/wire/protocol.h"
#include "dns/zone/base64.h"
#include "dns/zone/fields.h"
#include "dns/zone/location_text.h"
#include "dns/zone/old_types.h"
#include "dns/zone/service_parameters.h"

namespace popnet::dns {

namespace {

using enum FieldKind;
using Words = std::span<const Word>;

std::string what_is_right(const Field& field) {
  const std::string or_word =
      field.words == nullptr ? "" : fmt::format(" or a name like {}", field.words->name);
  switch (field.kind) {
    case u8:
      return "a number from 0 to 255" + or_word;
    case u16:
      return "a number from 0 to 65535" + or_word;
    case u32:
      return "a number from 0 to 4294967295";
    case ttl:
      return "a length of time like 300 or 1h30m, at most 2147483647 s";
    case period:
      return "a length of time like 300 or 1h30m, at most 4294967295 s";
    case time:
      return "a time like 20300131235959 (UTC), or in seconds since 1970";
    case type:
      return "a type like A or TYPE65280";
    case types:
      return "types like A or TYPE65280";
    case ipv4:
      return "an IPv4 address like 192.0.2.1";
    case ipv6:
      return "an IPv6 address like 2001:db8::1";
    case eui48:
      return "six bytes like 00-00-5e-00-53-2a";
    case eui64:
      return "eight bytes like 00-00-5e-ef-10-00-00-2a";
    case node_id:
      return "four numbers like 2001:db8:1140:1000";
    case name:
    case more_names:
      return "a name like www or www.example.com.";
    case string:
    case optional_string:
      return "at most 255 bytes, in quotes if there are spaces in it";
    case more_strings:
      return "strings of at most 255 bytes each, in quotes if there are spaces in it";
    case long_string:
      return "text, in quotes if there are spaces in it";
    case tag:
      return "letters and digits, like issue";
    case hex:
      return "bytes of two digits each, 0-9 or a-f";
    case sized_hex:
      return "at most 255 bytes of two digits each, 0-9 or a-f, or - if there are none";
    case base64:
    case optional_base64:
      return "whole base64 (RFC 4648 section 4)";
    case sized_base32:
      return "whole base32 with 0-9 and a-v (RFC 4648 section 7)";
    case prefixes:
      return "networks like 1:192.0.2.0/24, !1:192.0.2.64/28 or 2:2001:db8::/32";
    case location:
      return "one like 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m (RFC 1876 section 3)";
    case host_identity:
      return "an algorithm, a tag in hexadecimal and a key in base64 (RFC 8005 section 6)";
    case gateway:
    case relay:
      return "what its type says: 0 for a dot, 1 for an IPv4 address, 2 for an IPv6 address, 3 for a name";
    case relay_type:
      return "0 or 1 and a number from 0 to 127";
    case service_parameters:
      return "parameters like alpn=h2,h3 port=443";
    case services:
      return "ports like 25 or smtp";
    case nsap:
      return "one like 0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00";
    case atm_address:
      return "one like +61.200123 or 47.0005.80.005a00.0000.0001.e133.ffffff000161.00";
    case old_types:
      return "types like A or NXT, with numbers below 128";
    case suffix:
      return "a length from 0 to 128, an IPv6 address unless that is 128, and a name unless it is 0";
    case none:
      break;
  }
  return "";
}

void append(std::vector<uint8_t>& data, uint64_t number, size_t size) {
  for (size_t i = size; i-- > 0;) data.push_back(static_cast<uint8_t>(number >> (8 * i)));
}
void append(std::vector<uint8_t>& data, std::string_view text) {
  data.insert(data.end(), text.begin(), text.end());
}

std::optional<uint64_t> read_number(std::string_view text, uint64_t highest) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc() || read.ptr != end || number > highest) return std::nullopt;
  return number;
}

bool append_hex(std::vector<uint8_t>& data, std::string_view text) {
  if (text.size() % 2 != 0) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return false;
    data.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  return true;
}

/// `count` groups of hexadecimal digits, in two bytes if there may be four digits.
bool append_groups(std::vector<uint8_t>& data, std::string_view text, char separator, size_t count,
                   size_t digits_min, size_t digits_max) {
  const auto groups = split(text, separator);
  if (groups.size() != count) return false;
  for (const std::string_view group : groups) {
    if (group.size() < digits_min || group.size() > digits_max) return false;
    if (!append_hex(data, std::string(digits_max - group.size(), '0').append(group))) return false;
  }
  return true;
}

bool append_address(std::vector<uint8_t>& data, int family, std::string_view text) {
  uint8_t address[16];
  if (inet_pton(family, std::string(text).c_str(), address) != 1) return false;
  data.insert(data.end(), address, address + (family == AF_INET ? 4 : 16));
  return true;
}

bool append_string(std::vector<uint8_t>& data, const Word& word) {
  const auto text = unescape(word);
  if (!text || text->size() > 255) return false;
  data.push_back(static_cast<uint8_t>(text->size()));
  append(data, *text);
  return true;
}

/// "!1:192.0.2.0/24" (RFC 3123 section 5); zero bytes at the end of addresses are left out.
bool append_prefix(std::vector<uint8_t>& data, std::string_view text) {
  const bool negated = text.starts_with('!');
  if (negated) text.remove_prefix(1);
  const bool v4 = text.starts_with("1:");
  if (!v4 && !text.starts_with("2:")) return false;
  const size_t slash = text.find('/');
  if (slash == text.npos) return false;
  const auto length = read_number(text.substr(slash + 1), v4 ? 32 : 128);
  std::vector<uint8_t> address;
  if (!length || !append_address(address, v4 ? AF_INET : AF_INET6, text.substr(2, slash - 2))) return false;
  while (!address.empty() && address.back() == 0) address.pop_back();
  append(data, v4 ? 1 : 2, 2);
  append(data, *length, 1);
  append(data, address.size() | (negated ? 0x80U : 0U), 1);
  data.insert(data.end(), address.begin(), address.end());
  return true;
}

/// Type bit maps (RFC 4034 section 4.1.2): for each 256 types a map as long as its last bit wants.
void append_types(std::vector<uint8_t>& data, const std::set<uint16_t>& types) {
  for (auto t = types.begin(); t != types.end();) {
    const int window = *t >> 8;
    std::vector<uint8_t> bits;
    for (; t != types.end() && *t >> 8 == window; ++t) {
      const size_t byte = (*t & 0xffU) / 8;
      bits.resize(byte + 1);
      bits[byte] = static_cast<uint8_t>(bits[byte] | 0x80U >> (*t % 8));
    }
    append(data, static_cast<uint64_t>(window), 1);
    append(data, bits.size(), 1);
    data.insert(data.end(), bits.begin(), bits.end());
  }
}

class DataReader {
 public:
  DataReader(uint16_t type, Words words, size_t end, const Name& origin, std::vector<uint8_t>& data,
             TextProblem& problem)
      : type_(type), words_(words), end_(end), origin_(origin), data_(data), problem_(problem) {}

  bool read();

 private:
  bool read_unknown();
  bool fail_unknown();
  bool read_field(const Field& field);
  bool read_one(const Field& field, const Word& word);
  bool read_words(const Field& field);
  bool read_number_field(const Field& field, const Word& word, uint64_t highest, size_t size);
  bool read_time(const Word& word);
  bool read_name_field(const Word& word);
  bool read_gateway(const Word& word);
  bool read_relay_type(const Word& word);
  bool read_host_identity(const Word& word);
  bool read_suffix();
  bool read_types();
  bool read_parameters();

  [[nodiscard]] bool at_end() const { return at_ == words_.size(); }
  /// The rest without the spaces in it.
  std::string take_rest() {
    std::string text;
    while (!at_end()) text += words_[at_++].text;
    return text;
  }
  bool fail(size_t offset, std::string what) {
    problem_ = {offset, std::move(what)};
    return false;
  }

  const uint16_t type_;
  const Words words_;
  const size_t end_;
  const Name& origin_;
  std::vector<uint8_t>& data_;
  TextProblem& problem_;
  size_t at_ = 0;    // of the next word
  std::string why_;  // what more there is to say of the present field when it is wrong, led by a space
};

bool DataReader::read() {
  data_.clear();
  const std::span<const Field> fields = fields_of(type_);
  if (!words_.empty() && words_[0].text == "\\#" && !words_[0].quoted) return read_unknown();
  if (fields.empty()) return fail_unknown();
  for (const Field& field : fields)
    if (!read_field(field)) return false;
  if (!at_end())
    return fail(words_[at_].offset,
                fmt::format("{} ends before {}, remove this", type_text(type_), shown(words_[at_].text)));
  if (std::string why = why_wrong_digest(type_, data_); !why.empty())
    return fail(words_.back().offset, std::move(why));
  return true;
}

/// RFC 3597 section 5: \# 4 c0000201
bool DataReader::read_unknown() {
  const auto size = words_.size() > 1 ? read_number(words_[1].text, message_size_max) : std::nullopt;
  if (!size)
    return fail(words_.size() > 1 ? words_[1].offset : end_,
                "\\# wants the number of bytes behind it, write one like \\# 4 c0000201");
  for (at_ = 2; !at_end(); ++at_)
    for (const char c : words_[at_].text)
      if (hex_value(c) < 0)
        return fail(words_[at_].offset,
                    fmt::format("{} is not hexadecimal, write digits 0-9 and a-f", shown(words_[at_].text)));
  at_ = 2;
  const std::string digits = take_rest();
  if (digits.size() != 2 * *size)
    return fail(words_[1].offset,
                fmt::format("\\# says {} bytes but {} hexadecimal digits follow, write two for each", *size,
                            digits.size()));
  return append_hex(data_, digits);
}

bool DataReader::fail_unknown() {
  return fail(words_.empty() ? end_ : words_[0].offset,
              fmt::format("the fields of {} are not known, write its data like \\# 4 c0000201 (RFC 3597)",
                          type_text(type_)));
}

bool DataReader::read_field(const Field& field) {
  const bool optional = field.kind == optional_string || field.kind == optional_base64 ||
                        field.kind == more_names || field.kind == types || field.kind == prefixes ||
                        field.kind == service_parameters || field.kind == services;
  if (at_end()) {
    if (optional) return true;
    return fail(end_,
                fmt::format("{} has no {}, write {}", type_text(type_), field.name, what_is_right(field)));
  }
  why_.clear();
  if (field.kind == service_parameters) return read_parameters();
  if (read_words(field)) return true;
  const Word& word = words_[at_ - 1];
  return fail(word.offset, fmt::format("{} has the {} {}{}, write {}", type_text(type_), field.name,
                                       shown(word.text), why_, what_is_right(field)));
}

/// To the end.
bool DataReader::read_parameters() {
  const Words rest = words_.subspan(at_);
  size_t wrong = 0;
  std::string what;
  at_ = words_.size();
  return read_service_parameters(rest, data_, wrong, what) ||
         fail(rest[wrong].offset, fmt::format("{}: {}", type_text(type_), what));
}

/// A field of one word, or of all that are left. If it is wrong, the word that is was the last one taken.
bool DataReader::read_words(const Field& field) {
  switch (field.kind) {
    case types:
      return read_types();
    case hex: {
      std::string digits;
      while (!at_end()) {
        digits += words_[at_++].text;
        if (!std::ranges::all_of(digits, [](char c) { return hex_value(c) >= 0; })) return false;
      }
      if (digits.size() % 2 != 0) why_ = " which ends an odd number of digits";
      return !digits.empty() && append_hex(data_, digits);
    }
    case base64:
    case optional_base64: {
      const std::string text = take_rest();
      return !text.empty() && append_base64(data_, text);
    }
    case location: {
      const Words rest = words_.subspan(at_);
      const size_t right = read_location(rest, data_);
      at_ = std::min(words_.size(), at_ + right + (right < rest.size() ? 1 : 0));
      if (right == rest.size() && data_.empty()) why_ = " where it ends too early";
      return !data_.empty() && right == rest.size();
    }
    case services:
    case old_types: {
      const Words rest = words_.subspan(at_);
      const size_t right =
          field.kind == services ? read_services(rest, data_.back(), data_) : read_old_types(rest, data_);
      at_ = std::min(words_.size(), at_ + right + 1);
      return right == rest.size();
    }
    case suffix:
      return read_suffix();
    case more_strings:
    case more_names:
    case prefixes:
      while (!at_end())
        if (!read_one(field, words_[at_++])) return false;
      return true;
    default:
      return read_one(field, words_[at_++]);
  }
}

bool DataReader::read_one(const Field& field, const Word& word) {
  switch (field.kind) {
    case u8:
      return read_number_field(field, word, 0xff, 1);
    case u16:
      return read_number_field(field, word, 0xffff, 2);
    case u32:
      return read_number_field(field, word, 0xffffffff, 4);
    case ttl:
    case period: {
      const auto seconds = read_period(word.text);
      if (!seconds || (field.kind == ttl && *seconds > ttl_max)) return false;
      append(data_, *seconds, 4);
      return true;
    }
    case time:
      return read_time(word);
    case type: {
      const auto covered = read_type(word.text);
      append(data_, covered.value_or(0), 2);
      return covered.has_value();
    }
    case ipv4:
      return append_address(data_, AF_INET, word.text);
    case ipv6:
      return append_address(data_, AF_INET6, word.text);
    case eui48:
      return append_groups(data_, word.text, '-', 6, 2, 2);
    case eui64:
      return append_groups(data_, word.text, '-', 8, 2, 2);
    case node_id:
      return append_groups(data_, word.text, ':', 4, 1, 4);
    case name:
    case more_names:
      return read_name_field(word);
    case string:
    case optional_string:
    case more_strings:
      return append_string(data_, word);
    case long_string: {
      const auto text = unescape(word);
      append(data_, text.value_or(""));
      return text.has_value();
    }
    case tag:
      return !word.text.empty() && std::ranges::all_of(word.text, is_tag_character) &&
             append_string(data_, word);
    case sized_hex: {
      const std::string_view digits = word.text == "-" ? "" : word.text;
      if (digits.size() > 510 || (digits.empty() && word.text != "-")) return false;
      append(data_, digits.size() / 2, 1);
      return append_hex(data_, digits);
    }
    case sized_base32: {
      uint8_t hash[255];
      const std::string text = to_lower(word.text);
      if (text.empty() || text.size() > 400 ||
          text.find_first_not_of("0123456789abcdefghijklmnopqrstuv") != text.npos)
        return false;
      const int size = ldns_b32_pton_extended_hex(text.c_str(), text.size(), hash, sizeof hash);
      if (size <= 0) return false;
      append(data_, static_cast<uint64_t>(size), 1);
      data_.insert(data_.end(), hash, hash + size);
      return true;
    }
    case prefixes:
      return append_prefix(data_, word.text);
    case nsap:
      return append_nsap(data_, word.text);
    case atm_address:
      return append_atm_address(data_, word.text);
    case gateway:
    case relay:
      return read_gateway(word);
    case relay_type:
      return read_relay_type(word);
    case host_identity:
      return read_host_identity(word);
    default:
      return false;
  }
}

bool DataReader::read_number_field(const Field& field, const Word& word, uint64_t highest, size_t size) {
  auto number = read_number(word.text, highest);
  if (!number && field.words != nullptr)
    if (const auto* named = ldns_lookup_by_name(field.words, std::string(word.text).c_str()))
      number = static_cast<uint64_t>(named->id);
  append(data_, number.value_or(0), size);
  return number.has_value();
}

bool DataReader::read_time(const Word& word) {
  constexpr size_t date_size = 14;  // YYYYMMDDHHmmSS
  if (word.text.size() != date_size) {
    const auto seconds = read_number(word.text, 0xffffffff);
    append(data_, seconds.value_or(0), 4);
    return seconds.has_value();
  }
  if (!read_number(word.text, std::numeric_limits<uint64_t>::max())) return false;
  const std::unique_ptr<ldns_rdf, void (*)(ldns_rdf*)> read(
      ldns_rdf_new_frm_str(LDNS_RDF_TYPE_TIME, std::string(word.text).c_str()), ldns_rdf_deep_free);
  if (read == nullptr) return false;
  data_.insert(data_.end(), ldns_rdf_data(read.get()), ldns_rdf_data(read.get()) + 4);
  return true;
}

bool DataReader::read_name_field(const Word& word) {
  const auto bytes = read_name(word.text, origin_, why_);
  data_.insert(data_.end(), bytes.begin(), bytes.end());
  return !bytes.empty();
}

/// The byte before the last one says what it is; IPSECKEY has its algorithm between.
bool DataReader::read_gateway(const Word& word) {
  switch (data_[1] & 0x7f) {
    case 0:
      return word.text == ".";
    case 1:
      return append_address(data_, AF_INET, word.text);
    case 2:
      return append_address(data_, AF_INET6, word.text);
    case 3:
      return read_name_field(word);
    default:
      return false;
  }
}

bool DataReader::read_relay_type(const Word& word) {
  const auto discovery = read_number(word.text, 1);
  if (!discovery || at_end()) return false;
  const auto kind = read_number(words_[at_++].text, 127);
  append(data_, *discovery << 7 | kind.value_or(0), 1);
  return kind.has_value();
}

bool DataReader::read_host_identity(const Word& word) {
  const auto algorithm = read_number(word.text, 0xff);
  std::vector<uint8_t> tag_bytes, key;
  if (!algorithm || at_end() || !append_hex(tag_bytes, words_[at_++].text) || tag_bytes.empty() ||
      tag_bytes.size() > 255 || at_end() || !append_base64(key, words_[at_++].text) || key.empty())
    return false;
  append(data_, tag_bytes.size(), 1);
  append(data_, *algorithm, 1);
  append(data_, key.size(), 2);
  data_.insert(data_.end(), tag_bytes.begin(), tag_bytes.end());
  data_.insert(data_.end(), key.begin(), key.end());
  return true;
}

/// RFC 2874 section 3.1: the bits of the address that the prefix covers are not sent.
bool DataReader::read_suffix() {
  constexpr size_t all = 128;
  const auto next = [&]() -> const Word* {
    if (at_end()) why_ = " where it ends too early";
    return at_end() ? nullptr : &words_[at_++];
  };
  const auto prefix = read_number(words_[at_++].text, all);
  append(data_, prefix.value_or(0), 1);
  if (!prefix) return false;
  if (*prefix < all) {
    const Word* text = next();
    std::vector<uint8_t> address;
    if (text == nullptr || !append_address(address, AF_INET6, text->text)) return false;
    address[*prefix / 8] = static_cast<uint8_t>(address[*prefix / 8] & 0xffU >> (*prefix % 8));
    data_.insert(data_.end(), address.begin() + static_cast<std::ptrdiff_t>(*prefix / 8), address.end());
  }
  if (*prefix == 0) return true;
  const Word* text = next();
  return text != nullptr && read_name_field(*text);
}

bool DataReader::read_types() {
  std::set<uint16_t> found;
  while (!at_end()) {
    const auto one = read_type(words_[at_++].text);
    if (!one) return false;
    found.insert(*one);
  }
  append_types(data_, found);
  return true;
}

}  // namespace

bool read_data(uint16_t type, Words words, size_t end, const Name& origin, std::vector<uint8_t>& data,
               TextProblem& problem) {
  return DataReader(type, words, end, origin, data, problem).read();
}

std::vector<uint8_t> read_name(std::string_view text, const Name& origin, std::string& why) {
  std::vector<uint8_t> bytes;
  const auto fail = [&](const char* reason) {
    why = reason;
    return std::vector<uint8_t>();
  };
  if (text == "@") return {origin.bytes().begin(), origin.bytes().end()};
  if (text == ".") return {0};
  if (text.empty()) return fail(" which is no name");
  size_t label = 0;  // where the present label's length stands
  bytes.push_back(0);
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '"') return fail(" with a quote inside");
    const bool dot = text[at] == '.';
    const int c = read_escaped(text, at);
    if (c < 0) return fail(" where a backslash lacks a character or three digits up to 255");
    if (!dot) {
      bytes.push_back(static_cast<uint8_t>(c));
      if (bytes.size() - label - 1 > label_size_max) return fail(" which has a label of more than 63 bytes");
      continue;
    }
    if (bytes.size() == label + 1) return fail(" which has an empty label");
    bytes[label] = static_cast<uint8_t>(bytes.size() - label - 1);
    label = bytes.size();
    bytes.push_back(0);
  }
  if (bytes.size() > label + 1) {  // no dot ends it
    bytes[label] = static_cast<uint8_t>(bytes.size() - label - 1);
    bytes.insert(bytes.end(), origin.bytes().begin(), origin.bytes().end());
  }
  if (bytes.size() > name_size_max) return fail(" which is longer than 255 bytes with its origin");
  return bytes;
}

}  // namespace popnet::dns
