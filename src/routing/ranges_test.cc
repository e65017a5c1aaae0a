#include "routing/ranges.h"

#include <gtest/gtest.h>

#include "common/random.h"
#include "routing/testing.h"

namespace popnet::routing {
namespace {

template <class Key>
struct Block {
  Key first, last;
};

template <class Key>
Block<Key> block_of(Key key, int length) {
  constexpr int width = sizeof(Key) * 8;
  const Key rest = length == 0       ? Ranges<Key>::key_max
                   : length == width ? Key{0}
                                     : (Key{1} << (width - length)) - 1;
  return {key & ~rest, key | rest};
}

/// Networks of random lengths around few places, so that many nest.
template <class Key>
std::vector<typename Ranges<Key>::Network> random_networks(Random& random, Key base, int free_bits,
                                                           size_t count) {
  constexpr int width = sizeof(Key) * 8;
  std::vector<typename Ranges<Key>::Network> networks;
  for (size_t i = 0; i < count; ++i) {
    const int length = width - static_cast<int>(random.below(static_cast<uint64_t>(free_bits)));
    const auto block = block_of<Key>(base + static_cast<Key>(random.below(uint64_t{1} << free_bits)), length);
    networks.push_back({block.first, block.last, static_cast<uint32_t>(1 + random.below(5))});
  }
  return networks;
}

template <class Key>
uint32_t longest_match(const std::vector<typename Ranges<Key>::Network>& networks, Key key,
                       uint32_t fallback) {
  uint32_t value = fallback;
  Key size = Ranges<Key>::key_max;
  for (const auto& network : networks)
    if (network.first <= key && key <= network.last && network.last - network.first <= size) {
      size = network.last - network.first;
      value = network.value;
    }
  return value;
}

template <class Key>
void expect_like_brute_force(uint64_t seed, Key base) {
  constexpr int free_bits = 10;
  constexpr int width = sizeof(Key) * 8;
  Random random(seed);
  const auto networks = random_networks<Key>(random, base, free_bits, 1 + random.below(60));
  const Ranges<Key> ranges(networks, 0);
  std::vector<uint32_t> expected;
  for (Key i = 0; i < (1 << free_bits); ++i) expected.push_back(longest_match<Key>(networks, base + i, 0));
  for (Key i = 0; i < (1 << free_bits); ++i) {
    ranges.prefetch(base + i);  // reads no place that is not there: a sanitizer would tell
    const auto found = ranges.find(base + i);
    ASSERT_EQ(found.value, expected[static_cast<size_t>(i)]) << "seed " << seed;
    if (found.scope < width - free_bits) continue;  // reaches beyond what was listed
    const auto same = [&](int length) {
      const auto block = block_of<Key>(i, length);
      return std::all_of(expected.begin() + static_cast<long>(block.first),
                         expected.begin() + static_cast<long>(block.last) + 1,
                         [&](uint32_t value) { return value == found.value; });
    };
    ASSERT_TRUE(same(found.scope)) << "seed " << seed;
    if (found.scope > width - free_bits) {
      ASSERT_FALSE(same(found.scope - 1)) << "seed " << seed << ": a shorter prefix would have done";
    }
  }
}

TEST(RangesTest, FindsTheLongestMatchAndTheShortestScopeLikeBruteForce) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    expect_like_brute_force<uint32_t>(seed, 0x0a000000);
    expect_like_brute_force<uint64_t>(seed, 0x20010db800000000);
    expect_like_brute_force<Uint128>(seed, Uint128{0x20010db800000000} << 64);
  }
}

TEST(RangesTest, ReachesBothEndsOfTheKeys) {
  const Ranges<uint32_t> ranges({{0, 0x00ffffff, 1}, {0xff000000, 0xffffffff, 2}}, 9);
  EXPECT_EQ(ranges.find(0).value, 1U);
  EXPECT_EQ(ranges.find(0x01000000).value, 9U);
  EXPECT_EQ(ranges.find(0xfeffffff).value, 9U);
  EXPECT_EQ(ranges.find(0xffffffff).value, 2U);
  EXPECT_EQ(ranges.find(0xffffffff).scope, 8);
}

TEST(RangesTest, OneNetworkForEverythingHasScopeZero) {
  const Ranges<uint32_t> ranges({{0, 0xffffffff, 1}}, 9);
  ranges.prefetch(77);
  EXPECT_EQ(ranges.find(77).value, 1U);
  EXPECT_EQ(ranges.find(77).scope, 0);
  EXPECT_EQ(Ranges<Uint128>({}, 9).find(77).value, 9U);
  EXPECT_EQ(Ranges<Uint128>({}, 9).find(77).scope, 0);
}

TEST(RangesTest, TheLastOfTwoEqualNetworksCounts) {
  const Ranges<uint32_t> ranges({{16, 31, 1}, {16, 31, 2}}, 9);
  EXPECT_EQ(ranges.find(20).value, 2U);
}

TEST(RangesTest, NeighboursWithOneValueBecomeOneRange) {
  const Ranges<uint32_t> ranges({{0x0a000000, 0x0a0000ff, 1}, {0x0a000100, 0x0a0001ff, 1}}, 9);
  EXPECT_EQ(ranges.size(), 3U);
  EXPECT_EQ(ranges.find(0x0a000001).scope, 23);
}

TEST(RangesTest, SparseAndDenseKeysMeetTheirBuckets) {
  Random random(7);
  std::vector<Ranges<uint32_t>::Network> networks;
  for (uint32_t i = 0; i < 30000; ++i) {
    const auto first = static_cast<uint32_t>(random.next()) & (i % 2 ? 0xffffff00U : 0xc0a8ff00U);
    networks.push_back({first, first | 0xff, first >> 8});
  }
  const Ranges<uint32_t> ranges(networks, 9);
  for (const auto& network : networks) {
    ASSERT_EQ(ranges.find(network.first).value, network.value);
    ASSERT_EQ(ranges.find(network.last).value, network.value);
  }
}

}  // namespace
}  // namespace popnet::routing
