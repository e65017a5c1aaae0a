#include "common/huge_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

namespace popnet {
namespace {

bool at_boundary(const void* at) {
  return reinterpret_cast<uintptr_t>(at) % huge_page == 0;
}

TEST(HugePages, LargeTablesBeginAtABoundary) {
  BigVector<uint32_t> table(3 * huge_page / sizeof(uint32_t) + 1);
  EXPECT_TRUE(at_boundary(table.data()));
  EXPECT_FALSE(at_boundary(BigVector<uint32_t>(16).data())) << "which would waste a huge page on 64 bytes";
}

/// From small to large and back, over both ways to allocate.
TEST(HugePages, ATableKeepsWhatIsInItWhileItGrowsAndShrinks) {
  BigVector<uint32_t> table;
  const uint32_t many = 2 * huge_page / sizeof(uint32_t) + 3;
  for (uint32_t i = 0; i < many; ++i) table.push_back(i);
  ASSERT_TRUE(at_boundary(table.data()));
  table.shrink_to_fit();
  const BigVector<uint32_t> copy = table;
  EXPECT_EQ(std::accumulate(copy.begin(), copy.end(), uint64_t{0}), uint64_t{many} * (many - 1) / 2);
  table.resize(100);
  table.shrink_to_fit();
  EXPECT_EQ(std::accumulate(table.begin(), table.end(), 0), 4950);
  table = std::move(BigVector<uint32_t>(copy));
  EXPECT_EQ(table.back(), many - 1);
}

/// The size at which the way changes, and those beside it: what was allocated one way must not be freed the other.
TEST(HugePages, EachSizeIsFreedAsItWasAllocated) {
  for (const size_t size : {huge_page - 1, huge_page, huge_page + 1}) {
    BigVector<uint8_t> bytes(size, 7);
    EXPECT_EQ(at_boundary(bytes.data()), size >= huge_page);
    EXPECT_EQ(bytes.back(), 7);
  }
}

}  // namespace
}  // namespace popnet
