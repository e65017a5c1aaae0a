#include "node/descriptors.h"

#include <fmt/format.h>

#include <algorithm>

namespace popnet::node {

namespace {

constexpr uint64_t for_the_process =
    32;  // loops of control, config, probes, bus and admin; state, logs, sockets
constexpr uint64_t for_each_loop = 2;          // epoll and eventfd
constexpr uint64_t for_each_xdp = 3 + 2 * 64;  // the filter; a socket and its waker for each of many queues
constexpr uint64_t for_others_least = 16;

uint64_t own_need(const model::Node& node, int threads) {
  uint64_t each_thread = 0;
  if (node.edge) each_thread += for_each_loop + node.http_listen.size();
  if (node.dns) each_thread += for_each_loop + 3 * node.dns_listen.size();  // UDP and its waker, TCP
  const uint64_t xdp = node.dns ? for_each_xdp * node.dns_server.xdp.size() : 0;
  return for_the_process + xdp + each_thread * static_cast<uint64_t>(threads);
}

}  // namespace

Result<DescriptorPlan> plan_descriptors(uint64_t limit, const model::Node& node, int threads) {
  const uint64_t own = own_need(node, threads);
  if (limit < own + for_others_least)
    return Error{
        ErrorCode::machine,
        fmt::format("this process may have {} files and sockets open; with {} threads the node needs at "
                    "least {} (ulimit -n, or LimitNOFILE= of systemd)",
                    limit, threads, own + for_others_least)};
  const uint64_t rest = limit - own;
  DescriptorPlan plan;
  const uint64_t for_clients = rest / 2 + (node.dns ? 0 : rest / 8);
  plan.clients = static_cast<uint32_t>(std::min<uint64_t>(for_clients, DescriptorPlan::clients_full));
  plan.dns_tcp_each_thread =
      std::clamp<uint64_t>(rest / 8 / static_cast<uint64_t>(threads), 1, DescriptorPlan::dns_tcp_full);
  plan.admin = std::min<uint64_t>(rest / 8, DescriptorPlan::admin_full);
  return plan;
}

}  // namespace popnet::node
