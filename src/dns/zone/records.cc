#include "dns/zone/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>

#include "dns/sign/canonical.h"
#include "dns/wire/protocol.h"

namespace popnet::dns {

namespace {

struct Fixed {
  uint32_t ttl;
  uint32_t line;
  uint32_t file;
  uint16_t type;
  uint16_t data_size;
  uint8_t owner_size;
};

constexpr size_t dropped = SIZE_MAX;  // in place of where a record begins

int compare(const Record& a, const Record& b) {
  if (const int c = a.owner.compare(b.owner); c != 0) return c;
  if (a.type != b.type) return a.type < b.type ? -1 : 1;
  const auto text = [](std::span<const uint8_t> d) {
    return std::string_view(reinterpret_cast<const char*>(d.data()), d.size());
  };
  return text(a.data).compare(text(b.data));
}

}  // namespace

std::string owner_key(NameBytes name) {
  std::string key(name.size() - 1, '\0');
  size_t end = key.size();
  for (; !is_root(name); name = parent(name)) {
    const size_t size = size_t{name[0]} + 1;
    end -= size;
    std::memcpy(key.data() + end, name.data(), size);
  }
  return key;
}

bool comes_before(OwnerKey a, OwnerKey b) {
  while (!a.empty() && !b.empty()) {
    const size_t a_size = static_cast<uint8_t>(a[0]), b_size = static_cast<uint8_t>(b[0]);
    if (const int c = a.substr(1, a_size).compare(b.substr(1, b_size)); c != 0) return c < 0;
    a.remove_prefix(a_size + 1);
    b.remove_prefix(b_size + 1);
  }
  return a.empty() && !b.empty();
}

Name owner_name(OwnerKey key) {
  uint8_t bytes[name_size_max];
  size_t end = key.size();
  const NameBytes name(bytes, end + 1);
  bytes[end] = 0;
  while (!key.empty()) {
    const size_t size = static_cast<uint8_t>(key[0]) + 1U;
    end -= size;
    std::memcpy(bytes + end, key.data(), size);
    key.remove_prefix(size);
  }
  return Name(name);
}

OwnerKey first_labels(OwnerKey key, size_t labels) {
  size_t end = 0;
  while (labels-- > 0) end += static_cast<uint8_t>(key[end]) + 1U;
  return key.substr(0, end);
}

size_t count_key_labels(OwnerKey key) {
  size_t labels = 0;
  for (; !key.empty(); key.remove_prefix(static_cast<uint8_t>(key[0]) + 1U)) ++labels;
  return labels;
}

uint32_t Records::add_file(std::string name) {
  files_.push_back(std::move(name));
  return static_cast<uint32_t>(files_.size() - 1);
}

void Records::add(const Name& owner, uint16_t type, uint32_t ttl, std::span<const uint8_t> data,
                  Place place) {
  const std::string key = owner_key(owner.bytes());
  const Fixed fixed{ttl,
                    place.line,
                    place.file,
                    type,
                    static_cast<uint16_t>(data.size()),
                    static_cast<uint8_t>(key.size())};
  order_.push_back(pool_.size());
  pool_.append(reinterpret_cast<const char*>(&fixed), sizeof fixed);
  pool_.append(key);
  pool_.append(reinterpret_cast<const char*>(data.data()), data.size());
}

void Records::append(const Records& other) {
  const auto files = static_cast<uint32_t>(files_.size());
  files_.insert(files_.end(), other.files_.begin(), other.files_.end());
  const size_t begin = pool_.size();
  pool_.append(other.pool_);
  for (const size_t offset : other.order_) {
    const size_t at = begin + offset;
    Fixed fixed;
    std::memcpy(&fixed, pool_.data() + at, sizeof fixed);
    fixed.file += files;
    std::memcpy(pool_.data() + at, &fixed, sizeof fixed);
    order_.push_back(at);
  }
}

Record Records::read(size_t offset) const {
  Fixed fixed;
  std::memcpy(&fixed, pool_.data() + offset, sizeof fixed);
  const char* owner = pool_.data() + offset + sizeof fixed;
  return {{owner, fixed.owner_size},
          fixed.type,
          fixed.ttl,
          {fixed.file, fixed.line},
          {reinterpret_cast<const uint8_t*>(owner + fixed.owner_size), fixed.data_size}};
}

void Records::sort() {
  // By merging: zone files, and what is put together of them, come in long runs that are in order.
  std::stable_sort(order_.begin(), order_.end(),
                   [&](size_t a, size_t b) { return compare(read(a), read(b)) < 0; });
  const auto last = std::unique(order_.begin(), order_.end(),
                                [&](size_t a, size_t b) { return compare(read(a), read(b)) == 0; });
  order_.erase(last, order_.end());
}

void Records::make_sets() {
  for (size_t begin = 0, end = 0; begin < order_.size(); begin = end) {
    const Record first = read(order_[begin]);
    const auto belongs = [&](const Record& r) { return r.type == first.type && r.owner == first.owner; };
    end = begin + 1;
    while (end < order_.size() && belongs(read(order_[end]))) ++end;
    if (end - begin > 1 && first.type != type::rrsig) make_set(std::span(order_).subspan(begin, end - begin));
  }
  std::erase(order_, dropped);
}

void Records::make_set(std::span<size_t> offsets) {
  uint32_t ttl = UINT32_MAX;
  std::set<std::vector<uint8_t>> seen;
  for (size_t& offset : offsets) {
    const Record record = read(offset);
    ttl = std::min(ttl, record.ttl);
    std::vector<uint8_t> data(record.data.begin(), record.data.end());
    if (sign::lower_names(record.type, data) && !seen.insert(std::move(data)).second) offset = dropped;
  }
  for (const size_t offset : offsets)
    if (offset != dropped) std::memcpy(pool_.data() + offset + offsetof(Fixed, ttl), &ttl, sizeof ttl);
}

size_t Records::find(OwnerKey owner) const {
  const auto at = std::lower_bound(order_.begin(), order_.end(), owner,
                                   [&](size_t offset, OwnerKey key) { return read(offset).owner < key; });
  if (at == order_.end() || read(*at).owner != owner) return size();
  return static_cast<size_t>(at - order_.begin());
}

std::string Records::describe(Place place) const {
  if (place.line == 0) return files_[place.file];
  return fmt::format("{}:{}:1", files_[place.file], place.line);  // an entry begins where its line does
}

}  // namespace popnet::dns
