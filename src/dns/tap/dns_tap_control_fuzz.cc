// Any bytes as what a reader of dnstap answers to READY: heard the same however they are cut into pieces, and taken only if
// they accept what is sent.
#include <cstdlib>

#include "dns/tap/control_frame.h"

using namespace popnet::dns::tap;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view said(reinterpret_cast<const char*>(data), size);
  Heard before = Heard::more;
  for (size_t n = 0; n <= size && n <= 2 * control_size_max; ++n) {
    const std::string piece(said.substr(0, n));  // of its own: a reading behind its end would be seen
    const Heard heard = hear_accept(piece);
    require(before == Heard::more || heard == before);
    if (heard == Heard::takes && before == Heard::more)
      require(n == 12 || piece.find(content_type) != std::string::npos);
    before = heard;
  }
  require(size < 8 + control_size_max || before != Heard::more);
  return 0;
}
