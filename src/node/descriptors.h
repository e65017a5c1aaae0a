// Who gets how many of the files and sockets that a process may have open, so that no crowd of one kind
// (visitors of the edge, idle TCP clients of DNS, the admin API) takes those that the others need. Pure.
//
//   what the node itself needs │ clients of the edge 1/2 │ DNS over TCP 1/8 │ admin API 1/8 │ the rest:
//   origins, probes. Where there is no DNS server, its share is the clients'.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/result.h"
#include "model/config.h"

namespace popnet::node {

struct DescriptorPlan {
  static constexpr uint32_t clients_full = 50'000;
  static constexpr size_t dns_tcp_full = 1000;
  static constexpr size_t admin_full = 256;

  uint32_t clients = 0;            // connections of the edge's clients, all threads together
  size_t dns_tcp_each_thread = 0;  // connections
  size_t admin = 0;                // connections
};

/// `limit`: of the process; `threads`: of each of DNS and edge. ErrorCode::machine when it is too low to
/// start.
Result<DescriptorPlan> plan_descriptors(uint64_t limit, const model::Node& node, int threads);

}  // namespace popnet::node
