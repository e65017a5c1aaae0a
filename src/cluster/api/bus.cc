#include "cluster/api/bus.h"

#include <fmt/format.h>

namespace popnet::cluster {

Error config_conflict(uint64_t expected, uint64_t present) {
  const std::string meant =
      expected == 0 ? "a first one was to be put" : fmt::format("revision {} was to be replaced", expected);
  const std::string found =
      present == 0 ? "it holds none" : fmt::format("it is at revision {} by now", present);
  return {ErrorCode::conflict,
          fmt::format("the network's config has changed meanwhile: {}, but {}", meant, found)};
}

}  // namespace popnet::cluster
