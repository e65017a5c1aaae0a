#include "rt/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <list>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include "rt/published.h"
#include "rt/shards.h"
#include "rt/socket.h"
#include "rt/test_descriptors.h"

namespace popnet::rt {
namespace {
using namespace std::chrono_literals;

TEST(Loop, TimersFireInOrderAndLaterReArmingMovesThem) {
  Loop loop;
  std::string order;
  Timer a(loop, [&] { order += 'a'; });
  Timer b(loop, [&] { order += 'b'; });
  Timer c(loop, [&] { order += 'c'; });
  Timer end(loop, [&] { loop.stop(); });
  a.arm_after(1ms);
  b.arm_after(2ms);
  c.arm_after(3ms);
  a.arm_after(100ms);  // later: lazily moved
  b.arm_after(1ms);    // earlier
  c.cancel();
  end.arm_after(120ms);
  loop.run();
  EXPECT_EQ(order, "ba");
}

TEST(Later, IsDoneAtTheEndOfTheTurnOnce) {
  Loop loop;
  std::string order;
  std::unique_ptr<Later> third;
  Later fourth(loop, [&] { order += '4'; });
  Later first(loop, [&] {
    order += '1';
    fourth.ask();  // still in this turn
  });
  Later cleared(loop, [&] { order += 'x'; });
  third = std::make_unique<Later>(loop, [&] {
    third.reset();  // itself
    order += '3';
  });
  Timer again(loop, [&] {
    order += 'b';
    first.ask();
    loop.stop();
  });
  Timer begin(loop, [&] {
    first.ask();
    cleared.ask();
    third->ask();
    first.ask();
    cleared.clear();
    order += 'a';
    again.arm_after(0ms);  // in the next one
  });
  begin.arm_after(1ms);
  loop.run();
  EXPECT_EQ(order, "a134b14");
}

TEST(Later, DoesNotWaitForTheRestOfATurnThatTakesLong) {
  struct Watched final : Watcher {
    Watched(Loop& l, std::function<void()> w) : loop(l), what(std::move(w)), fd(eventfd(1, EFD_NONBLOCK)) {
      EXPECT_TRUE(loop.watch(fd.get(), EPOLLIN | EPOLLET, *this));
    }
    ~Watched() { loop.unwatch(fd.get()); }
    void on_ready(uint32_t /*events*/) override { what(); }
    Loop& loop;
    std::function<void()> what;
    UniqueFd fd;
  };
  Loop loop;
  std::string order;
  Later later(loop, [&] { order += 'l'; });
  Timer stop(loop, [&] { loop.stop(); });
  int called = 0;
  std::vector<std::unique_ptr<Watched>> all;  // ready at once, in an order that is the kernel's to choose
  for (int i = 0; i < 3; ++i)
    all.push_back(std::make_unique<Watched>(loop, [&] {
      order += 'w';
      later.ask();
      if (++called == 2) loop.took_long();
      stop.arm_after(0ms);
    }));
  loop.run();
  EXPECT_EQ(order, "wwlwl");
}

TEST(Later, OutsideOfATurnIsOfTheNext) {
  Loop loop;
  int before = 0, behind = 0;
  Later early(loop, [&] { ++before; });
  early.ask();
  {
    Later gone(loop, [&] { ++behind; });
    gone.ask();
  }
  Later last(loop, [&] { ++behind; });
  Timer stop(loop, [&] {
    loop.post([&] { last.ask(); });
    loop.stop();
  });
  stop.arm_after(0ms);
  loop.run();
  EXPECT_EQ(before, 1);
  EXPECT_EQ(behind, 1);
}

TEST(Loop, WithoutDescriptorsItIsAnErrorOfWhoMakesIt) {
  if (!testing::can_run_out) GTEST_SKIP() << "the sanitizer needs descriptors";
  for (const int free : {0, 1}) {  // not even the first of its two, or not the second
    const testing::FewDescriptors few(free);
    try {
      const Loop loop;
      ADD_FAILURE() << "made with " << free << " free descriptors";
    } catch (const std::system_error& refused) {
      EXPECT_EQ(refused.code().value(), EMFILE);
      EXPECT_NE(std::string(refused.what()).find("cannot make an event loop"), std::string::npos);
    }
  }
  const Loop again;
}

Duration cpu_time_of_this_thread() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

/// CPU time that a loop takes which has nothing to do for 100 ms.
Duration cpu_time_idle(Loop& loop) {
  Timer end(loop, [&] { loop.stop(); });
  loop.post([&] { end.arm_after(100ms); });
  const Duration before = cpu_time_of_this_thread();
  loop.run();
  return cpu_time_of_this_thread() - before;
}

TEST(Loop, IsAwakeForWhatIsExpectedAndSleepsWhenItHasComeOrIsTooLate) {
  Loop cleared;
  Expectation came(cleared);
  cleared.post([&] {
    came.arm(cleared.now() + 1h);
    came.clear();
  });
  Loop busy;
  std::list<Expectation> many;
  busy.post([&] {
    for (int i = 0; i < 10; ++i) many.emplace_back(busy).arm(busy.now() + 1h);
  });
  const Duration asleep = std::max(cpu_time_idle(cleared), cpu_time_idle(busy));

  // 30 ms of the 100, less what other programs take, to which it gives way: where there are many, one try may get nothing.
  Duration used{};
  for (int i = 0; i < 10 && used <= 3 * asleep; ++i) {
    Loop expects;
    Expectation soon(expects);
    expects.post([&] { soon.arm(expects.now() + 30ms); });
    used = cpu_time_idle(expects);
  }
  EXPECT_GT(used, 3 * asleep);
  EXPECT_LT(used, 45ms);
}

TEST(Loop, ATimerThatRestsDoesNotFireUnlessArmedAgain) {
  Loop loop;
  int resting = 0, again = 0;
  Timer a(loop, [&] { ++resting; });
  Timer b(loop, [&] { ++again; });
  Timer end(loop, [&] { loop.stop(); });
  for (Timer* timer : {&a, &b}) {
    timer->arm_after(1ms);
    timer->rest();
    EXPECT_FALSE(timer->armed());
  }
  b.arm_after(2ms);
  end.arm_after(10ms);
  loop.run();
  EXPECT_EQ(resting, 0);
  EXPECT_EQ(again, 1);
}

TEST(Loop, TimerMayDestroyItself) {
  Loop loop;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    timer.reset();
    loop.stop();
  });
  timer->arm_after(1ms);
  loop.run();
  EXPECT_EQ(timer, nullptr);
}

