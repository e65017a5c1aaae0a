// Makes queries for tests: a resolver's side of the conversation, right or wrong on purpose.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/ip.h"
#include "dns/wire/name.h"
#include "dns/wire/protocol.h"

namespace popnet::dns {

class TestQuery {
 public:
  /// An ordinary query, id 0x1234, RD set. The name's case is kept.
  explicit TestQuery(std::string_view name, uint16_t qtype, uint16_t qclass = class_in) {
    words({0x1234, flag::rd, 1, 0, 0, 0});
    for (std::string_view rest = name == "." ? "" : name; !rest.empty();) {
      const auto label = rest.substr(0, rest.find('.'));
      byte(static_cast<uint8_t>(label.size()));
      for (const char c : label) byte(static_cast<uint8_t>(c));
      rest.remove_prefix(std::min(rest.size(), label.size() + 1));
    }
    byte(0);
    words({qtype, qclass});
  }

  /// Opens an OPT record; options may follow.
  TestQuery& edns(uint16_t udp_size = 1232, uint8_t version = 0, uint16_t flags = 0) {
    add_to_count(10, 1);
    byte(0);
    words({type::opt, udp_size, version, flags});
    rdlength_at_ = bytes_.size();
    return words({0});
  }
  TestQuery& option(uint16_t code, const std::vector<uint8_t>& data) {
    words({code, static_cast<uint16_t>(data.size())});
    for (const uint8_t b : data) byte(b);
    add_to_count(rdlength_at_, static_cast<uint16_t>(4 + data.size()));
    return *this;
  }
  /// "192.0.2.0/24"
  TestQuery& subnet(std::string_view prefix) {
    const Prefix p = Prefix::parse(prefix).value();
    const auto all = p.address().bytes();
    std::vector<uint8_t> data = {0, static_cast<uint8_t>(p.address().is_v4() ? 1 : 2),
                                 static_cast<uint8_t>(p.length()), 0};
    data.insert(data.end(), all.begin(), all.begin() + (p.length() + 7) / 8);
    return option(edns::subnet, data);
  }

  TestQuery& byte(uint8_t b) { return bytes_.push_back(b), *this; }
  TestQuery& words(std::initializer_list<uint16_t> list) {
    for (const uint16_t w : list) byte(static_cast<uint8_t>(w >> 8)).byte(static_cast<uint8_t>(w));
    return *this;
  }
  TestQuery& set_word(size_t position, uint16_t w) {
    bytes_[position] = static_cast<uint8_t>(w >> 8);
    bytes_[position + 1] = static_cast<uint8_t>(w);
    return *this;
  }
  TestQuery& set_flags(uint16_t flags) { return set_word(2, flags); }
  TestQuery& cut_to(size_t size) { return bytes_.resize(size), *this; }

  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }
  operator std::span<const uint8_t>() const { return bytes_; }  // NOLINT: a query is its bytes

 private:
  void add_to_count(size_t position, uint16_t n) {
    set_word(position, static_cast<uint16_t>((bytes_[position] << 8 | bytes_[position + 1]) + n));
  }
  std::vector<uint8_t> bytes_;
  size_t rdlength_at_ = 0;
};

}  // namespace popnet::dns
