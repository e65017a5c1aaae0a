#include "rt/loop.h"

#include <sched.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace popnet::rt {

namespace {

constexpr size_t events_each_turn_max = 256;
constexpr uint32_t expected_awake_max = 4;  // where more is to come, several come at once: sleep saves turns

[[noreturn]] void bug(const char* what) {
  std::perror(what);
  std::abort();
}

uint64_t event_key(int fd, uint32_t generation) {
  return uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
}

}  // namespace

Timer::~Timer() {
  cancel();
  if (loop_.running_ == this) loop_.running_ = nullptr;
}

void Timer::arm(TimePoint due) {
  // Time stands still within a turn: what a timer arms for now fires in the next turn, or I/O would starve.
  if (loop_.in_timers_ && due <= loop_.now_) due = loop_.now_ + Duration(1);
  due_ = due;
  armed_ = true;
  if (position_ != npos && due >= queued_) return;  // stays where it is; run_timers() moves it on
  if (position_ != npos) loop_.heap_remove(*this);
  loop_.heap_push(*this);
}

void Timer::arm_after(Duration delay) {
  arm(loop_.now() + delay);
}

void Timer::cancel() {
  armed_ = false;
  if (position_ != npos) loop_.heap_remove(*this);
}

void Expectation::arm(TimePoint until) {
  loop_.expecting_ += armed_ ? 0 : 1;
  armed_ = true;
  loop_.awake_until_ = std::max(loop_.awake_until_, until);
}

void Expectation::clear() {
  loop_.expecting_ -= armed_ ? 1 : 0;
  armed_ = false;
}

Loop::Loop(Epoch* epoch)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      ready_(events_each_turn_max) {
  // The machine refuses it, as it may refuse memory: caught by who starts whole nodes.
  if (!epoll_.valid() || !wake_.valid())
    throw std::system_error(errno, std::generic_category(),
                            "cannot make an event loop (how many files may be open: ulimit -n)");
  if (epoch != nullptr) reader_ = std::make_unique<Epoch::Reader>(*epoch);
  read_clocks();
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = event_key(wake_.get(), 0);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) bug("epoll_ctl");
}

Loop::~Loop() {
  assert(timers_.empty() && "timers must go before their loop");
}

void Later::ask() {
  if (place_ != npos) return;
  place_ = loop_.later_.size();
  loop_.later_.push_back(this);
}

void Later::clear() {
  if (place_ == npos) return;
  loop_.later_[place_] = nullptr;
  place_ = npos;
}

void Loop::run() {
  if (reader_) reader_->online();
  read_clocks();
  run_posted();
  run_later();
  while (!stop_.load(std::memory_order_acquire)) {
    const int timeout = wait_ms();
    if (reader_) timeout != 0 ? reader_->offline() : reader_->quiescent();
    const int count = wait(timeout);
    if (reader_ && timeout != 0) reader_->online();
    if (count < 0 && errno != EINTR) bug("epoll_wait");
    read_clocks();
    told_all_ = count < static_cast<int>(ready_.size());
    run_watchers(count);
    run_timers();
    run_later();
  }
  for (;;) {
    run_posted();
    run_later();
    const std::lock_guard lock(mutex_);
    if (posted_.empty()) {
      ended_ = true;
      break;
    }
  }
  if (reader_) reader_->offline();
}

void Loop::stop() {
  stop_.store(true, std::memory_order_release);
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

bool Loop::post(Task task) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  if (first) (void)!::write(wake_.get(), &one, sizeof one);
  return true;
}

bool Loop::watch(int fd, uint32_t events, Watcher& watcher) {
  if (watches_.size() <= static_cast<size_t>(fd)) watches_.resize(static_cast<size_t>(fd) + 1);
  Watch& watch = watches_[static_cast<size_t>(fd)];
  watch.watcher = &watcher;  // there may be one of a descriptor that was given away, and then closed
  ++watch.generation;
  epoll_event event{};
  event.events = events;
  event.data.u64 = event_key(fd, watch.generation);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return true;
  if (errno != ENOSPC && errno != ENOMEM) bug("epoll_ctl add");
  watch.watcher = nullptr;
  return false;
}

void Loop::rewatch(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = event_key(fd, watches_[static_cast<size_t>(fd)].generation);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) bug("epoll_ctl mod");
}

