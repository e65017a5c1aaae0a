// SIEVE (Zhang, Yang, Yue, Vigfusson and Rashmi, NSDI 2024): which stored object goes first. A queue in order
// of arrival and a hand that walks from the oldest to the newest: a visited object is spared once and loses
// its mark, the first unvisited one goes. A hit only sets a mark, so readers take no lock and move nothing.
//
// T has the members sieve_newer and sieve_older (T*) and `bool spare()`, which takes the mark away and says
// whether it was there. Threading: the owner's lock.
#pragma once

#include <cstddef>

namespace popnet::http {

template <class T>
class Sieve {
 public:
  [[nodiscard]] size_t size() const { return size_; }

  void push(T& item) {
    item.sieve_newer = nullptr;
    item.sieve_older = newest_;
    if (newest_ != nullptr) newest_->sieve_newer = &item;
    newest_ = &item;
    if (oldest_ == nullptr) oldest_ = &item;
    ++size_;
  }

  /// REQUIRES: item is in this queue
  void remove(T& item) {
    if (hand_ == &item) hand_ = item.sieve_newer;
    (item.sieve_newer != nullptr ? item.sieve_newer->sieve_older : newest_) = item.sieve_older;
    (item.sieve_older != nullptr ? item.sieve_older->sieve_newer : oldest_) = item.sieve_newer;
    item.sieve_newer = item.sieve_older = nullptr;
    --size_;
  }

  /// The next to go, still in the queue; null when it is empty. The caller removes it.
  T* victim() {
    if (oldest_ == nullptr) return nullptr;
    if (hand_ == nullptr) hand_ = oldest_;
    // Two rounds at most: the first takes every mark. Marks set meanwhile by readers cannot keep it going for
    // ever.
    for (size_t left = 2 * size_; left > 0 && hand_->spare(); --left)
      hand_ = hand_->sieve_newer != nullptr ? hand_->sieve_newer : oldest_;
    return hand_;
  }
  /// Where victim() will look first; null: at the oldest, or nowhere.
  [[nodiscard]] T* hand() const { return hand_; }

 private:
  T* newest_ = nullptr;
  T* oldest_ = nullptr;
  T* hand_ = nullptr;
  size_t size_ = 0;
};

}  // namespace popnet::http
