// Puts Names together: nodes into the arena, then the table over them. Used by freeze_zone(); one thread.
#pragma once

#include <memory>
#include <vector>

#include "dns/zone/names.h"

namespace popnet::dns {

/// Records of one type, rendered (see RRset).
struct RenderedSet {
  uint16_t type = 0;
  uint16_t records = 0;
  uint16_t additional = 0;
  std::vector<uint8_t> bytes;
  std::vector<uint16_t> pointers;
};

class NamesBuilder {
 public:
  using NodeId = uint32_t;
  struct NodeDraft {
    NameBytes name;  // lower case
    uint32_t zone = 0;
    uint32_t decided = Node::not_decided;
    uint8_t flags = 0;
    std::span<const RenderedSet> sets;
    std::span<const RenderedSet> signatures;  // of the sets, in their order; none if the zone is not signed
  };

  uint32_t add_zone();
  uint32_t add_decided(DecidedName name);
  /// A name that lookups find. REQUIRES: not added before
  NodeId add_node(const NodeDraft& draft);
  /// A node beside the table.
  NodeId add_side_node(const NodeDraft& draft);
  void set_flag(NodeId node, Node::Flag flag);
  void set_version(uint32_t zone, std::shared_ptr<const ZoneVersion> version) {
    names_->zones_[zone].version = std::move(version);
  }
  void set_expiry(uint32_t zone, Expiry expiry) { names_->zones_[zone].expiry = std::move(expiry); }
  void set_negative_soa(uint32_t zone, NodeId side) { names_->zones_[zone].negative_soa = side; }
  void set_signer(uint32_t zone, std::shared_ptr<const sign::ZoneSigner> signer) {
    names_->zones_[zone].signer = std::move(signer);
  }
  /// REQUIRES: has at least one of the kind it denies by
  void set_denials(uint32_t zone, Denials denials) {
    names_->zones_[zone].denials = std::make_shared<const Denials>(std::move(denials));
  }
  void set_parent_side(uint32_t zone, NodeId side) { names_->zones_[zone].parent_side = side; }

  /// Ends the building.
  std::shared_ptr<const Names> finish(uint64_t config_generation);

 private:
  void put(size_t offset, const void* bytes, size_t size);
  void fill_slots();

  std::shared_ptr<Names> names_ = std::make_shared<Names>();
  std::vector<NodeId> nodes_;  // those the table is to hold
};

}  // namespace popnet::dns