TEST(Loop, TimerThatReArmsAtOnceDoesNotStarveTheLoop) {
  Loop loop;
  int fired = 0;
  Timer timer(loop, [&] {
    if (++fired == 3) loop.stop();
    timer.arm_after(Duration::zero());
  });
  timer.arm_after(Duration::zero());
  loop.run();
  timer.cancel();
  EXPECT_EQ(fired, 3);
}

TEST(Loop, PostedTasksRunInOrderFromOtherThreads) {
  Loop loop;
  std::vector<int> seen;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&, i] { seen.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

struct Closer final : Watcher {
  Loop& loop;
  UniqueFd fd;
  Closer* other = nullptr;
  int calls = 0;
  Closer(Loop& l, int f) : loop(l), fd(f) { loop.watch(fd.get(), EPOLLIN, *this); }
  void on_ready(uint32_t) override {
    ++calls;
    // Both are ready in one turn; the first one closes the second, which must not be called any more.
    loop.unwatch(other->fd.get());
    other->fd.reset();
    loop.unwatch(fd.get());
    loop.stop();
  }
};

TEST(Loop, UnwatchedDescriptorIsNotReportedInTheSameTurn) {
  Loop loop;
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  Closer first(loop, pair[0]);
  Closer second(loop, pair[1]);
  first.other = &second;
  second.other = &first;
  ASSERT_EQ(::write(pair[0], "x", 1), 1);
  ASSERT_EQ(::write(pair[1], "x", 1), 1);
  loop.run();
  EXPECT_EQ(first.calls + second.calls, 1);
}

TEST(Sockets, PortInUseIsSaidInPlainWords) {
  auto first = listen_tcp({IpAddress::v4(127, 0, 0, 1), 0});
  ASSERT_TRUE(first);
  const Endpoint at = local_endpoint(first->get());
  const auto status = check_port_free(true, at);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::machine);
  EXPECT_NE(status.error().message.find(at.to_string()), std::string::npos);
}

struct Tracked {
  explicit Tracked(std::atomic<int>& c, int v) : count(c), value(v) { ++count; }
  ~Tracked() {
    value = -1;
    --count;
  }
  std::atomic<int>& count;
  int value;
};

TEST(Published, ReadersNeverSeeADestroyedValueAndOldOnesGo) {
  std::atomic<int> alive{0};
  Epoch epoch;
  {
    Published<Tracked> published(epoch, std::make_shared<Tracked>(alive, 0));
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        Epoch::Reader reader(epoch);
        reader.online();
        int last = 0;
        for (int n = 0; !stop.load(std::memory_order_relaxed); ++n) {
          const Tracked& value = published.get();
          ASSERT_GE(value.value, last);
          last = value.value;
          if (n % 64 == 0) {
            reader.offline();
            reader.online();
          } else {
            reader.quiescent();
          }
        }
        reader.offline();
      });
    }
    for (int i = 1; i <= 2000; ++i) published.publish(std::make_shared<Tracked>(alive, i));
    stop = true;
    for (auto& reader : readers) reader.join();
    epoch.reclaim();
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(epoch.retired(), 0U);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Epoch, SmallThingsWaitForTheirReadersAndGoWithLaterOnes) {
  Epoch epoch;
  Epoch::Reader reader(epoch);
  int destroyed = 0;
  const auto retire = [&] { epoch.retire_small([](void* n) { ++*static_cast<int*>(n); }, &destroyed); };
  reader.online();
  for (int i = 0; i < 3; ++i) retire();
  EXPECT_EQ(destroyed, 0) << "the reader may hold them";
  reader.quiescent();
  retire();
  EXPECT_EQ(destroyed, 3) << "and not the one that came last";
  reader.offline();
  for (int i = 0; i < 6; ++i) retire();
  epoch.reclaim();
  EXPECT_EQ(destroyed, 10);
  EXPECT_EQ(epoch.retired(), 0U);
}

TEST(Shards, RunWorkOnEachThread) {
  Epoch epoch;
  Shards shards("test", 3, epoch);
  std::mutex mutex;
  std::vector<std::thread::id> ids;
  shards.on_each([&](int) {
    const std::lock_guard lock(mutex);
    ids.push_back(std::this_thread::get_id());
  });
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()) - ids.begin(), 3);
  shards.stop();
  shards.on_each([](int) { FAIL() << "runs on a stopped shard"; });  // and does not hang
}

}  // namespace
}  // namespace popnet::rt
