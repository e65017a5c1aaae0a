#include "dns/zone/render.h"

#include <algorithm>

#include "dns/wire/compress.h"
#include "dns/wire/record_head.h"

namespace popnet::dns {

namespace {

// append() may move records behind a chain of CNAMEs: pointers among them must still reach.
constexpr size_t pointer_reach = pointer_max / 2;
constexpr size_t online_proof_max = 1024;  // that a delegation has no DS records, by NSEC3
constexpr size_t soa_numbers_size = 20;
constexpr size_t record_head_size = 10;  // type, class, TTL, data length

/// No rendering of these is larger.
size_t size_bound(std::span<const Record> set, std::span<const Glue> glue) {
  size_t size = size_of(set);
  for (const Glue& g : glue) size += g.owner.size() + record_head_size + g.address.size();
  return std::min(size, set_size_max);
}

class Renderer {
 public:
  Renderer(NameBytes owner, size_t size, size_t reach = pointer_reach)
      : room_(question_offset + owner.size() + 4 + size), out_(room_), names_(out_, reach) {
    for (size_t i = 0; i < question_offset; ++i) out_.u8(0);
    out_.bytes(owner);
    out_.u32(0);
    start_ = out_.size();
    // A wildcard's own name means another name in each answer: only the part behind the asterisk is sure to
    // be there.
    if (is_wildcard(owner)) {
      names_.know(parent(owner), question_offset + 2);
    } else {
      names_.know(owner, question_offset);
    }
  }

  void add(uint16_t type, uint32_t ttl, std::span<const uint8_t> data) {
    pointers_.push_back(static_cast<uint16_t>(out_.size() - start_));
    out_.u16(pointer_to_question);
    add_rest(type, ttl, data);
  }
  void add_glue(const Glue& glue) {
    names_.write(glue.owner.bytes());
    add_rest(glue.type, glue.ttl, glue.address);
  }
  void finish(RenderedSet& set) {
    if (!out_.ok()) return;
    const auto bytes = out_.written().subspan(start_);
    set.bytes.assign(bytes.begin(), bytes.end());
    set.pointers = std::move(pointers_);
    for (const uint16_t p : names_.pointers()) set.pointers.push_back(static_cast<uint16_t>(p - start_));
  }

 private:
  void add_rest(uint16_t type, uint32_t ttl, std::span<const uint8_t> data) {
    write_record_head(out_, type, ttl);
    const size_t length_at = out_.size();
    out_.u16(0);
    add_data(type, data);
    if (out_.ok()) out_.patch_u16(length_at, static_cast<uint16_t>(out_.size() - length_at - 2));
  }

  // CNAME and DNAME stay whole: in a chain, the next owner is a pointer into them, tails included.
  void add_data(uint16_t type, std::span<const uint8_t> data) {
    switch (type) {
      case type::ns:
      case type::ptr:
        return names_.write(data);
      case type::mx:
        out_.bytes(data.first(2));
        return names_.write(data.subspan(2));
      case type::soa: {
        const NameBytes primary = data.first(measure_name(data).size);
        const auto rest = data.subspan(primary.size());
        names_.write(primary);
        names_.write(rest.first(rest.size() - soa_numbers_size));
        return out_.bytes(rest.last(soa_numbers_size));
      }
      default:
        return out_.bytes(data);
    }
  }

  std::vector<uint8_t> room_;
  ByteWriter out_;
  Compressor names_;
  size_t start_ = 0;
  std::vector<uint16_t> pointers_;
};

}  // namespace

size_t size_of(std::span<const Record> set) {
  size_t size = 0;
  for (const Record& record : set) size += 2 + record_head_size + record.data.size();
  return size;
}

RenderedSet render(NameBytes owner, std::span<const Record> set, uint32_t ttl, std::span<const Glue> glue) {
  RenderedSet rendered;
  rendered.type = set[0].type;
  rendered.records = static_cast<uint16_t>(set.size());
  rendered.additional = static_cast<uint16_t>(glue.size());
  Renderer renderer(owner, size_bound(set, glue));
  for (const Record& record : set) renderer.add(record.type, ttl, record.data);
  for (const Glue& g : glue) renderer.add_glue(g);
  renderer.finish(rendered);
  return rendered;
}

RenderedSet render_glue(NameBytes owner, std::span<const Glue> glue, size_t before) {
  const size_t owner_end = question_offset + owner.size();  // whose tails are always in reach
  const size_t less = before + online_proof_max;
  const size_t reach = less < pointer_reach ? std::max(owner_end, pointer_reach - less) : owner_end;
  RenderedSet rendered;
  rendered.type = type_glue;
  rendered.additional = static_cast<uint16_t>(glue.size());
  Renderer renderer(owner, size_bound({}, glue), reach);
  for (const Glue& g : glue) renderer.add_glue(g);
  renderer.finish(rendered);
  return rendered;
}

}  // namespace popnet::dns
