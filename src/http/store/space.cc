#include "http/store/space.h"

#include <algorithm>

namespace popnet::http {

Space::~Space() {
  const auto free_chain = [](Chain& chain) {
    for (Floor* floor = chain.load(); floor != nullptr;) {
      Floor* next = floor->next.load();
      delete floor;
      floor = next;
    }
  };
  free_chain(prefixes_);
  Chain* table = tags_.load();
  if (table == nullptr) return;
  std::for_each(table, table + chains, free_chain);
  delete[] table;
}

void Space::look(const Floor& floor, uint64_t stamp, Verdict& verdict) {
  if (stamp < floor.hard.load(std::memory_order_relaxed)) verdict.gone = true;
  if (stamp < floor.soft.load(std::memory_order_relaxed)) verdict.stale = true;
}

// Whoever has read newest() sees the floors that were raised before it.
Space::Verdict Space::verdict(uint64_t stamp, std::string_view key, std::span<const uint64_t> tags) const {
  Verdict verdict;
  verdict.gone = stamp < hard_.load(std::memory_order_relaxed);
  if (verdict.gone) return verdict;
  verdict.stale = stamp < soft_.load(std::memory_order_relaxed);
  const Chain* table = tags_.load(std::memory_order_acquire);
  if (table != nullptr)
    for (const uint64_t tag : tags)
      for (const Floor* f = table[tag % chains].load(std::memory_order_acquire); f != nullptr;
           f = f->next.load(std::memory_order_acquire))
        if (f->tag == tag) look(*f, stamp, verdict);
  for (const Floor* f = prefixes_.load(std::memory_order_acquire); f != nullptr;
       f = f->next.load(std::memory_order_acquire))
    if (key.starts_with(f->prefix)) look(*f, stamp, verdict);
  return verdict;
}

void Space::raise(Purge how, uint64_t floor) {
  (how == Purge::hard ? hard_ : soft_).store(floor, std::memory_order_relaxed);
}

void Space::raise_tag(uint64_t tag, Purge how, uint64_t floor) {
  tag_floor_.store(floor, std::memory_order_relaxed);
  if (tags_.load() == nullptr) tags_.store(new Chain[chains](), std::memory_order_release);
  raise_in(tags_.load()[tag % chains], tag, {}, how, floor);
}

void Space::raise_prefix(std::string_view prefix, Purge how, uint64_t floor) {
  prefix_floor_.store(floor, std::memory_order_relaxed);
  raise_in(prefixes_, 0, prefix, how, floor);
}

void Space::raise_in(Chain& chain, uint64_t tag, std::string_view prefix, Purge how, uint64_t floor) {
  Floor* found = chain.load();
  while (found != nullptr && (found->tag != tag || found->prefix != prefix)) found = found->next.load();
  if (found == nullptr) {
    if (floors_ == floors_max) return raise(how, floor);
    found = new Floor{tag, std::string(prefix)};
    found->next.store(chain.load());
    chain.store(found, std::memory_order_release);
    ++floors_;
  }
  (how == Purge::hard ? found->hard : found->soft).store(floor, std::memory_order_relaxed);
}

size_t Space::forget(uint64_t floor) {
  forget_in(prefixes_, floor);
  if (Chain* table = tags_.load())
    std::for_each(table, table + chains, [&](Chain& c) { forget_in(c, floor); });
  return floors_;
}

void Space::forget_in(Chain& chain, uint64_t floor) {
  for (Chain* link = &chain; Floor* f = link->load();) {
    if (std::max(f->hard.load(), f->soft.load()) > floor) {
      link = &f->next;
      continue;
    }
    link->store(f->next.load(), std::memory_order_release);  // who stands on it still sees what follows
    --floors_;
    epoch_.retire([f] { delete f; });
  }
}

}  // namespace popnet::http
