// Whole conversations with the edge, bytes in on both sides: see conversation.h for the script and for what must hold.
#include <cstdio>

#include "common/log.h"
#include "http/edge/conversation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace popnet;
  if (size > 16 * 1024) return 0;
  static const http::conversation::Stage stage;
  static const bool quiet = log::set_level("error");
  (void)quiet;
  const std::string script(reinterpret_cast<const char*>(data), size);
  const std::string wrong = http::conversation::Conversation(stage, script).play();
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
  }
  return 0;
}
