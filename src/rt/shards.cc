#include "rt/shards.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <latch>

namespace popnet::rt {

Shards::Shards(std::string name, int count, Epoch& epoch) {
  for (int i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>(&epoch));
  for (int i = 0; i < count; ++i) {
    threads_.emplace_back(
        [loop = loops_[static_cast<size_t>(i)].get(), title = name + "-" + std::to_string(i)] {
          name_thread(title);
          loop->run();
        });
  }
}

void Shards::on_each(const std::function<void(int)>& work) {
  std::latch done(count());
  for (int i = 0; i < count(); ++i) {
    const bool posted = loop(i).post([&, i] {
      work(i);
      done.count_down();
    });
    if (!posted) done.count_down();
  }
  done.wait();
}

void Shards::stop() {
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

void name_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

void let_others_go_first() {
  constexpr int niceness =
      10;  // a tenth of the share of a thread at 0 (sched(7)); threads have their own on Linux
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness);
}

}  // namespace popnet::rt
