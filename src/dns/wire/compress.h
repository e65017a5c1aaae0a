// Name compression (RFC 1035 section 4.1.4) for messages rendered ahead of time: a name is written as labels
// and, where a tail of it already stands in the message, a pointer to that. Not for the query path: it
// allocates.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/bytes.h"
#include "dns/wire/name.h"

namespace popnet::dns {

class Compressor {
 public:
  /// Pointers reach no farther than `reach`: leave room when the message will be moved.
  explicit Compressor(ByteWriter& out, size_t reach) : out_(out), reach_(reach) {}

  /// `name` stands uncompressed at `offset`; its tails may be pointed to.
  void know(NameBytes name, size_t offset);
  void write(NameBytes name);
  /// Where pointers were written, in order.
  [[nodiscard]] const std::vector<uint16_t>& pointers() const { return pointers_; }

 private:
  ByteWriter& out_;
  size_t reach_;
  std::unordered_map<std::string, uint16_t> tails_;  // lower case → offset
  std::vector<uint16_t> pointers_;
};

}  // namespace popnet::dns
