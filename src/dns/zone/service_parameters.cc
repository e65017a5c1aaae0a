#include "dns/zone/service_parameters.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

#include "common/bytes.h"
#include "common/text.h"
#include "dns/zone/base64.h"

namespace popnet::dns {

namespace {

enum Key : uint16_t {
  mandatory = 0,
  alpn = 1,
  no_default_alpn = 2,
  port = 3,
  ipv4hint = 4,
  ech = 5,
  ipv6hint = 6,
  dohpath = 7,
  ohttp = 8,
  invalid = 65535,
};
constexpr std::string_view key_names[] = {"mandatory", "alpn",     "no-default-alpn", "port", "ipv4hint",
                                          "ech",       "ipv6hint", "dohpath",         "ohttp"};

std::string key_text(uint16_t key) {
  return key < std::size(key_names) ? std::string(key_names[key]) : fmt::format("key{}", key);
}

/// "alpn" or "key1"
std::optional<uint16_t> read_key(std::string_view text) {
  const auto* named = std::ranges::find(key_names, text);
  if (named != std::end(key_names)) return static_cast<uint16_t>(named - key_names);
  if (!text.starts_with("key")) return std::nullopt;
  text.remove_prefix(3);
  uint16_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool plain = text == "0" || !text.starts_with('0');
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !plain || number == invalid)
    return std::nullopt;
  return number;
}

using Bytes = std::string;

Bytes u16_bytes(uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}

/// The items of a list with commas between, in which a backslash takes the meaning from a comma or another one (RFC 9460
/// appendix A.1).
std::optional<std::vector<Bytes>> read_list(std::string_view text) {
  std::vector<Bytes> items(1);
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ',') {
      items.emplace_back();
      continue;
    }
    if (text[at] == '\\' && (++at == text.size() || (text[at] != ',' && text[at] != '\\')))
      return std::nullopt;
    items.back() += text[at];
  }
  if (std::ranges::any_of(items, &Bytes::empty)) return std::nullopt;
  return items;
}

std::optional<Bytes> read_addresses(const std::vector<Bytes>& items, int family) {
  Bytes bytes;
  for (const Bytes& item : items) {
    char address[16];
    if (inet_pton(family, item.c_str(), address) != 1) return std::nullopt;
    bytes.append(address, family == AF_INET ? 4 : 16);
  }
  return bytes;
}

std::optional<Bytes> read_keys(const std::vector<Bytes>& items) {
  std::vector<uint16_t> keys;
  for (const Bytes& item : items) {
    const auto key = read_key(item);
    if (!key) return std::nullopt;
    keys.push_back(*key);
  }
  std::ranges::sort(keys);
  Bytes bytes;
  for (const uint16_t key : keys) bytes += u16_bytes(key);
  return bytes;
}

/// `text`: without escapes of the master file. Nothing if it is no value of this key; what its bytes may be is not looked at.
std::optional<Bytes> read_value(uint16_t key, const Bytes& text) {
  switch (key) {
    case mandatory:
    case alpn:
    case ipv4hint:
    case ipv6hint: {
      const auto items = read_list(text);
      if (!items) return std::nullopt;
      if (key == mandatory) return read_keys(*items);
      if (key != alpn) return read_addresses(*items, key == ipv4hint ? AF_INET : AF_INET6);
      Bytes bytes;
      for (const Bytes& item : *items) {
        if (item.size() > 255) return std::nullopt;
        bytes.append(1, static_cast<char>(item.size())).append(item);
      }
      return bytes;
    }
    case port: {
      uint16_t number = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
      if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
      return u16_bytes(number);
    }
    case ech: {
      std::vector<uint8_t> bytes;
      if (!append_base64(bytes, text)) return std::nullopt;
      return Bytes(bytes.begin(), bytes.end());
    }
    default:
      return text;
  }
}

const char* value_example(uint16_t key) {
  switch (key) {
    case mandatory:
      return "other keys of this record, as in mandatory=alpn,port";
    case alpn:
      return "one or more protocols, as in alpn=h2,h3";
    case port:
      return "a number from 0 to 65535, as in port=443";
    case ipv4hint:
      return "IPv4 addresses, as in ipv4hint=192.0.2.1,192.0.2.2";
    case ech:
      return "base64 (RFC 4648 section 4), as in ech=AAAA";
    case ipv6hint:
      return "IPv6 addresses, as in ipv6hint=2001:db8::1,2001:db8::2";
    case dohpath:
      return "a path, as in dohpath=/dns-query{?dns}";
    default:
      return "no value";
  }
}

