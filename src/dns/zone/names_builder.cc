#include "dns/zone/names_builder.h"

#include <bit>
#include <cassert>
#include <utility>

namespace popnet::dns {

uint32_t NamesBuilder::add_zone() {
  names_->zones_.emplace_back();
  return static_cast<uint32_t>(names_->zones_.size() - 1);
}

uint32_t NamesBuilder::add_decided(DecidedName name) {
  names_->decided_.push_back(std::move(name));
  return static_cast<uint32_t>(names_->decided_.size() - 1);
}

NamesBuilder::NodeId NamesBuilder::add_node(const NodeDraft& draft) {
  const NodeId id = add_side_node(draft);
  nodes_.push_back(id);
  names_->labels_max_ = std::max(names_->labels_max_, count_labels(draft.name));
  return id;
}

NamesBuilder::NodeId NamesBuilder::add_side_node(const NodeDraft& draft) {
  auto& arena = names_->arena_;
  const size_t start = arena.size();
  assert(start / Names::unit < Names::none && "more than 16 GiB of zone data");
  assert(draft.signatures.empty() || draft.signatures.size() == draft.sets.size());
  const size_t head_count = draft.sets.size() + draft.signatures.size();
  size_t offset = sizeof(Node::Head) + draft.name.size() + sizeof(Node::RRsetHead) * head_count;
  size_t end = offset;
  const auto each_set = [&](auto visit) {
    for (const RenderedSet& set : draft.sets) visit(set);
    for (const RenderedSet& set : draft.signatures) visit(set);
  };
  each_set([&](const RenderedSet& set) { end += set.bytes.size() + 2 * set.pointers.size(); });
  arena.resize(start + (end + Names::unit - 1) / Names::unit * Names::unit);

  const int flags = draft.flags | (draft.signatures.empty() ? 0 : Node::is_signed);
  const Node::Head head{draft.zone, draft.decided, static_cast<uint16_t>(draft.sets.size()),
                        static_cast<uint8_t>(draft.name.size()), static_cast<uint8_t>(flags)};
  put(start, &head, sizeof head);
  put(start + sizeof head, draft.name.data(), draft.name.size());
  size_t head_at = start + sizeof head + draft.name.size();
  each_set([&](const RenderedSet& set) {
    const Node::RRsetHead h{set.type,
                            set.records,
                            set.additional,
                            static_cast<uint16_t>(set.pointers.size()),
                            static_cast<uint32_t>(set.bytes.size()),
                            static_cast<uint32_t>(offset)};
    put(head_at, &h, sizeof h);
    put(start + offset, set.bytes.data(), set.bytes.size());
    put(start + offset + set.bytes.size(), set.pointers.data(), 2 * set.pointers.size());
    head_at += sizeof h;
    offset += set.bytes.size() + 2 * set.pointers.size();
  });
  return static_cast<NodeId>(start / Names::unit);
}

void NamesBuilder::put(size_t offset, const void* bytes, size_t size) {
  if (size != 0) std::memcpy(names_->arena_.data() + offset, bytes, size);
}

void NamesBuilder::set_flag(NodeId node, Node::Flag flag) {
  names_->arena_[size_t{node} * Names::unit + offsetof(Node::Head, flags)] |= flag;
}

// At most two thirds full, so that a search for a name that is not there ends soon.
void NamesBuilder::fill_slots() {
  auto& slots = names_->slots_;
  slots.resize(std::bit_ceil(nodes_.size() * 3 / 2 + 1));
  names_->mask_ = slots.size() - 1;
  for (const NodeId id : nodes_) {
    const uint64_t hash = hash_name(Node(names_->at(id)).name());
    size_t i = hash & names_->mask_;
    while (slots[i].node != Names::none) i = (i + 1) & names_->mask_;
    slots[i] = {static_cast<uint32_t>(hash >> 32), id};
  }
}

std::shared_ptr<const Names> NamesBuilder::finish(uint64_t config_generation) {
  names_->arena_.shrink_to_fit();
  names_->name_count_ = nodes_.size();
  names_->config_generation_ = config_generation;
  fill_slots();
  return std::exchange(names_, nullptr);
}

}  // namespace popnet::dns
