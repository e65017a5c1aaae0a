// Cursors over hostile and outgoing bytes. Both remember the first error: after it every call is a no-op that
// yields zeros, so a parser reads straight down and checks ok() once (idea: Knot's wire_ctx.h). Integers are
// in network order.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace popnet {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t position() const { return position_; }
  [[nodiscard]] size_t left() const { return ok_ ? bytes_.size() - position_ : 0; }
  void fail() { ok_ = false; }

  uint8_t u8() {
    const auto b = take(1);
    return b.empty() ? uint8_t{0} : b[0];
  }
  uint16_t u16() {
    const auto b = take(2);
    return b.empty() ? uint16_t{0} : static_cast<uint16_t>(b[0] << 8 | b[1]);
  }
  uint32_t u32() {
    const auto b = take(4);
    return b.empty() ? 0U : uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | b[3];
  }
  /// The next `count` bytes, or an empty span and a failed reader. Borrowed from the input.
  std::span<const uint8_t> take(size_t count) {
    if (!ok_ || bytes_.size() - position_ < count) {
      ok_ = false;
      return {};
    }
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }
  void skip(size_t count) { (void)take(count); }
  void seek(size_t position) {
    if (position > bytes_.size()) ok_ = false;
    if (ok_) position_ = position;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

class ByteWriter {
 public:
  explicit ByteWriter(std::span<uint8_t> room) : room_(room) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::span<const uint8_t> written() const { return room_.first(size_); }

  void u8(uint8_t v) { bytes({&v, 1}); }
  void u16(uint16_t v) {
    const uint8_t b[2] = {static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
    bytes(b);
  }
  void u32(uint32_t v) {
    const uint8_t b[4] = {static_cast<uint8_t>(v >> 24), static_cast<uint8_t>(v >> 16),
                          static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
    bytes(b);
  }
  void bytes(std::span<const uint8_t> b) {
    if (!ok_ || room_.size() - size_ < b.size()) {
      ok_ = false;
      return;
    }
    if (!b.empty()) std::memcpy(room_.data() + size_, b.data(), b.size());
    size_ += b.size();
  }
  /// Overwrites two bytes written before; fails when they were not.
  void patch_u16(size_t position, uint16_t v) {
    if (position + 2 > size_) {
      ok_ = false;
      return;
    }
    room_[position] = static_cast<uint8_t>(v >> 8);
    room_[position + 1] = static_cast<uint8_t>(v);
  }
  /// Gives back everything behind `size` and forgets an error: for "does this record still fit?".
  void rewind(size_t size) {
    size_ = size;
    ok_ = true;
  }

 private:
  std::span<uint8_t> room_;
  size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace popnet
