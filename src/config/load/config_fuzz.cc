// Any bytes as a config: a config or problems come out, never a crash, a hang or an exception. The first line
// holds settings, separated by spaces; a line "%%%" divides the local file from the bus' document.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/text.h"
#include "config/load/load.h"
#include "config/load/test_kinds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace popnet;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto first = bytes.find('\n');
  config::LoadInput input;
  for (const auto set : split(bytes.substr(0, first), ' '))
    if (!set.empty()) input.sets.emplace_back(set);
  const std::string_view rest = first == bytes.npos ? std::string_view() : bytes.substr(first + 1);
  constexpr std::string_view divider = "\n%%%\n";
  const auto divide = rest.find(divider);
  input.text = rest.substr(0, divide);
  if (divide != rest.npos) input.network_text = rest.substr(divide + divider.size());
  input.kinds = config::test_kinds();

  const config::Loaded loaded = config::load(input);
  const std::string lines = config::report(loaded.problems);
  if (!loaded.config && lines.empty()) __builtin_trap();  // refused without a word
  return 0;
}
