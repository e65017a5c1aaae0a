// The table of client networks as the hot path reads it.
//
// IPv6 has two: networks up to /64, which is nearly all of them, are searched by the upper half of the
// address alone; the few longer ones by the whole. The longer match wins; where there is none, the answer
// holds as far as both tables agree.
#include <algorithm>
#include <bit>
#include <cassert>

#include "routing/map.h"
#include "routing/place_rankings.h"
#include "routing/ranges.h"

namespace popnet::routing {

namespace {

constexpr int half_length = 64;
constexpr uint32_t no_ranking = UINT32_MAX;
constexpr size_t large_table = 16'384;  // ranges: 128 KiB of IPv4

template <class Key>
using Networks = std::vector<typename Ranges<Key>::Network>;

template <class Key>
void add_network(Networks<Key>& networks, const Prefix& network, uint32_t ranking) {
  networks.push_back({key_of<Key>(network.first()), key_of<Key>(network.last()), ranking});
}

/// Rankings of one length, one behind the other in one array. Equal ones are kept once: found by a hash table with open
/// addressing, at most half full.
class RankingPool {
 public:
  explicit RankingPool(size_t length) : length_(length) {}

  uint32_t add(std::span<const RankedPop> added) {
    assert(added.size() == length_);
    if (slots_.size() < 2 * (size_t{count_} + 1)) grow();
    uint32_t& slot = slots_[slot_of(added)];
    if (slot == no_ranking) {
      pool_.insert(pool_.end(), added.begin(), added.end());
      slot = count_++;
    }
    return slot;
  }
  [[nodiscard]] size_t length() const { return length_; }
  std::vector<RankedPop> take() && { return std::move(pool_); }

 private:
  [[nodiscard]] std::span<const RankedPop> ranking(uint32_t index) const {
    return std::span(pool_).subspan(index * length_, length_);
  }
  static uint64_t hash(std::span<const RankedPop> ranking) {
    uint64_t hash = hash_seed(ranking.size());
    for (const auto& pop : ranking) {
      const auto latency = std::bit_cast<uint32_t>(pop.latency_ms);
      hash = hash_step(hash, uint64_t{latency} << 32 | static_cast<uint64_t>(pop.source) << 16 | pop.pop);
    }
    return mix64(hash);
  }
  static bool equal(std::span<const RankedPop> a, std::span<const RankedPop> b) {
    return std::ranges::equal(a, b, [](const RankedPop& x, const RankedPop& y) {
      return x.pop == y.pop && x.source == y.source && x.latency_ms == y.latency_ms;
    });
  }
  /// Where it stands, or would.
  [[nodiscard]] size_t slot_of(std::span<const RankedPop> sought) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash(sought) & mask;
    while (slots_[at] != no_ranking && !equal(ranking(slots_[at]), sought)) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    slots_.assign(std::max<size_t>(64, 2 * slots_.size()), no_ranking);
    for (uint32_t index = 0; index < count_; ++index) slots_[slot_of(ranking(index))] = index;
  }

  size_t length_;
  uint32_t count_ = 0;
  std::vector<RankedPop> pool_;
  std::vector<uint32_t> slots_;  // a power of two of them; no_ranking: empty
};

}  // namespace

struct ClientTable::Contents {
  size_t entries = 0;
  size_t length = 0;                            // of a ranking
  std::vector<RankedPop> pool;                  // the first ranking is the fallback
  Ranges<uint32_t> v4;                          // values: indexes of rankings
  Ranges<uint64_t> v6;                          // networks up to /64, by the upper half
  Ranges<Uint128> v6_longer{{}, no_ranking};    // the others; no_ranking where there is none
  std::shared_ptr<const PlaceRankings> places;  // may be null

  [[nodiscard]] std::span<const RankedPop> ranking(uint32_t index) const {
    return {pool.data() + index * length, length};
  }
  /// Where nothing better is known, the place counts.
  [[nodiscard]] Found found(const IpAddress& client, uint32_t index, uint8_t scope) const {
    if (index != 0 || places == nullptr) return {ranking(index), scope};
    const Found by_place = places->find(client);
    return {by_place.ranking, std::max(scope, by_place.scope)};
  }
};

struct ClientTable::Builder::Parts {
  Parts(const std::vector<RankedPop>& fallback, std::shared_ptr<const PlaceRankings> by_place)
      : rankings(fallback.size()), fallback_ranking(rankings.add(fallback)), places(std::move(by_place)) {}

  RankingPool rankings;
  const uint32_t fallback_ranking;
  const std::shared_ptr<const PlaceRankings> places;
  size_t entries = 0;
  Networks<uint32_t> v4;
  Networks<uint64_t> v6;
  Networks<Uint128> v6_longer;
};

ClientTable::Builder::Builder(const std::vector<RankedPop>& fallback,
                              std::shared_ptr<const PlaceRankings> places)
    : parts_(std::make_unique<Parts>(fallback, std::move(places))) {}
ClientTable::Builder::~Builder() = default;

void ClientTable::Builder::add(const Prefix& network, const std::vector<RankedPop>& ranking) {
  const uint32_t index = parts_->rankings.add(ranking);
  ++parts_->entries;
  if (network.address().is_v4())
    add_network<uint32_t>(parts_->v4, network, index);
  else if (network.length() <= half_length)
    add_network<uint64_t>(parts_->v6, network, index);
  else
    add_network<Uint128>(parts_->v6_longer, network, index);
}

ClientTable ClientTable::Builder::finish() && {
  auto contents = std::make_shared<Contents>();
  contents->entries = parts_->entries;
  contents->pool = std::move(parts_->rankings).take();
  contents->pool.shrink_to_fit();
  contents->length = parts_->rankings.length();
  contents->v4 = {std::move(parts_->v4), parts_->fallback_ranking};
  contents->v6 = {std::move(parts_->v6), parts_->fallback_ranking};
  contents->v6_longer = {std::move(parts_->v6_longer), no_ranking};
  contents->places = parts_->places;
  ClientTable table;
  table.contents_ = std::move(contents);
  return table;
}

ClientTable::ClientTable() : contents_(std::make_shared<const Contents>()) {}

ClientTable::ClientTable(const std::vector<Entry>& entries, const std::vector<RankedPop>& fallback,
                         std::shared_ptr<const PlaceRankings> places) {
  Builder builder(fallback, std::move(places));
  for (const auto& [network, ranking] : entries) builder.add(network, ranking);
  contents_ = std::move(builder).finish().contents_;
}

ClientTable::Found ClientTable::find(const IpAddress& client) const& {
  const Contents& contents = *contents_;
  if (client.is_v4()) {
    const auto found = contents.v4.find(key_of<uint32_t>(client));
    return contents.found(client, found.value, found.scope);
  }
  const auto shorter = contents.v6.find(key_of<uint64_t>(client));
  const auto longer = contents.v6_longer.find(key_of<Uint128>(client));
  if (longer.value != no_ranking) return contents.found(client, longer.value, longer.scope);
  return contents.found(client, shorter.value, std::max(shorter.scope, longer.scope));
}

void ClientTable::prefetch(const IpAddress& client) const {
  if (client.is_v4())
    contents_->v4.prefetch(key_of<uint32_t>(client));
  else
    contents_->v6.prefetch(key_of<uint64_t>(client));
}

bool ClientTable::large() const {
  return contents_->v4.size() + contents_->v6.size() > large_table;
}

ClientTable::Found ClientTable::fallback() const& {
  return {contents_->ranking(0), 0};
}

size_t ClientTable::entries() const {
  return contents_->entries;
}

}  // namespace popnet::routing
