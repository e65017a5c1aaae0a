// Who says something: one node, and the POP it belongs to. Nodes of one POP measure and count each for
// itself; towards the others the POP has one voice (cluster/fold).
#pragma once

#include <compare>
#include <string>
#include <utility>

namespace popnet::model {

struct NodeId {
  std::string name;  // of the node, unique in the network; empty = nobody
  std::string pop;   // that it belongs to

  NodeId() = default;
  NodeId(std::string node, std::string its_pop) : name(std::move(node)), pop(std::move(its_pop)) {}
  /// The only node of a POP has the POP's name.
  NodeId(const std::string& only_node) : name(only_node), pop(only_node) {}  // NOLINT: implicit on purpose
  NodeId(const char* only_node) : name(only_node), pop(only_node) {}         // NOLINT: implicit on purpose

  /// By name first: the order in which they lead.
  auto operator<=>(const NodeId&) const = default;
};

}  // namespace popnet::model
