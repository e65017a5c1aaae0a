// The kind "tcp": how long a TCP connect takes. It says that a server listens, not that it works.
//
// The smallest complete kind, and the one to copy: options, their table, the kind; tcp_test.cc beside it. A
// new kind also needs its line in src/layers.txt and a name in node/probe_kinds.cc.
#pragma once

#include <memory>

#include "config/schema/table.h"
#include "probe/kinds/api/kind.h"

namespace popnet::probe {

struct TcpOptions : model::KindOptions {
  uint16_t port = 0;
};

const config::Table<TcpOptions>& tcp_options();

class TcpKind final : public Kind {
 public:
  [[nodiscard]] const char* name() const override { return "tcp"; }
  std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                 const model::KindOptions& options, Duration timeout,
                                 Done done) const override;
};

}  // namespace popnet::probe
