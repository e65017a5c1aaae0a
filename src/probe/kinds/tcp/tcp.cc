#include "probe/kinds/tcp/tcp.h"

#include <cerrno>
#include <utility>

#include "probe/kinds/api/words.h"
#include "probe/kinds/tcp/connect.h"

namespace popnet::probe {

namespace {

using config::option;

Outcome judge(RoundTrip trip, Duration timeout) {
  if (trip.error == 0) return {.ok = true, .readings = {{model::Metric::tcp_ms, to_ms(trip.took)}}};
  if (trip.error == ETIMEDOUT) return {.error = no_answer_within(timeout)};
  return {.error = socket_words(trip.error), .inconclusive = our_fault(trip.error)};
}

}  // namespace

const config::Table<TcpOptions>& tcp_options() {
  static const config::Table<TcpOptions> table(
      "tcp", "Connects to a TCP port and takes the time until the connection stands (tcp_ms).",
      {
          option("port", &TcpOptions::port)
              .integer(0, 65535, 0)
              .help("Port to connect to; 0 means the target's own."),
      });
  return table;
}

std::unique_ptr<Attempt> TcpKind::start(const Context& context, const Target& target,
                                        const model::KindOptions& options, Duration timeout,
                                        Done done) const {
  const auto& tcp = static_cast<const TcpOptions&>(options);
  const Endpoint remote{target.endpoint.address, tcp.port != 0 ? tcp.port : target.endpoint.port};
  return time_connect(context.loop, remote, timeout,
                      [done = std::move(done), timeout](RoundTrip trip) { done(judge(trip, timeout)); });
}

}  // namespace popnet::probe
