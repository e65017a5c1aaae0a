#include "dns/sign/signature_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace popnet::dns::sign {

namespace {

// The sequence number is read before and after the words, and written before and after them: loads that
// acquire stay before what follows, stores that release stay behind what went before.
constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;

}  // namespace

SignatureCache::SignatureCache(size_t entries)
    : entries_(std::bit_ceil(std::max(entries, ways))), mask_(entries_.size() / ways - 1) {}

bool SignatureCache::find(const Digest& digest, Signature& found) const {
  for (size_t i = set_of(digest), end = i + ways; i < end; ++i) {
    const Entry& entry = entries_[i];
    const uint64_t before = entry.sequence.load(acquire);
    if (entry.word[0].load(acquire) != digest.low || entry.word[1].load(acquire) != digest.high) continue;
    const uint64_t times = entry.word[2].load(acquire);
    uint64_t bytes[signature_size / 8];
    for (size_t w = 0; w < std::size(bytes); ++w) bytes[w] = entry.word[3 + w].load(acquire);
    if (before % 2 != 0 || before == 0 || entry.sequence.load(relaxed) != before) continue;
    found.inception = static_cast<uint32_t>(times >> 32);
    found.expiration = static_cast<uint32_t>(times);
    std::memcpy(found.bytes.data(), bytes, signature_size);
    return true;
  }
  return false;
}

// The same digest's old signature gives way, else an empty place, else one by chance.
void SignatureCache::put(const Digest& digest, const Signature& signature) {
  const size_t set = set_of(digest);
  size_t chosen = set + digest.high % ways;
  for (size_t i = set + ways; i-- > set;) {
    const bool same =
        entries_[i].word[0].load(relaxed) == digest.low && entries_[i].word[1].load(relaxed) == digest.high;
    if (entries_[i].sequence.load(relaxed) == 0) chosen = i;
    if (same) {
      chosen = i;
      break;
    }
  }
  Entry& entry = entries_[chosen];
  uint64_t sequence = entry.sequence.load(relaxed);
  if (sequence % 2 != 0 || !entry.sequence.compare_exchange_strong(sequence, sequence + 1, acquire)) return;
  entry.word[0].store(digest.low, release);
  entry.word[1].store(digest.high, release);
  entry.word[2].store(uint64_t{signature.inception} << 32 | signature.expiration, release);
  uint64_t bytes[signature_size / 8];
  std::memcpy(bytes, signature.bytes.data(), signature_size);
  for (size_t w = 0; w < std::size(bytes); ++w) entry.word[3 + w].store(bytes[w], release);
  entry.sequence.store(sequence + 2, release);
}

}  // namespace popnet::dns::sign
