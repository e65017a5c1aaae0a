#include "http/store/slab.h"

#include <new>

#include "http/store/pages.h"
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

Slab::Slab(uint32_t capacity, Kind kind, std::shared_ptr<Window> window)
    : capacity_(capacity), kind_(kind), window_(std::move(window)) {
  if (window_) window_->slab_made();
}

Slab::~Slab() {
  if (window_) window_->slab_gone();
}

Slab* Slab::make(uint32_t capacity, std::shared_ptr<Window> window) {
  return new (::operator new(footprint(capacity))) Slab(capacity, Kind::heap, std::move(window));
}

Slab* Slab::make(uint32_t capacity, Pages& pages) {
  char* at = capacity < Pages::least ? nullptr : pages.take(capacity);
  return at == nullptr ? make(capacity) : new Paged(capacity, pages, at);
}

size_t Slab::paged_footprint(uint32_t capacity) {
  return capacity < Pages::least ? footprint(capacity) : sizeof(Paged) + Pages::footprint(capacity);
}

Slab* Slab::embed(void* place, uint32_t capacity) {
  return new (place) Slab(capacity, Kind::embedded, nullptr);
}

void Slab::unref(Slab* slab) {
  // A loop, not a recursion: a chain may be thousands of slabs long.
  while (slab != nullptr && slab->kind_ != Kind::embedded) {
    if (slab->refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    Slab* next = slab->next();
    destroy(slab);
    slab = next;
  }
}

void Slab::destroy(Slab* slab) {
  if (slab->kind_ == Kind::paged) {
    auto* paged = static_cast<Paged*>(slab);
    paged->pages.give_back(paged->at, paged->capacity());
    delete paged;
  } else {
    slab->~Slab();
    ::operator delete(slab);
  }
}

}  // namespace popnet::http
