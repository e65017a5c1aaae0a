#include "http/store/sieve.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace popnet::http {
namespace {

struct Item {
  explicit Item(char n) : name(n) {}
  bool spare() { return std::exchange(visited, false); }
  char name;
  bool visited = false;
  Item* sieve_newer = nullptr;
  Item* sieve_older = nullptr;
};

class SieveTest : public ::testing::Test {
 protected:
  void push(const std::string& names) {
    for (const char name : names) {
      items.push_back(std::make_unique<Item>(name));
      sieve.push(*items.back());
    }
  }
  void visit(const std::string& names) {
    for (auto& item : items) item->visited = item->visited || names.find(item->name) != names.npos;
  }
  char evict() {
    Item* victim = sieve.victim();
    if (victim == nullptr) return '-';
    sieve.remove(*victim);
    return victim->name;
  }
  Sieve<Item> sieve;
  std::vector<std::unique_ptr<Item>> items;
};

TEST_F(SieveTest, WithoutVisitsTheOldestGoesFirst) {
  push("abc");
  EXPECT_EQ(evict(), 'a');
  EXPECT_EQ(evict(), 'b');
  EXPECT_EQ(evict(), 'c');
  EXPECT_EQ(evict(), '-');
}

// Figure 2 of the paper: the hand stays where it evicted; survivors keep their place.
TEST_F(SieveTest, VisitedOnesAreSparedOnceAndTheHandGoesOnFromWhereItWas) {
  push("abcdefg");
  visit("abg");
  EXPECT_EQ(evict(), 'c');
  push("h");
  visit("ad");
  EXPECT_EQ(evict(), 'e');
  EXPECT_EQ(evict(), 'f');
  EXPECT_EQ(evict(), 'h') << "g was spared and lost its mark";
  EXPECT_EQ(evict(), 'b') << "around: a was visited again";
}

TEST_F(SieveTest, AllVisitedStillFindsAVictim) {
  push("abc");
  visit("abc");
  EXPECT_EQ(evict(), 'a');
}

TEST_F(SieveTest, RemovingTheHandsItemMovesTheHandOn) {
  push("abcd");
  visit("a");
  EXPECT_EQ(evict(), 'b');  // hand at c
  sieve.remove(*items[2]);
  EXPECT_EQ(evict(), 'd');
  EXPECT_EQ(evict(), 'a');
  EXPECT_EQ(sieve.size(), 0U);
}

}  // namespace
}  // namespace popnet::http
