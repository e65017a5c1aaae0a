// The control frames of Frame Streams (github.com/farsightsec/fstrm): an escape (a length of 0), the length of what follows,
// the type, and fields, of which there is one kind: a content type. All numbers are four bytes, the upper first. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace popnet::dns::tap {

inline constexpr std::string_view content_type = "protobuf:dnstap.Dnstap";

enum class Control : uint32_t { accept = 1, start = 2, stop = 3, ready = 4, finish = 5 };

/// READY and START say the content type.
std::string control_frame(Control type);
/// A data frame, behind `out`.
void put_frame(std::string_view frame, std::string& out);

/// What a reader has answered to READY.
enum class Heard : uint8_t {
  more,     ///< a part: the rest is still to come
  takes,    ///< ACCEPT of our content type, or of any
  refuses,  ///< anything else
};
/// `said`: all that has come from him.
Heard hear_accept(std::string_view said);
/// He sends no longer control frames than this.
inline constexpr size_t control_size_max = 512;

}  // namespace popnet::dns::tap
