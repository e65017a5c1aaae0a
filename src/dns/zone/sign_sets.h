// Signs the sets of one owner while its zone is frozen: gives each set its signatures, and the owner its NSEC
// set (RFC 4034 section 4), which covers nothing but the name itself (RFC 9824: minimal denial).
#pragma once

#include <span>
#include <vector>

#include "dns/sign/signer.h"
#include "dns/zone/names_builder.h"
#include "dns/zone/records.h"

namespace popnet::dns {

class SetSigner {
 public:
  SetSigner(std::shared_ptr<const sign::ZoneSigner> signer, sign::SignatureStore& store, sign::Seconds now)
      : signer_(std::move(signer)), store_(store), now_(now) {}

  /// TTL of NSEC records (RFC 9077): the lower of the SOA's own and its MINIMUM.
  void set_denial_ttl(uint32_t ttl) { denial_ttl_ = ttl; }
  [[nodiscard]] const std::shared_ptr<const sign::ZoneSigner>& signer() const { return signer_; }

  /// What goes into the second head of the set (see names.h). `ttl` is the set's, `shown` that of the RRSIG
  /// records.
  RenderedSet sign(NameBytes owner, std::span<const Record> set, uint32_t ttl, uint32_t shown);
  /// Names have NSEC sets; else all denials are made for their queries.
  [[nodiscard]] bool has_nsec() const { return signer_->denial() == model::Denial::compact; }
  /// Adds the NSEC set and its signature behind the others.
  void add_denial(NameBytes owner, std::vector<RenderedSet>& sets, std::vector<RenderedSet>& signatures,
                  bool delegation);

 private:
  RenderedSet sign_data(const sign::Content& content, uint32_t shown);

  std::shared_ptr<const sign::ZoneSigner> signer_;
  sign::SignatureStore& store_;
  sign::Seconds now_;
  uint32_t denial_ttl_ = 0;
};

}  // namespace popnet::dns
