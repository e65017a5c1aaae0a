#include "http/store/slab.h"

#include <new>

#include "rt/loop.h"

namespace popnet::http {

void Window::slab_gone() {
  live_.fetch_sub(1);
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr || full()) return;
  loop_->post(std::move(room_));
  loop_ = nullptr;
}

bool Window::wait(rt::Loop& loop, std::function<void()> room) {
  const std::lock_guard lock(mutex_);
  if (!full()) return false;  // slab_gone() takes the lock after counting: it cannot be missed
  loop_ = &loop;
  room_ = std::move(room);
  return true;
}

void Window::cancel() {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
  room_ = nullptr;
}

Slab::Slab(uint32_t capacity, bool embedded, std::shared_ptr<Window> window)
    : capacity_(capacity), embedded_(embedded), window_(std::move(window)) {
  if (window_) window_->slab_made();
}

Slab::~Slab() {
  if (window_) window_->slab_gone();
}

Slab* Slab::make(uint32_t capacity, std::shared_ptr<Window> window) {
  return new (::operator new(footprint(capacity))) Slab(capacity, false, std::move(window));
}

Slab* Slab::embed(void* place, uint32_t capacity) {
  return new (place) Slab(capacity, true, nullptr);
}

void Slab::unref(Slab* slab) {
  // A loop, not a recursion: a chain may be thousands of slabs long.
  while (slab != nullptr && !slab->embedded_) {
    if (slab->refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    Slab* next = slab->next();
    slab->~Slab();
    ::operator delete(slab);
    slab = next;
  }
}

}  // namespace popnet::http
