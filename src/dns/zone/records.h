// The records of one zone while it is being put together: compact, so that a zone of millions of names can be
// loaded beside the one that is being served. Filled by add(), put in order by sort(), then read.
//
// Order: by owner, where an owner comes right before all names below it; then by type; then by data. Owners
// are kept as keys: the labels from the root down, each led by its length, so that "below" is "begins with".
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "dns/wire/name.h"

namespace popnet::dns {

/// Where a record was written, for complaints.
struct Place {
  uint32_t file = 0;  // what Records::add_file() gave; 0 = what the zone is made from
  uint32_t line = 0;  // from 1; 0 = made by popnet, the "file" tells from what
};

using OwnerKey = std::string_view;

std::string owner_key(NameBytes name);
Name owner_name(OwnerKey key);
/// In canonical order (RFC 4034 section 6.1), which goes by labels from the root on, as keys stand, but not by their sizes first.
bool comes_before(OwnerKey a, OwnerKey b);
/// The key cut to its first `labels` labels, counted from the root.
OwnerKey first_labels(OwnerKey key, size_t labels);
size_t count_key_labels(OwnerKey key);

/// Two types that DNS reserves (RFC 6895 section 3.1) mark owners for freeze_zone(); their data is an index,
/// see index_data(). The addresses of this name are decided: the index of the DecidedName.
inline constexpr uint16_t type_decided = 0;
/// Another zone of ours begins here: its zone index.
inline constexpr uint16_t type_zone_begins = 65535;

/// An index as record data: four bytes in host order.
inline std::array<uint8_t, 4> index_data(uint32_t index) {
  return std::bit_cast<std::array<uint8_t, 4>>(index);
}

struct Record {
  OwnerKey owner;
  uint16_t type;
  uint32_t ttl;  // seconds
  Place place;
  std::span<const uint8_t> data;  // RDATA, names uncompressed

  /// REQUIRES: type_decided or type_zone_begins
  [[nodiscard]] uint32_t index() const {
    uint32_t value;
    std::memcpy(&value, data.data(), sizeof value);
    return value;
  }
};

class Records {
 public:
  /// `source`: what the zone is made from, in an operator's words.
  Records(const Name& apex, std::string source) : apex_(apex), files_{std::move(source)} {}

  uint32_t add_file(std::string name);
  void add(const Name& owner, uint16_t type, uint32_t ttl, std::span<const uint8_t> data, Place place);
  /// Adds all records of another zone's or version's, with their places.
  void append(const Records& other);
  /// Takes away those that `gone` is true for.
  template <class Predicate>
  void erase_if(Predicate gone) {
    std::erase_if(order_, [&](size_t offset) { return gone(read(offset)); });
  }
  /// Gives back the room for more: for records that are kept as they are.
  void shrink() {
    pool_.shrink_to_fit();
    order_.shrink_to_fit();
  }
  /// Puts records in order and drops the second of two that are equal (RFC 2181 section 5).
  void sort();
  /// Makes sets of what stands together (RFC 2181 section 5): with one TTL, the lowest, and without records that differ only in
  /// the case of names. Signatures are left alone, as each goes with the set it covers. REQUIRES: sort() was called
  void make_sets();

  [[nodiscard]] const Name& apex() const { return apex_; }
  [[nodiscard]] size_t size() const { return order_.size(); }
  /// REQUIRES: index < size(); after sort() in order
  [[nodiscard]] Record operator[](size_t index) const { return read(order_[index]); }
  /// The first record of the owner, or size(). REQUIRES: sort() was called
  [[nodiscard]] size_t find(OwnerKey owner) const;
  /// "file:line:column", or where the record comes from when that is no file.
  [[nodiscard]] std::string describe(Place place) const;

 private:
  [[nodiscard]] Record read(size_t offset) const;
  void make_set(std::span<size_t> offsets);

  Name apex_;
  std::vector<std::string> files_;
  std::string pool_;           // the records, one after the other
  std::vector<size_t> order_;  // where they begin
};

}  // namespace popnet::dns
