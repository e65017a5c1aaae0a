// Times one TCP connect.
#pragma once

#include <memory>

#include "common/ip.h"
#include "probe/kinds/api/attempts.h"

namespace popnet::probe {

/// From the SYN to the kernel's word that the connection stands, or why it does not; then it is closed. A
/// refusal (ECONNREFUSED) is an answer too, and `took` is its round trip. `done` as in Kind::start().
std::unique_ptr<Attempt> time_connect(rt::Loop& loop, const Endpoint& remote, Duration timeout,
                                      RoundTripDone done);

}  // namespace popnet::probe
