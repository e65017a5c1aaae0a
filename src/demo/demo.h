// The demo: a whole network in one process. Three POPs (each a node::Node with its own DNS, edge and probes)
// on loopback addresses, two customers with three web servers each, a little traffic, a live table, and a few
// commands to try.
//
// The network is examples/network.yaml, built into the program, so that what is shown is what a reader can
// run himself.
#pragma once

#include <string>

#include "common/ip.h"
#include "common/result.h"
#include "common/time.h"

namespace popnet::demo {

struct Options {
  Duration length{};                                    // ends by itself after so long; 0 = until a signal
  Endpoint control{IpAddress::v4(127, 0, 0, 1), 8600};  // where visitors stop and start POPs
  int signals = -1;                                     // a signalfd(2); readable = end
  bool terminal = false;  // redraw the table in place instead of printing it anew
  uint64_t seed = 1;
  std::string program = "popnet";  // how the visitor called us, for the commands to try
};

/// Returns when it has ended and everything is down. ErrorCode::machine when an address cannot be had.
Status run(const Options& options);

/// The text of examples/network.yaml.
const std::string& network_text();

}  // namespace popnet::demo
