// Objects that several users on one thread share while they need them, and that are kept for the next ones with the
// memory that they have: what each miss needs is not taken from the heap each time.
//
// T has clear(): as new, but for its room.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace popnet::http {

template <class T>
class Spares {
 public:
  std::shared_ptr<T> take() {
    if (spares_.empty()) return std::make_shared<T>();
    std::shared_ptr<T> taken = std::move(spares_.back());
    spares_.pop_back();
    return taken;
  }
  /// By everybody who has it: the last one's is kept. May be null.
  void give_back(std::shared_ptr<T> given) {
    if (given.use_count() != 1 || spares_.size() >= most) return;
    given->clear();
    spares_.push_back(std::move(given));
  }

 private:
  static constexpr size_t most = 256;
  std::vector<std::shared_ptr<T>> spares_;  // the one used last is taken first: it is in the CPU's cache
};

/// Empties a text that is kept for the next use, and keeps its room unless that was for something unusual.
inline void clear_text(std::string& text) {
  constexpr size_t kept_max = 8 * 1024;
  if (text.capacity() > kept_max) text = std::string();
  text.clear();
}

}  // namespace popnet::http