bool is_list_of_strings(std::span<const uint8_t> bytes) {
  ByteReader in(bytes);
  while (in.left() > 0)
    if (in.take(in.u8()).empty()) return false;
  return in.ok() && !bytes.empty();
}

using Parameters = std::map<uint16_t, std::span<const uint8_t>>;

/// Keys in order, none twice, none that names itself, all of them there.
std::string why_not_mandatory(std::span<const uint8_t> bytes, const Parameters& all) {
  ByteReader in(bytes);
  for (int last = -1; in.left() > 0;) {
    const uint16_t key = in.u16();
    if (!in.ok()) break;
    if (key == mandatory) return "mandatory names itself, remove that";
    if (key == last) return fmt::format("mandatory names {} twice, write it once", key_text(key));
    if (key < last) return "the keys that mandatory names are not in order, write the lowest first";
    if (!all.contains(key))
      return fmt::format("mandatory names {}, which the record does not have, write it too", key_text(key));
    last = key;
  }
  if (bytes.empty() || !in.ok()) return fmt::format("mandatory wants {}", value_example(mandatory));
  return {};
}

bool is_value(uint16_t key, std::span<const uint8_t> bytes) {
  switch (key) {
    case alpn:
      return is_list_of_strings(bytes);
    case no_default_alpn:
    case ohttp:
      return bytes.empty();
    case port:
      return bytes.size() == 2;
    case ipv4hint:
      return !bytes.empty() && bytes.size() % 4 == 0;
    case ipv6hint:
      return !bytes.empty() && bytes.size() % 16 == 0;
    case ech:
    case dohpath:
      return !bytes.empty();
    default:
      return true;
  }
}

}  // namespace

std::string why_no_service_parameters(std::span<const uint8_t> data) {
  Parameters all;
  ByteReader in(data);
  for (int last = -1; in.left() > 0;) {
    const uint16_t key = in.u16();
    const auto value = in.take(in.u16());
    if (!in.ok()) break;
    if (key <= last)
      return "the keys are not in order, or one stands twice, write each once, the lowest first";
    if (key == invalid) return "65535 is no key (RFC 9460 section 14.3.2), remove it";
    if (!is_value(key, value)) return fmt::format("{} wants {}", key_text(key), value_example(key));
    all[key] = value;
    last = key;
  }
  if (!in.ok()) return "they end too early, write all of their bytes";
  if (all.contains(no_default_alpn) && !all.contains(alpn))
    return "no-default-alpn stands without alpn, write the protocols, as in alpn=h2";
  return all.contains(mandatory) ? why_not_mandatory(all[mandatory], all) : std::string();
}

bool read_service_parameters(std::span<const Word> words, std::vector<uint8_t>& data, size_t& wrong,
                             std::string& what) {
  std::map<uint16_t, Bytes> values;
  const auto fail = [&](size_t at, std::string reason) {
    wrong = at;
    what = std::move(reason);
    return false;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view text = words[i].text;
    const bool by_number = text.starts_with("key");  // its value is bytes, also of a key that has a name
    const size_t equal = std::min(text.find('='), text.size());
    const auto key = read_key(text.substr(0, equal));
    if (!key)
      return fail(i,
                  fmt::format("{} is no key, write one like alpn or key667", shown(text.substr(0, equal))));
    std::string_view value = text.substr(std::min(equal + 1, text.size()));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    const auto plain = unescape({value});
    // A parameter without a value is read as one with an empty value; most cannot have that.
    const auto bytes = !plain || plain->empty() || by_number ? plain : read_value(*key, *plain);
    if (!bytes || bytes->size() > UINT16_MAX)
      return fail(i, fmt::format("{} wants {}", key_text(*key), value_example(*key)));
    if (!values.emplace(*key, *bytes).second)
      return fail(i, fmt::format("{} stands twice, write it once", key_text(*key)));
  }
  const size_t begin = data.size();
  for (const auto& [key, value] : values) {
    const Bytes parameter = u16_bytes(key) + u16_bytes(static_cast<uint16_t>(value.size())) + value;
    data.insert(data.end(), parameter.begin(), parameter.end());
  }
  const std::string why = why_no_service_parameters(std::span(data).subspan(begin));
  return why.empty() || fail(0, why);
}

}  // namespace popnet::dns
