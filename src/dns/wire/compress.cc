#include "dns/wire/compress.h"

#include "common/text.h"
#include "dns/wire/protocol.h"

namespace popnet::dns {

namespace {
std::string key(NameBytes name) {
  return to_lower({reinterpret_cast<const char*>(name.data()), name.size()});
}
}  // namespace

void Compressor::know(NameBytes name, size_t offset) {
  for (; !is_root(name) && offset <= reach_; name = parent(name)) {
    tails_.emplace(key(name), static_cast<uint16_t>(offset));
    offset += size_t{name[0]} + 1;
  }
}

void Compressor::write(NameBytes name) {
  for (; !is_root(name); name = parent(name)) {
    const std::string tail = key(name);
    const size_t offset = out_.size();
    if (const auto known = tails_.find(tail); known != tails_.end()) {
      pointers_.push_back(static_cast<uint16_t>(offset));
      return out_.u16(static_cast<uint16_t>(pointer_mark | known->second));
    }
    if (offset <= reach_) tails_.emplace(tail, static_cast<uint16_t>(offset));
    out_.bytes(name.first(size_t{name[0]} + 1));
  }
  out_.u8(0);
}

}  // namespace popnet::dns