void Loop::unwatch(int fd) {
  Watch& watch = watches_[static_cast<size_t>(fd)];
  assert(watch.watcher != nullptr);
  watch.watcher = nullptr;
  ++watch.generation;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0) bug("epoll_ctl del");
}

// What is noted of the watcher stays: it is this thread's. The kernel reports nothing for it any more.
void Loop::give_away(int fd) {
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0) bug("epoll_ctl del");
}

void Loop::read_clocks() {
  now_ = monotonic_now();
  wall_ = wall_now();
}

int Loop::wait_ms() const {
  if (timers_.empty()) return -1;
  const auto left = timers_.front()->queued_ - now_;
  if (left <= Duration::zero()) return 0;
  // Rounded up, so that the loop does not spin through the last millisecond.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return ms > INT_MAX ? INT_MAX : static_cast<int>(ms);
}

// Between two looks whoever else wants this core gets it: it may be the one that is waited for.
int Loop::wait(int timeout_ms) {
  const auto look = [this](int ms) {
    return epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), ms);
  };
  if (timeout_ms != 0 && expecting_ > 0 && expecting_ <= expected_awake_max) {
    while (monotonic_now() < awake_until_) {
      if (const int count = look(0); count != 0) return count;
      ::sched_yield();
    }
  }
  return look(timeout_ms);
}

void Loop::run_watchers(int count) {
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_[static_cast<size_t>(i)];
    const auto fd = static_cast<size_t>(event.data.u64 & 0xffffffffU);
    if (fd == static_cast<size_t>(wake_.get())) {
      uint64_t drained;
      (void)!::read(wake_.get(), &drained, sizeof drained);
      run_posted();
      continue;
    }
    const Watch& watch = watches_[fd];
    if (watch.watcher != nullptr && watch.generation == event.data.u64 >> 32)
      watch.watcher->on_ready(event.events);
    if (took_long_) [[unlikely]]
      run_later();
  }
}

void Loop::run_timers() {
  in_timers_ = true;
  while (!timers_.empty() && timers_.front()->queued_ <= now_) {
    Timer& timer = *timers_.front();
    heap_remove(timer);
    if (!timer.armed_) continue;  // it rests
    if (timer.due_ > now_) {
      heap_push(timer);
      continue;
    }
    timer.armed_ = false;
    // The callback may destroy its timer: it runs from a local, so that its captures outlive that.
    running_ = &timer;
    auto on_due = std::move(timer.on_due_);
    on_due();
    if (running_ != nullptr) timer.on_due_ = std::move(on_due);
    running_ = nullptr;
  }
  in_timers_ = false;
}

void Loop::run_posted() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
}

void Loop::run_later() {
  took_long_ = false;
  for (size_t i = 0; i < later_.size(); ++i) {  // they may ask for more
    Later* later = later_[i];
    if (later == nullptr) continue;
    later->place_ = Later::npos;
    const std::function<void()> what = later->what_;  // it may destroy its Later
    what();
  }
  later_.clear();
}

void Loop::heap_push(Timer& timer) {
  timer.queued_ = timer.due_;
  timer.position_ = timers_.size();
  timers_.push_back(&timer);
  sift_up(timer.position_);
}

void Loop::heap_remove(Timer& timer) {
  const size_t i = timer.position_;
  Timer* last = timers_.back();
  timers_.pop_back();
  timer.position_ = Timer::npos;
  if (last == &timer) return;
  timers_[i] = last;
  last->position_ = i;
  sift_up(i);
  sift_down(last->position_);
}

void Loop::sift_up(size_t i) {
  while (i > 0) {
    const size_t parent = (i - 1) / 2;
    if (timers_[parent]->queued_ <= timers_[i]->queued_) return;
    std::swap(timers_[parent], timers_[i]);
    timers_[parent]->position_ = parent;
    timers_[i]->position_ = i;
    i = parent;
  }
}

void Loop::sift_down(size_t i) {
  for (;;) {
    size_t least = i;
    for (const size_t child : {2 * i + 1, 2 * i + 2})
      if (child < timers_.size() && timers_[child]->queued_ < timers_[least]->queued_) least = child;
    if (least == i) return;
    std::swap(timers_[least], timers_[i]);
    timers_[least]->position_ = least;
    timers_[i]->position_ = i;
    i = least;
  }
}

}  // namespace popnet::rt
