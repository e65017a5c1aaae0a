#include "http/edge/stored.h"

#include "http/store/play.h"

namespace popnet::http {
namespace {

constexpr uint64_t open = ContentRange::open;

/// Objects of the edge, each stored by itself.
class StoredTest : public play::StoreTest {
 protected:
  static StoredMeta of_part(uint64_t first, uint64_t last, uint64_t whole, uint64_t version = 1) {
    StoredMeta meta;
    meta.status = 206;
    meta.version = version;
    meta.part_first = first;
    meta.content_length = last - first + 1;
    meta.whole_size = whole;
    return meta;
  }
  static StoredMeta of_whole(uint64_t size, uint64_t version = 1) {
    StoredMeta meta;
    meta.status = 200;
    meta.version = version;
    meta.content_length = size;
    return meta;
  }
  ObjectRef make(const StoredMeta& of) { return make(of, of.content_length); }
  ObjectRef make(const StoredMeta& of, uint64_t bytes) {
    const std::string name = "/" + std::to_string(++made_);
    auto begun = store.begin(key(name), false, play::never);
    begun.filler.open({std::as_bytes(std::span(&of, 1)), {}, {}, bytes, 8 << 20});
    begun.filler.append(std::string(bytes, 'x'));
    (void)begun.filler.commit();
    return ObjectRef::share(find(name));
  }
  bool stays(const StoredMeta& newer, const StoredMeta& older) {
    const ObjectRef a = make(newer), b = make(older);
    return stays_beside(*a, *b);
  }

 private:
  int made_ = 0;
};

TEST_F(StoredTest, PartsOfOneVersionLieBesideEachOther) {
  EXPECT_TRUE(stays(of_part(4, 6, 10), of_part(0, 2, 10)));
  EXPECT_TRUE(stays(of_part(4, 6, 10), of_part(3, 6, 10))) << "it has a byte that the newer one lacks";
  EXPECT_FALSE(stays(of_part(4, 6, 10), of_part(4, 5, 10))) << "it has nothing that the newer one lacks";
  EXPECT_FALSE(stays(of_part(4, 6, 10), of_part(0, 2, 10, 2)));
  EXPECT_FALSE(stays(of_part(4, 6, 10, 0), of_part(0, 2, 10, 0))) << "whether it is one, nobody knows";
  EXPECT_FALSE(stays(of_part(4, 6, 10), of_part(0, 2, 11)));
}

TEST_F(StoredTest, PartsThatDoNotKnowHowLargeTheWholeIsLieBesideThoseThatDo) {
  EXPECT_TRUE(stays(of_part(4, 6, open), of_part(0, 2, open)));
  EXPECT_TRUE(stays(of_part(4, 6, open), of_part(0, 2, 10)));
  EXPECT_TRUE(stays(of_part(4, 6, 10), of_part(0, 2, open)));
  EXPECT_TRUE(stays(of_part(9, 9, open), of_part(0, 2, 10)));
  EXPECT_FALSE(stays(of_part(9, 10, open), of_part(0, 2, 10))) << "it lies behind the end of the other's";
  EXPECT_TRUE(stays(of_part(0, 2, 10), of_part(9, 9, open)));
  EXPECT_FALSE(stays(of_part(0, 2, 10), of_part(9, 10, open)));
  EXPECT_FALSE(stays(of_part(4, 6, 10), of_part(5, 6, open))) << "it has nothing that the newer one lacks";
  EXPECT_FALSE(stays(of_part(4, 6, open), of_part(0, 2, 10, 2)));
}

TEST_F(StoredTest, AWholeStaysBesidePartsOfIt) {
  for (const uint64_t size : {uint64_t{10}, open}) {
    EXPECT_TRUE(stays(of_part(9, 9, size), of_whole(10)));
    EXPECT_FALSE(stays(of_part(9, 9, size), of_whole(10, 2)));
    EXPECT_FALSE(stays(of_whole(10), of_part(9, 9, size))) << "it has nothing that the newer one lacks";
  }
  EXPECT_FALSE(stays(of_part(9, 9, 11), of_whole(10)));
  EXPECT_FALSE(stays(of_part(9, 10, open), of_whole(10)));
  StoredMeta error = of_whole(10), head = of_whole(10);
  error.status = 404;
  head.head_only = true;
  EXPECT_FALSE(stays(of_part(9, 9, 10), error));
  EXPECT_FALSE(stays(of_part(9, 9, 10), head));
}

TEST_F(StoredTest, SoDoesOneInSlices) {
  StoredMeta sliced = of_whole(10);
  sliced.slice = 4;
  for (const uint64_t size : {uint64_t{10}, open}) {
    EXPECT_TRUE(stays_beside(*make(of_part(9, 9, size)), *make(sliced, 0)));
    EXPECT_FALSE(stays_beside(*make(of_part(9, 9, size, 2)), *make(sliced, 0)));
  }
  EXPECT_FALSE(stays_beside(*make(of_part(9, 9, 11)), *make(sliced, 0)));
  EXPECT_FALSE(stays_beside(*make(of_part(9, 10, open)), *make(sliced, 0)));
}

TEST_F(StoredTest, SoDoesOneThatIsStillComing) {
  const StoredMeta known = of_whole(10);
  StoredMeta unknown = known;
  unknown.content_length = StoredMeta::unknown_length;
  for (const StoredMeta& of : {known, unknown}) {
    auto begun = store.begin(key("/coming"), true, play::never);
    begun.filler.open({std::as_bytes(std::span(&of, 1)), {}, {}, std::nullopt, 8 << 20});
    begun.filler.append("xx");
    const ObjectRef coming = begun.filler.fill().object();
    for (const uint64_t size : {uint64_t{10}, open}) {
      EXPECT_TRUE(stays_beside(*make(of_part(9, 9, size)), *coming));
      EXPECT_FALSE(stays_beside(*make(of_part(9, 9, size, 2)), *coming));
    }
    EXPECT_EQ(stays_beside(*make(of_part(9, 9, 11)), *coming), of.content_length != 10);
    EXPECT_EQ(stays_beside(*make(of_part(9, 10, open)), *coming), of.content_length != 10);
    (void)begun.filler.abandon();
  }
}

}  // namespace
}  // namespace popnet::http
