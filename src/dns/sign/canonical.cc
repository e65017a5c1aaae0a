#include "dns/sign/canonical.h"

#include <algorithm>

#include "common/text.h"
#include "dns/wire/protocol.h"

namespace popnet::dns::sign {

namespace {

/// How the RDATA of a type begins: fixed bytes, character strings, then names; what follows is left alone.
struct Shape {
  uint16_t type;
  uint8_t fixed, strings, names;
};

/// The types whose names are lowered (RFC 4034 section 6.2 as corrected by RFC 6840 section 5.1). A6, SIG and
/// NXT are obsolete and no longer in use.
constexpr Shape shapes[] = {
    {type::ns, 0, 0, 1}, {3, 0, 0, 1},  {4, 0, 0, 1},  {type::cname, 0, 0, 1}, {type::soa, 0, 0, 2},
    {7, 0, 0, 1},        {8, 0, 0, 1},  {9, 0, 0, 1},  {type::ptr, 0, 0, 1},   {14, 0, 0, 2},
    {type::mx, 2, 0, 1}, {17, 0, 0, 2}, {18, 2, 0, 1}, {21, 2, 0, 1},          {26, 2, 0, 2},
    {33, 6, 0, 1},       {35, 4, 3, 1}, {36, 2, 0, 1}, {type::dname, 0, 0, 1},
};

}  // namespace

bool lower_names(uint16_t type, std::span<uint8_t> data) {
  const auto* shape =
      std::find_if(std::begin(shapes), std::end(shapes), [&](const Shape& s) { return s.type == type; });
  if (shape == std::end(shapes)) return false;
  if (data.size() < shape->fixed) return true;
  data = data.subspan(shape->fixed);
  for (int i = 0; i < shape->strings; ++i) {
    if (data.empty() || data.size() < data[0] + 1U) return true;
    data = data.subspan(data[0] + 1U);
  }
  for (int i = 0; i < shape->names; ++i) {
    const size_t size = measure_name(data).size;
    for (uint8_t& byte : data.first(size)) byte = static_cast<uint8_t>(to_lower(static_cast<char>(byte)));
    data = data.subspan(size);
  }
  return true;
}

void CanonicalData::add(std::span<const uint8_t> rdata) {
  auto& record = records_.emplace_back(rdata.begin(), rdata.end());
  lower_names(type_, record);
}

std::vector<uint8_t> CanonicalData::finish() {
  std::sort(records_.begin(), records_.end());  // as left-justified octets: vectors compare so
  records_.erase(std::unique(records_.begin(), records_.end()), records_.end());
  std::vector<uint8_t> data;
  for (const auto& record : records_) {
    data.push_back(static_cast<uint8_t>(record.size() >> 8));
    data.push_back(static_cast<uint8_t>(record.size()));
    data.insert(data.end(), record.begin(), record.end());
  }
  return data;
}

void write_head(ByteWriter& out, const SignatureHead& head) {
  out.u16(head.covered);
  out.u8(head.algorithm);
  out.u8(head.labels);
  out.u32(head.original_ttl);
  out.u32(head.expiration);
  out.u32(head.inception);
  out.u16(head.key_tag);
  out.bytes(head.signer);
}

void write_input(ByteWriter& out, const SignatureHead& head, const Content& content) {
  write_head(out, head);
  ByteReader in(content.data);
  while (in.left() > 0) {
    const auto record = in.take(in.u16());
    if (!in.ok()) return;
    out.bytes(content.owner);
    out.u16(content.type);
    out.u16(class_in);
    out.u32(content.ttl);
    out.u16(static_cast<uint16_t>(record.size()));
    out.bytes(record);
  }
}

size_t input_size_max(const Content& content) {
  constexpr size_t head = 18 + name_size_max, record = 8;
  size_t records = 0;
  for (ByteReader in(content.data); in.left() > 0; ++records) in.skip(in.u16());
  return head + content.data.size() + records * (content.owner.size() + record);
}

uint8_t signature_labels(NameBytes owner) {
  return static_cast<uint8_t>(count_labels(owner) - (is_wildcard(owner) ? 1 : 0));
}

void TypeSet::remove(uint16_t type) {
  count_ = static_cast<size_t>(std::remove(types_, types_ + count_, type) - types_);
}

void TypeSet::write(ByteWriter& out) {
  std::sort(types_, types_ + count_);
  for (size_t i = 0; i < count_;) {
    const int window = types_[i] >> 8;
    uint8_t bits[32] = {};
    size_t size = 0;
    for (; i < count_ && types_[i] >> 8 == window; ++i) {
      const size_t low = types_[i] & 0xff;
      bits[low / 8] |= static_cast<uint8_t>(0x80 >> low % 8);
      size = low / 8 + 1;
    }
    out.u8(static_cast<uint8_t>(window));
    out.u8(static_cast<uint8_t>(size));
    out.bytes({bits, size});
  }
}

// Usually \000.name (RFC 9824 section 3.1). Where that would be too long, the first label's last byte counts
// up (RFC 4470 section 3); upper case letters are skipped, as they sort as lower case. Of a name whose first
// label is full of 255s and cannot count up, the parent's successor is taken.
void write_next_name(ByteWriter& out, NameBytes name) {
  if (name.size() + 2 <= name_size_max) {
    out.u8(1);
    out.u8(0);
    return out.bytes(name);
  }
  uint8_t next[name_size_max];
  std::copy(name.begin(), name.end(), next);
  size_t start = 0;
  while (next[start] != 0 && next[start + next[start]] == 255) start += next[start] + 1U;
  if (next[start] != 0) {
    uint8_t& last = next[start + next[start]];
    last = last == 'A' - 1 ? 'Z' + 1 : static_cast<uint8_t>(last + 1);
  }
  out.bytes(NameBytes(next, name.size()).subspan(start));
}

}  // namespace popnet::dns::sign
