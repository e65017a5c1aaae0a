// The DNSSEC part of one answer: signatures beside the records, and the proof that a name or type is not
// there (RFC 4035 section 3.1, RFC 9824). In zones that come signed both are theirs (carried_proofs.h). Used only for queries with DO and zones that are signed; everything
// else pays one test of a flag. See "Signing" in docs/dns.md for what is signed when.
#pragma once

#include <array>
#include <span>

#include "dns/server/carried_proofs.h"
#include "dns/server/view.h"
#include "dns/sign/nsec3.h"
#include "dns/wire/query.h"
#include "dns/wire/reply.h"

namespace popnet::dns {

enum class Transport : uint8_t;

class Secure {
 public:
  static constexpr size_t addresses_max = 64;  // of one answer

  /// All outlive this.
  Secure(const View& view, const Query& query, Transport transport, Reply& reply)
      : view_(view),
        query_(query),
        transport_(transport),
        reply_(reply),
        wanted_(query.dnssec_ok),
        carried_(*view.names, reply) {}

  [[nodiscard]] bool wanted(const Node& node) const { return wanted_ && node.has(Node::is_signed); }
  [[nodiscard]] bool wanted(uint32_t zone) const { return wanted_ && view_.names->is_signed(zone); }

  /// Signs a set of the node that was just written for `owner`, which stands at `offset` of the reply.
  /// REQUIRES: wanted(node)
  void sign(Section section, const Node& node, const RRset& set, NameBytes owner, size_t offset);
  /// Signs addresses that were decided. `original_ttl`: the highest that any answer states. REQUIRES:
  /// wanted(zone)
  struct Decided {
    uint16_t type;
    uint32_t ttl, original_ttl;
    std::span<const IpAddress> addresses;
  };
  void sign_decided(uint32_t zone, const Decided& decided, NameBytes owner, size_t offset);
  /// Signs one record that was made for the query; `data`: its RDATA, with the length before. REQUIRES:
  /// wanted(zone)
  void sign_made(uint32_t zone, uint16_t type, uint32_t ttl, uint32_t original_ttl,
                 std::span<const uint8_t> data, NameBytes owner, size_t offset);
  /// The question is for what a denial made here is itself: the proof says that NSEC and RRSIG are there, whatever else
  /// is not, so deny_type() and deny_name() answer with that record, or with its signature alone. NOERROR, without SOA.
  [[nodiscard]] bool answers_with_denial(uint32_t zone) const {
    return (query_.type == type::nsec || query_.type == type::rrsig) && wanted(zone) &&
           view_.names->signer(zone) != nullptr && !hashes(zone);
  }
  /// Proves that `owner` has no records of the type asked for. `decided`: null unless its addresses are
  /// decided. REQUIRES: wanted(node.zone())
  void deny_type(const Node& node, const DecidedName* decided, NameBytes owner, size_t offset);
  /// Proves that there is no `owner`. REQUIRES: wanted(encloser.zone())
  /// `encloser`: the longest name above it that there is; `decided`: as of deny_type(), of the encloser.
  void deny_name(const Node& encloser, const DecidedName* decided, NameBytes owner, size_t offset);
  /// The proof that goes with a referral: the DS set, or that there is none. REQUIRES: wanted(cut)
  void prove_delegation(const Node& cut, NameBytes owner, size_t offset);
  /// To be called where sign() is not: a wildcard of a zone that has come signed has answered for `owner`.
  void note_wildcard(const Node& node, NameBytes owner, size_t offset);
  /// That the wildcards which have answered so far, of zones that come signed, were the nearest. To be called when
  /// all answers are written, and nothing behind the authority section.
  void prove_wildcards();
  /// Some signature could not be made: the answer must not go out as it is.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  enum class Bounded : uint8_t { by_config, no };
  void sign_now(Section section, uint32_t zone, const sign::Content& content, uint32_t ttl, size_t offset,
                Bounded bounded);
  void deny(uint32_t zone, sign::TypeSet& types, NameBytes owner, size_t offset, Bounded bounded);
  /// With RRSIG where something is signed: not at empty names and unsigned delegations; with NS at every cut, also where another
  /// zone of ours begins undelegated: without, validators would see no cut and take that zone for a part of this one.
  [[nodiscard]] sign::TypeSet types_at(const Node& node, const DecidedName* decided) const;
  [[nodiscard]] bool hashes(uint32_t zone) const;
  /// NSEC3 records whose owners end where the name's zone stands in the reply: at `apex_offset`.
  void match_hash(uint32_t zone, sign::TypeSet& types, NameBytes name, size_t apex_offset, Bounded bounded);
  void cover_hash(uint32_t zone, NameBytes name, size_t apex_offset, Bounded bounded);
  void put_nsec3(uint32_t zone, const sign::NameHash& from, const sign::NameHash& to, sign::TypeSet& types,
                 size_t apex_offset, Bounded bounded);
  [[nodiscard]] size_t apex_offset(uint32_t zone, NameBytes name, size_t offset) const {
    return offset + name.size() - view_.names->zone_name(zone).size();
  }

  const View& view_;
  const Query& query_;
  const Transport transport_;
  Reply& reply_;
  const bool wanted_;
  bool failed_ = false;
  CarriedProofs carried_;
  static constexpr size_t wildcards_max = 8;
  std::array<size_t, wildcards_max> wildcards_;  // where names that they have made stand in the reply
  size_t wildcard_count_ = 0;
};

}  // namespace popnet::dns
