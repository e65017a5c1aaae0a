// What purges cost: http_purge [objects]. Puts so many objects of 200 bytes with two tags into a store, and purges one tag, a prefix and
// the site; then the same where there is but one object. Prints microseconds for a purge, the median of ten hundreds, and what the
// lookups and the sweep take that follow the last one.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "http/store/store.h"

namespace {

using namespace popnet;
using namespace popnet::http;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Purges {
 public:
  explicit Purges(size_t objects)
      : objects_(objects),
        reader_(epoch_),
        store_({uint64_t{8} << 30, 7, 64}, epoch_),
        space_(store_.space("shop")) {
    reader_.online();
    for (size_t i = 0; i < objects; ++i) put(i);
  }
  ~Purges() { reader_.offline(); }

  template <class Purge>
  void measure(const char* what, Purge&& purge) {
    std::array<double, 10> batches;
    int i = 0;
    for (double& batch : batches) {
      const double start = seconds();
      for (const int end = i + 100; i < end; ++i) purge(i);
      batch = (seconds() - start) / 100;
    }
    std::sort(batches.begin(), batches.end());
    const double each = batches[batches.size() / 2];
    std::printf("%9zu objects   %-8s %8.2f us\n", objects_, what, each * 1e6);
  }
  void run() {
    measure("tag", [&](int i) {
      const uint64_t tag = space_.tag("tag" + std::to_string(i));
      store_.purge_tags(space_, {&tag, 1}, Purge::hard);
    });
    measure("prefix", [&](int i) { store_.purge_prefix(space_, "/none/" + std::to_string(i), Purge::hard); });
    measure("site", [&](int) { store_.purge(space_, Purge::soft); });
    store_.purge(space_, Purge::hard);
    double start = seconds();
    size_t found = 0;
    for (size_t i = 0; i < objects_; ++i) found += find(i) ? 1 : 0;
    std::printf("%9zu objects   %-8s %8.0f ns each, %zu found\n", objects_, "lookups",
                (seconds() - start) / static_cast<double>(objects_) * 1e9, found);
    start = seconds();
    while (store_.sweep()) epoch_.reclaim();
    std::printf("%9zu objects   %-8s %8.0f ms, %llu left\n", objects_, "sweep", (seconds() - start) * 1e3,
                static_cast<unsigned long long>(store_.stats().objects));
  }

 private:
  Key key(size_t i) {
    text_ = "/objects/" + std::to_string(i);
    return store_.key(space_, text_);
  }
  bool find(size_t i) {
    return store_.lookup(key(i), [](const Object&) { return true; }) != nullptr;
  }
  void put(size_t i) {
    const uint64_t tags[] = {space_.tag("all"), space_.tag("tag" + std::to_string(i % 1000))};
    const uint64_t meta = i;
    auto begun = store_.begin(key(i), false, nullptr);
    Draft draft{std::as_bytes(std::span(&meta, 1)), {}, "HTTP/1.1 200 OK\r\n", 200, 200, tags};
    begun.filler.open(draft);
    begun.filler.append(std::string(200, 'x'));
    (void)begun.filler.commit();
  }

  const size_t objects_;
  rt::Epoch epoch_;
  rt::Epoch::Reader reader_;
  Store store_;
  Space& space_;
  std::string text_;
};

}  // namespace

int main(int argc, char** argv) {
  const size_t objects = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  for (const size_t count : {size_t{1}, objects}) Purges(count).run();
}
