// The field lines of one message, in the order they came, however they came (HTTP/1.1 text, a stored head,
// later HTTP/2). Views only: the bytes belong to the caller, who keeps them until he is done with the fields.
// Fixed capacity, so that a message never allocates; about 5 KiB: keep one for each thread, not one for each
// connection.
//
// Pure values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/wire/field_name.h"

namespace popnet::http {

struct Field {
  FieldName id = FieldName::other;
  std::string_view name;   ///< as sent
  std::string_view value;  ///< without the white space around it
};

class Fields {
 public:
  static constexpr size_t capacity = 128;

  void clear() {
    size_ = 0;
    present_ = 0;
    repeated_ = 0;
  }
  /// False when there is no room. `name` and `value` are not checked here: parser and writer do that.
  bool add(FieldName id, std::string_view name, std::string_view value) {
    if (size_ == capacity) return false;
    const auto at = static_cast<size_t>(id);
    const uint64_t bit = uint64_t{1} << at;
    if (present_ & bit)
      repeated_ |= bit;
    else
      first_[at] = static_cast<uint8_t>(size_);
    present_ |= bit;
    lines_[size_++] = {id, name, value};
    return true;
  }
  bool add(std::string_view name, std::string_view value) { return add(find_field_name(name), name, value); }
  bool add(FieldName id, std::string_view value) { return add(id, to_string(id), value); }

  /// Drops the lines for which `keep(const Field&)` is false.
  template <class Keep>
  void keep_if(Keep&& keep) {
    const size_t before = size_;
    clear();
    for (size_t i = 0; i < before; ++i)
      if (const Field field = lines_[i]; keep(field)) (void)add(field.id, field.name, field.value);
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] const Field* begin() const { return lines_.data(); }
  [[nodiscard]] const Field* end() const { return lines_.data() + size_; }

  [[nodiscard]] bool has(FieldName id) const { return present_ & (uint64_t{1} << static_cast<size_t>(id)); }
  /// More than one line of that name.
  [[nodiscard]] bool repeated(FieldName id) const {
    return repeated_ & (uint64_t{1} << static_cast<size_t>(id));
  }
  /// Value of the first line of that name; empty when there is none (ask has() to tell that from an empty
  /// value). Fields that are lists may stand on several lines: read them with ListItems (list.h).
  [[nodiscard]] std::string_view get(FieldName id) const {
    return has(id) ? lines_[first_[static_cast<size_t>(id)]].value : std::string_view{};
  }
  /// Position of the first line of that name. REQUIRES: has(id)
  [[nodiscard]] size_t position(FieldName id) const { return first_[static_cast<size_t>(id)]; }

 private:
  size_t size_ = 0;
  uint64_t present_ = 0;   // bit set of FieldName
  uint64_t repeated_ = 0;  // bit set of FieldName
  std::array<uint8_t, 64> first_{};
  std::array<Field, capacity> lines_;
};

}  // namespace popnet::http
