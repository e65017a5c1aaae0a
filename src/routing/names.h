// Which hostname means what: built once for a config, off the hot path, and then only read. Names are
// compared without case and without a final dot.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "model/config.h"

namespace popnet::routing {

/// What a decided name is.
struct NamedHost {
  enum class Kind {
    site,     ///< a hostname of config.sites[site]: `host.resolve` says whether to an origin or a POP
    content,  ///< network.content_hostname: shared by sites, resolves to a POP
    pop,      ///< <pop>.<network.zone>: that POP and no other
  };
  Kind kind = Kind::site;
  uint32_t site = 0;
  uint32_t pop = 0;
  model::Hostname host;  // made up from network options where it is not a site's
};

class NameIndex {
 public:
  NameIndex() = default;
  explicit NameIndex(const model::Config& config);
  /// nullptr when nothing of that name is decided here. Lives as long as the index.
  [[nodiscard]] const NamedHost* find(std::string_view name) const;

 private:
  std::unordered_map<std::string, NamedHost> hosts_;
};

/// The site of that name, or nullptr.
const model::Site* find_site(const model::Config& config, std::string_view name);

}  // namespace popnet::routing
