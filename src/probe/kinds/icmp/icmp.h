// The kind "icmp": the round trip of an ICMP echo. It says that the machine is reachable, not that its server
// works; a network that drops echoes looks dead to it, so it is for measuring rather than for health.
#pragma once

#include <memory>

#include "config/schema/table.h"
#include "probe/kinds/api/kind.h"

namespace popnet::probe {

struct IcmpOptions : model::KindOptions {};

const config::Table<IcmpOptions>& icmp_options();

class IcmpKind final : public Kind {
 public:
  [[nodiscard]] const char* name() const override { return "icmp"; }
  std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                 const model::KindOptions& options, Duration timeout,
                                 Done done) const override;
};

}  // namespace popnet::probe
