// The controller: how shares follow load. Pure; its memory is the Shares value that one step turns into the
// next.
//
// Why not simply answer with the least loaded target? Answers live in caches for their TTL, and measurements
// are old when they arrive. All clients that ask in between go to the same target, which is full when the
// next measurement says so; then all leave it (herding; see sim/herd_test.cc). So a share moves only as fast
// as its effect can be seen.
//
// Origins of a site. Integral control of each share towards equal load:
//
//   mean      M = Σ share × load over the origins that are alive: the load that the average user meets
//   error     e = M - load; positive: room for more. 0 where the load is not known
//   rate      of moving = min(gain, share / (2.718 × load × dead_time)) × (|e| - deadband), at most
//             step_max; the bound is explained below. What one side gives the other takes: the sum stays 1
//   idle pull while all errors are within half the deadband, shares drift back to the weights (time
//             constant 5 dead times): without load to tell them apart the operator's weights count, and
//             a burst leaves no mark for ever. Between half and the whole deadband nothing moves at all;
//             otherwise pull and control would take turns at the edge, and the clients there with them
//
// A client network moves whole. One that makes up more of a server's load than the deadband fits nowhere
// exactly, and goes to and fro, as slowly as the rest.
//
// With the share-weighted mean, and load that does not fall with its users, the least loaded origin ends with
// all of them but the floors (and the deadband). With load in proportion to users, shares end in proportion
// to capacities.
//
// Why the rate is bounded. A share's change shows in measured load after about dead_time = TTL / 2 (caches
// expire evenly over the TTL) + one probe interval + 2 s (what is measured is a mean over a while, reports
// travel, nodes fold). If load is in proportion to users, its slope is load / share. An integrator with gain
// g on a process with slope K and dead time θ settles without swinging if g K θ <= 1/2.718, and swings for
// ever if g K θ >= π/2 (see any text on dead-time processes). So g = share / (2.718 load θ) is the fastest
// that does not swing, with a margin of four for load that grows faster than users (queues near full). The
// configured gain can only make it slower.
//
// The dead. A dead origin keeps its place in the list but its share falls by step_max a second down to its
// floor; the decisions skip it anyway and the others' proportions do not change, so this moves no client.
// When it comes back it has the floor, and gets more as others get more: slowly (cold caches, crashed for a
// reason). If all are dead nothing is known and nothing moves. A floor (floor_of_fair of the weight's share)
// is kept by all, so that the way back is never of length zero.
//
// Rules. A rule of a chain that chooses by load among some of the origins has shares of its own among these (a
// pool): users of one region are evened out over that region's servers, however busy those of another are. A
// pool is known by its members, so that rules with the same share it; its targets are named
// "<site>/<origin>@<pool>". Loads do not tell which rule brought a user; each pool moves its own users by the
// part of the load that they are, and together they move no more than one would.
//
// New targets. A site never seen starts by weight; an origin new in a known site starts at its floor.
//
// POPs. `accept` is the part of the clients that a POP takes of those it is best for; the rest spill to the
// next best. It falls while load > pop_load_target and some other POP is below it (else giving clients away
// would only make their way longer), rises below target - deadband, at the same bounded rate, between
// accept_min and 1. So only the surplus spills. A POP of unknown load drifts to 1; a dead one falls
// to accept_min and comes back slowly.
#pragma once

#include <span>
#include <string>

#include "model/config.h"
#include "model/metrics.h"
#include "model/shares.h"

namespace popnet::routing {

inline constexpr double floor_of_fair = 0.02;  // of the share that an origin would have by weight
inline constexpr double accept_min = 0.05;
inline constexpr std::chrono::seconds step_time_max{5};  // a longer gap between two steps counts as this long
inline constexpr std::chrono::seconds heard_max{5};      // shares heard longer ago than this are not used

/// Origins that share users: all of a site, or those of a rule.
struct Pool {
  std::vector<uint16_t> members;  // indexes of origins, ascending
  std::string suffix;             // of their names in Shares; of all: empty
};
/// The first one is that of all.
std::vector<Pool> pools_of(const model::Site& site);
/// Of these origins; empty when they are all.
std::string pool_suffix(const model::Site& site, const std::vector<uint16_t>& members);

/// One step from `previous` (which may be empty, or of another config) at `now`. `metrics` should have been
/// folded for `config`. The result holds exactly the targets of `config`.
model::Shares step(const model::Shares& previous, const model::Config& config,
                   const model::MetricsSnapshot& metrics, TimePoint now, const model::NodeId& author);

/// Whose shares to answer by, so that POPs answer alike: those of the leader, the first in name order among
/// the nodes of POPs of the config that are not down and were heard (Shares::at) within heard_max; `own`
/// counts as heard once it has been stepped (generation > 0). If nobody qualifies, `own`. Of several by one
/// author the one of the highest generation. The result refers to an argument.
///
/// Each node steps from what it adopts, `own = step(adopt(own, heard, …), …)`, publishes its own and answers
/// by what it adopts. So every node is always one step behind the leader, and whoever becomes leader goes on
/// from there. A node that has just started should listen for a moment before its first step.
const model::Shares& adopt(const model::Shares& own, std::span<const model::Shares> heard,
                           const model::Config& config, const model::MetricsSnapshot& metrics, TimePoint now);

}  // namespace popnet::routing
