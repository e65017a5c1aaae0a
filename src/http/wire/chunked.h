// The chunked transfer coding (RFC 9112 section 7.1), read and written without copying.
//
// Reading: call next() with the bytes at hand until it says need_more, done or error; drop `consumed` bytes
// after each call. Data comes as views into those bytes. The trailer section is consumed in one piece, when
// all of it is there; it may not be longer than the limit. Writing: for each piece of data a ChunkHead, the
// data, chunk_end; at the end last_chunk.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/wire/head.h"

namespace popnet::http {

/// Extensions (RFC 9112 section 7.1.1). A recipient is to ignore those it does not know, and so do we with
/// what origins send. Of clients they are refused: in requests nobody uses them but attackers, who hide one
/// request in another by what two parsers make of a chunk's line.
enum class ChunkExtensions : uint8_t { refuse, ignore };

class ChunkedReader {
 public:
  explicit ChunkedReader(ChunkExtensions extensions = ChunkExtensions::refuse) : extensions_(extensions) {}

  enum class State : uint8_t {
    data,       ///< `data` is the next piece of the body, not empty
    need_more,  ///< everything usable is consumed
    done,   ///< the message ends here; `trailers` holds its trailer lines (see parse_field_section), mostly
            ///< empty
    error,  ///< Fault::bad_chunk or a fault of the trailer lines: close the connection
  };
  struct Step {
    State state = State::need_more;
    Fault fault = Fault::none;
    size_t consumed = 0;  ///< bytes to drop from the front; set in every state
    std::string_view data{};
    std::string_view trailers{};
  };
  /// REQUIRES: neither done nor error was returned before
  Step next(std::string_view bytes);

  /// Longest line with a chunk size, and longest trailer section.
  static constexpr size_t line_max = 1024;
  static constexpr size_t trailers_max = 8 * 1024;

 private:
  enum class At : uint8_t { size, data, data_end, trailers };
  Step read_size(std::string_view bytes);
  Step read_trailers(std::string_view bytes);

  ChunkExtensions extensions_;
  At at_ = At::size;
  uint64_t left_ = 0;  // bytes of the present chunk still to come
};

/// "1a2b\r\n" for a chunk of that many bytes. REQUIRES: size > 0
class ChunkHead {
 public:
  explicit ChunkHead(uint64_t size);
  [[nodiscard]] std::string_view text() const { return {bytes_.data() + begin_, bytes_.size() - begin_}; }

 private:
  std::array<char, 18> bytes_{};
  uint8_t begin_;
};
inline constexpr std::string_view chunk_end = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace popnet::http
