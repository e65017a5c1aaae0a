// The kind "host": how busy this machine is: cpu and memory from the kernel, and traffic, the share of the
// POP's uplink that its edge fills. A POP measures itself with it; for customers' web servers there is the
// kind "load".
//
// CPU and traffic are differences of two readings: the first attempt reads memory only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "config/schema/table.h"
#include "probe/kinds/api/kind.h"
#include "probe/kinds/host/usage.h"

namespace popnet::probe {

struct HostOptions : model::KindOptions {};

const config::Table<HostOptions>& host_options();

class HostKind final : public Kind {
 public:
  /// `bytes_sent`: how many bytes this node's edge has sent since it started, from any thread; empty: traffic
  /// is not measured.
  explicit HostKind(std::function<uint64_t()> bytes_sent = {}, HostPaths paths = {})
      : bytes_sent_(std::move(bytes_sent)), paths_(std::move(paths)) {}
  [[nodiscard]] const char* name() const override { return "host"; }
  std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                 const model::KindOptions& options, Duration timeout,
                                 Done done) const override;

 private:
  [[nodiscard]] Outcome measure(const Context& context, const Target& target) const;

  const std::function<uint64_t()> bytes_sent_;
  const HostPaths paths_;
};

}  // namespace popnet::probe
