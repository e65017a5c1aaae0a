// Domain names. On the wire (RFC 1035 section 3.1): labels, each led by its length, ended by the root label's
// zero byte; at most 63 bytes a label and 255 a name. Compared without regard to ASCII case (RFC 4343).
//
// NameBytes is such a name, uncompressed and valid, borrowed from wherever it stands. Name is the form
// lookups want: lower case in a fixed buffer, with its hash.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/hash.h"
#include "common/result.h"

namespace popnet::dns {

inline constexpr size_t name_size_max = 255;
inline constexpr size_t label_size_max = 63;

using NameBytes = std::span<const uint8_t>;

/// REQUIRES: lower case. Equal to Name::hash() of the same name.
inline uint64_t hash_name(NameBytes name) {
  return hash_bytes({reinterpret_cast<const char*>(name.data()), name.size()});
}

/// The name without its first label. REQUIRES: not the root
inline NameBytes parent(NameBytes name) {
  return name.subspan(size_t{name[0]} + 1);
}
inline bool is_root(NameBytes name) {
  return name.size() == 1;
}
inline bool is_wildcard(NameBytes name) {
  return name.size() > 2 && name[0] == 1 && name[1] == '*';
}
/// Labels without the root.
size_t count_labels(NameBytes name);
/// Ends with all labels of `ancestor`, or is the same. REQUIRES: both in lower case
bool is_at_or_below(NameBytes name, NameBytes ancestor);
/// Canonical order (RFC 4034 section 6.1): negative if `a` comes first, 0 if they are the same. REQUIRES: both in lower case
int compare_canonical(NameBytes a, NameBytes b);
/// Case-insensitive.
bool same_name(NameBytes a, NameBytes b);
/// Master file form (RFC 1035 section 5.1): dots and backslashes inside labels escaped, final dot.
std::string to_text(NameBytes name);
/// to_text() as a part of a file's name, at most 200 characters: '/' is "%2F", as BIND writes it, '%' "%25"; what is too
/// long ends with the name's hash. REQUIRES: lower case
std::string to_file_text(NameBytes name);

struct NameShape {
  uint8_t size = 0;  // in bytes, with the root label; 0 = no valid name stands here
  uint8_t labels = 0;
};
/// The uncompressed name that `bytes` begin with. A compression pointer makes it invalid.
NameShape measure_name(std::span<const uint8_t> bytes);

class Name {
 public:
  /// The root.
  Name() { assign(NameBytes(&root_label, 1), 0); }
  explicit Name(NameBytes wire) { assign(wire, count_labels(wire)); }

  /// Copies a valid name, lowers its case and hashes it, all in one pass. For hot paths, which know the label
  /// count.
  void assign(NameBytes wire, size_t labels);

  [[nodiscard]] NameBytes bytes() const { return {bytes_, size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t labels() const { return labels_; }
  [[nodiscard]] uint64_t hash() const { return hash_; }
  [[nodiscard]] std::string to_text() const { return dns::to_text(bytes()); }
  bool operator==(const Name& other) const { return same_name(bytes(), other.bytes()); }

 private:
  static constexpr uint8_t root_label = 0;
  uint64_t hash_;
  uint8_t size_;
  uint8_t labels_;
  uint8_t bytes_[name_size_max + 8];  // whole words are written; what lies behind size_ means nothing
};

/// Text as people write it, with or without the final dot, with RFC 1035 escapes (\., \DDD). "." is the root.
Result<Name> parse_name(std::string_view text);
/// `label` under `parent`. The label is taken as it is, dots included.
Result<Name> child_name(std::string_view label, NameBytes parent);

}  // namespace popnet::dns
