// A small world to try the brain in: client networks with resolvers that cache answers, web servers and POPs
// that get slow when they are busy, probes whose samples arrive late, and faults. Simulated time, in steps of
// 100 ms; the same seed and the same calls give the same history. The code under test is the real one:
// probe/health, brain (fold, shares, map) and routing::decide_*; only servers, users and the network are
// models.
//
//   users ──ask──> resolver cache (TTL) ──ask──> a living POP's decide_* ──> answer
//     │                                                  ^
//     └──requests──> origin / POP: load ──probes──> samples ──delay──> brain of every POP
//
// Models. A server has a capacity in requests a second; rho = requests / capacity + other work; CPU = rho,
// smoothed over a second and cut to 1; the response time grows as service time / (1 - rho) (M/M/1), cut at
// rho = 0.98. Of an answer users take the first address; if that server is dead, the next (browsers do); else
// the request fails. Client networks differ in size (exponential). Resolvers ask any living POP.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "brain/brain.h"
#include "common/random.h"
#include "model/config.h"
#include "model/report.h"
#include "probe/health/health.h"
#include "routing/decide.h"

namespace popnet::sim {

/// A web server or a POP. Tests turn the knobs while the world runs.
struct Server {
  double capacity = 100;  // requests a second
  double service_ms = 5;  // response time when idle
  double other_work = 0;  // share of the capacity that is taken by something else
  bool dead = false;

  double requests = 0;  // a second, now
  double cpu = 0;       // smoothed

  [[nodiscard]] double rho() const { return requests / capacity + other_work; }
  [[nodiscard]] double response_ms() const;
};

/// One client network, with its resolver.
struct ClientNetwork {
  routing::Client client;
  double requests = 0;         // a second, for pages; as many for content
  std::vector<double> rtt_ms;  // to each POP, as it really is
  struct Cached {
    model::Decision answer;
    TimePoint until{};
  };
  Cached page, content;
};

/// How things stood at the end of a second. Parts are of all requests.
struct Moment {
  TimePoint at;
  std::vector<double> origin_part, origin_cpu, origin_share;  // share: what the brain of the first POP wants
  std::vector<double> pop_part, pop_cpu;
  double failed_part = 0;     // page requests that met only dead servers
  double content_rtt_ms = 0;  // mean over content requests
};

/// How a POP answers for the page's hostname.
using PageAnswer = std::function<model::Decision(const routing::Snapshot&, const routing::Client&)>;

/// As popnet does: routing::decide_origin for the first hostname of the first site.
PageAnswer answer_by_shares();
/// As one would at first: the living origin whose last reported load is lowest. To show what is wrong with
/// it.
PageAnswer answer_least_reported_load();

struct Options {
  uint64_t seed = 1;
  size_t clients = 400;
  double demand = 180;  // page requests a second, of all clients together
  Duration report_delay = std::chrono::milliseconds(200);
  double noise = 0.02;           // of each measured value
  bool measure_clients = false;  // POPs measure the round trip to every client network once a minute
  PageAnswer page_answer = answer_by_shares();
};

class World {
 public:
  /// The world has the origins of the config's first site and its POPs; the first hostname of that site is
  /// the page, the second (if any) the content. Client networks are 10.0.0.0/24 and on.
  World(model::Config config, Options options);

  std::vector<Server> origins;
  std::vector<Server> pops;
  std::vector<ClientNetwork> clients;

  void run(Duration time);

  [[nodiscard]] TimePoint now() const { return now_; }
  [[nodiscard]] const std::vector<Moment>& history() const { return history_; }
  /// What this POP answers by; null before its first tick.
  [[nodiscard]] const routing::Snapshot* snapshot(size_t pop) const { return nodes_[pop].snapshot.get(); }
  /// What this POP would answer for the page now.
  [[nodiscard]] model::Decision page_answer(size_t pop, const routing::Client& client) const;

 private:
  struct Node {
    brain::Brain brain;
    std::shared_ptr<const routing::Snapshot> snapshot;
    std::map<std::string, probe::HealthState> health;  // of each target
    TimePoint probe_at{};
  };
  struct Letter {
    TimePoint arrives;
    model::Report report;
  };

  void step();
  void deliver();
  void probe(size_t pop);
  void probe_clients(size_t pop, model::Report& report);
  model::ProbeSample measure(size_t prober, const model::TargetId& target, const Server& server);
  void send(model::Report report);
  void tell_shares();
  void tick_brains();
  void serve_users();
  void serve_page(ClientNetwork& network);
  void serve_content(ClientNetwork& network);
  const routing::Snapshot* any_snapshot();
  void record();

  std::shared_ptr<const model::Config> config_;
  Options options_;
  Random random_;
  TimePoint now_;
  uint64_t steps_ = 0;
  std::vector<Node> nodes_;  // one for each POP
  std::deque<Letter> letters_;
  double failed_ = 0, content_rtt_sum_ = 0;  // of the present step
  std::vector<Moment> history_;
};

/// The part of history in the last `time`.
std::vector<Moment> last(const World& world, Duration time);

}  // namespace popnet::sim
