// The body of a request on its way from a client's connection to an origin's, both on one loop. Holds a
// bounded part of it: a slow origin makes a fast client wait. Bytes are kept as they leave: chunked bodies
// are chunked anew. Of a tunnel (Framing::Kind::until_close): whatever the client sends, as it is.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "http/wire/chunked.h"
#include "http/wire/head.h"

namespace popnet::http {

class Upload {
 public:
  explicit Upload(const Framing& framing) : framing_(framing) {}

  [[nodiscard]] const Framing& framing() const { return framing_; }
  [[nodiscard]] bool is_tunnel() const { return framing_.kind == Framing::Kind::until_close; }

  // The client's side. on_room: there is room again after full().
  std::function<void()> on_room;
  [[nodiscard]] bool full() const { return bytes_.size() - consumed_ >= bytes_max; }
  void push(std::string_view data) {
    add(data);
    tell();
  }
  /// push(), of which tell() is to follow: many small pieces then leave together.
  void add(std::string_view data) {
    if (framing_.kind == Framing::Kind::chunked)
      bytes_.append(ChunkHead(data.size()).text()).append(data).append(chunk_end);
    else
      bytes_.append(data);
  }
  void tell() {
    if (on_data) on_data();
  }
  void end() {
    if (framing_.kind == Framing::Kind::chunked) bytes_.append(last_chunk);
    ended_ = true;
    tell();
  }
  /// The client has gone or broken the protocol.
  void fail() {
    failed_ = true;
    tell();
  }

  // The origin's side. on_data: there is more, or the end, or failure.
  std::function<void()> on_data;
  [[nodiscard]] std::string_view data() const { return std::string_view(bytes_).substr(consumed_); }
  void consume(size_t count) {
    const bool was_full = full();
    touched_ = touched_ || count > 0;
    consumed_ += count;
    // Also while some is left: where the client is always faster there always will be.
    if (consumed_ == bytes_.size() || consumed_ >= bytes_max) {
      bytes_.erase(0, consumed_);
      consumed_ = 0;
    }
    if (was_full && !full() && on_room) on_room();
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool failed() const { return failed_; }
  /// Nothing has left yet: another origin may still be tried.
  [[nodiscard]] bool untouched() const { return !touched_; }
  [[nodiscard]] bool all_sent() const { return ended_ && data().empty(); }

 private:
  static constexpr size_t bytes_max = 128 * 1024;

  const Framing framing_;
  std::string bytes_;
  size_t consumed_ = 0;
  bool touched_ = false;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace popnet::http
