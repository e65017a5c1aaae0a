#include "http/store/pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace popnet::http {
namespace {

constexpr size_t size = 5 * Pages::page + 5;

// Sanitizers take terabytes of them for themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool needs_addresses = true;
#elif defined(__has_feature)
constexpr bool needs_addresses = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool needs_addresses = false;
#endif

class PagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Pages pages(1 << 20, 0);
    char* at = pages.take(size);
    if (at == nullptr) GTEST_SKIP() << "this machine has none";
    pages.give_back(at, size);
  }
};

struct Sockets {
  Sockets() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours = rt::UniqueFd(fds[0]);
    theirs = rt::UniqueFd(fds[1]);
  }
  [[nodiscard]] std::string read(size_t count) const {
    std::string text(count, 0);
    const ssize_t n = ::recv(theirs.get(), text.data(), count, MSG_WAITALL);
    text.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
    return text;
  }
  rt::UniqueFd ours, theirs;
};

TEST_F(PagesTest, WhatWasNeverSentIsUsedAgainAsItIs) {
  Pages pages(1 << 20, 1 << 20);
  char* at = pages.take(size);
  ASSERT_NE(at, nullptr);
  EXPECT_TRUE(pages.has(at));
  std::memset(at, 'a', size);
  pages.give_back(at, size);
  EXPECT_EQ(pages.take(size - 1), at) << "as many pages";
  EXPECT_EQ(std::count(at, at + size - 1, 'a'), static_cast<ssize_t>(size - 1)) << "and no new ones";
  pages.give_back(at, size - 1);
}

TEST_F(PagesTest, WhoIsSentPagesHasThemForGood) {
  for (const uint64_t kept_max : {0, 1 << 20}) {
    Pages pages(1 << 20, kept_max);
    const Sockets sockets;
    char* at = pages.take(size);
    std::memset(at, 'a', size);
    // Not from the first page on.
    ASSERT_EQ(pages.send(sockets.ours.get(), {at + Pages::page + 1, size - Pages::page - 1}),
              static_cast<ssize_t>(size - Pages::page - 1));
    pages.give_back(at, size);
    char* again = pages.take(size);
    ASSERT_EQ(again, at) << "the place comes again";
    std::memset(again, 'b', size);
    EXPECT_EQ(sockets.read(size - Pages::page - 1), std::string(size - Pages::page - 1, 'a'));
    // It was not sent since, and is as any other.
    pages.give_back(again, size);
    again = pages.take(size);
    ASSERT_EQ(again, at);
    EXPECT_EQ(*again, kept_max > 0 ? 'b' : 0);
    pages.give_back(again, size);
  }
}

TEST_F(PagesTest, MoreThanIsKeptGoesBackToTheMachine) {
  Pages pages(1 << 20, 2 * Pages::footprint(size));
  std::vector<char*> places;
  for (int i = 0; i < 3; ++i) {
    places.push_back(pages.take(size));
    std::memset(places.back(), 'a', size);
  }
  for (char* at : places) pages.give_back(at, size);
  int full = 0;
  for (char*& at : places) full += *(at = pages.take(size)) == 'a' ? 1 : 0;
  EXPECT_EQ(full, 2) << "a hole reads as zeros";
  for (char* at : places) pages.give_back(at, size);
}

TEST_F(PagesTest, SizesHavePlacesOfTheirOwn) {
  Pages pages(1 << 20, 1 << 20);
  char* small = pages.take(Pages::least);
  char* large = pages.take(Pages::largest);
  std::memset(large, 'a', Pages::largest);
  pages.give_back(small, Pages::least);
  pages.give_back(large, Pages::largest);
  char* other = pages.take(2 * Pages::least);
  EXPECT_NE(other, small);
  EXPECT_NE(other, large);
  pages.give_back(other, 2 * Pages::least);
}

TEST_F(PagesTest, WhatNobodyWantsAnyMoreGivesWay) {
  Pages pages(1 << 20, 2 * Pages::footprint(size));
  char* old[] = {pages.take(size), pages.take(size)};
  for (char* at : old) std::memset(at, 'a', size);
  for (char* at : old) pages.give_back(at, size);
  char* at = pages.take(Pages::least);
  std::memset(at, 'b', Pages::least);
  pages.give_back(at, Pages::least);
  ASSERT_EQ(pages.take(Pages::least), at);
  EXPECT_EQ(*at, 'b') << "kept, in the place of one of another size";
  int full = 0;
  for (char*& each : old) full += *(each = pages.take(size)) == 'a' ? 1 : 0;
  EXPECT_EQ(full, 1);
  for (char* each : old) pages.give_back(each, size);
  pages.give_back(at, Pages::least);
}

TEST_F(PagesTest, LeaveAddressesToOthers) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = uint64_t{64} << 30;
  if (before.rlim_cur != RLIM_INFINITY || needs_addresses)
    GTEST_SKIP() << "there are too few, or too many taken";
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  {
    Pages pages(uint64_t{1} << 40, 0);
    char* at = pages.take(size);
    ASSERT_NE(at, nullptr);
    const size_t half = size_t{32} << 30;
    void* others = ::mmap(nullptr, half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT_NE(others, MAP_FAILED);
    if (others != MAP_FAILED) ::munmap(others, half);
    pages.give_back(at, size);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
}

TEST_F(PagesTest, EndSomewhere) {
  Pages pages(Pages::page, 0);
  std::vector<char*> places;
  while (char* at = pages.take(Pages::largest)) places.push_back(at);
  EXPECT_FALSE(places.empty());
  EXPECT_LT(places.size(), 100U);
  EXPECT_FALSE(pages.has(places.front() - 1));
  for (char* at : places) pages.give_back(at, Pages::largest);
  char* again = pages.take(Pages::largest);
  EXPECT_NE(again, nullptr);
  pages.give_back(again, Pages::largest);
}

TEST_F(PagesTest, KeepToTheLimitOfFiles) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limit = before;
  for (const size_t files_max : {size_t{100}, Pages::largest}) {
    limit.rlim_cur = files_max;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    Pages pages(1 << 20, 0);
    char* at = pages.take(Pages::largest);
    EXPECT_EQ(at != nullptr, files_max == Pages::largest);
    EXPECT_EQ(pages.take(Pages::least), nullptr);
    EXPECT_FALSE(pages.has(nullptr));
    if (at != nullptr) pages.give_back(at, Pages::largest);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
}

}  // namespace
}  // namespace popnet::http
