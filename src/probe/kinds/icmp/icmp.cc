#include "probe/kinds/icmp/icmp.h"

#include <cerrno>
#include <utility>

#include "probe/kinds/api/words.h"
#include "probe/kinds/icmp/echo.h"

namespace popnet::probe {

namespace {

Outcome judge(RoundTrip trip, Duration timeout) {
  if (trip.error == 0) return {.ok = true, .readings = {{model::Metric::rtt_ms, to_ms(trip.took)}}};
  if (trip.error == ETIMEDOUT) return {.error = no_answer_within(timeout)};
  if (trip.error == EACCES || trip.error == EPERM)
    return {
        .error =
            "this machine does not let popnet ping; sysctl net.ipv4.ping_group_range='0 2147483647' would",
        .inconclusive = true};
  return {.error = socket_words(trip.error), .inconclusive = our_fault(trip.error)};
}

}  // namespace

const config::Table<IcmpOptions>& icmp_options() {
  static const config::Table<IcmpOptions> table(
      "icmp",
      "Sends an ICMP echo and takes the time until its reply (rtt_ms). Needs no privilege, but the kernel's "
      "leave: sysctl "
      "net.ipv4.ping_group_range must include a group of this process.",
      {});
  return table;
}

std::unique_ptr<Attempt> IcmpKind::start(const Context& context, const Target& target,
                                         const model::KindOptions& /*options*/, Duration timeout,
                                         Done done) const {
  return time_echo(context.loop, target.endpoint.address, timeout,
                   [done = std::move(done), timeout](RoundTrip trip) { done(judge(trip, timeout)); });
}

}  // namespace popnet::probe
