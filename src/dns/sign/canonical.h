// What DNSSEC signs: the canonical form of RRsets (RFC 4034 section 6), type bit maps, and the names of
// minimal denials (RFC 9824). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "dns/wire/name.h"

namespace popnet::dns::sign {

/// One RRset as its signature sees it.
struct Content {
  NameBytes owner;  // lower case
  uint16_t type;
  uint32_t ttl;                   // seconds: the original TTL; answers may state a lower one
  std::span<const uint8_t> data;  // see CanonicalData
};

/// Lowers the names in the RDATA of the types that canonical form does that of: those whose names are equal in any case (RFC
/// 3597 section 7). False if the type is none of them.
bool lower_names(uint16_t type, std::span<uint8_t> data);

/// The RDATA of a set's records in canonical form and order, each led by its length in two bytes, none twice.
class CanonicalData {
 public:
  explicit CanonicalData(uint16_t type) : type_(type) {}
  void add(std::span<const uint8_t> rdata);
  [[nodiscard]] std::vector<uint8_t> finish();

 private:
  uint16_t type_;
  std::vector<std::vector<uint8_t>> records_;
};

/// The fields of an RRSIG record that go before the signature (RFC 4034 section 3.1).
struct SignatureHead {
  uint16_t covered;
  uint8_t algorithm;
  uint8_t labels;
  uint32_t original_ttl;
  uint32_t expiration, inception;  // seconds since 1970, modulo 2^32
  uint16_t key_tag;
  NameBytes signer;  // lower case
};
void write_head(ByteWriter& out, const SignatureHead& head);
/// The bytes that are signed (RFC 4034 section 3.1.8.1).
void write_input(ByteWriter& out, const SignatureHead& head, const Content& content);
/// No input is larger.
size_t input_size_max(const Content& content);
/// Labels as RRSIG counts them: neither the root nor a leading asterisk.
uint8_t signature_labels(NameBytes owner);

inline constexpr size_t types_max = 250;  ///< of one owner
/// Windows of 256 types, 34 bytes each, at most one for each type.
inline constexpr size_t bitmap_size_max = 256 * 34;

/// Types that exist at a name, in any order and with repetitions.
class TypeSet {
 public:
  void add(uint16_t type) {
    if (count_ < sizeof types_ / sizeof *types_) types_[count_++] = type;
  }
  void remove(uint16_t type);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// NSEC type bit maps (RFC 4034 section 4.1.2).
  void write(ByteWriter& out);

 private:
  uint16_t types_[types_max + 8];
  size_t count_ = 0;
};

/// The first name behind `name` in canonical order: what a minimal NSEC record at `name` gives as its next
/// name.
void write_next_name(ByteWriter& out, NameBytes name);

}  // namespace popnet::dns::sign
