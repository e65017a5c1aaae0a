// How the edges of several POPs share out their fills over origins that all see by the same measurements, which are a
// second old. A model of its own, request by request: fills are too fast for the steps of World.
//
//   fills arrive at random at 6 nodes ──decide──> origin: one queue each, exponential service ──> first byte
//        ^ own requests in flight, own mean first byte        │ busy time of the last second
//        └──────────── map made once a second <───────────────┘
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <queue>

#include "common/random.h"
#include "routing/testing.h"

namespace popnet::sim {
namespace {

using routing::FillTarget;

constexpr size_t nodes = 6, origins = 4;
constexpr double service_s = 0.01;  // of an origin, mean; so it is full at 100 a second

/// Which origin one node asks, of what it knows.
using Choose = std::function<size_t(const model::Config&, const routing::Map&,
                                    const std::vector<FillTarget>& own, double rate, uint64_t salt)>;

size_t by_decide_fill(const model::Config& config, const routing::Map& map,
                      const std::vector<FillTarget>& own, double rate, uint64_t salt) {
  return routing::decide_fill(config, map, 0, own, rate, salt).targets[0];
}

size_t by_lowest_measured(const model::Config&, const routing::Map& map, const std::vector<FillTarget>&,
                          double, uint64_t) {
  size_t best = 0;
  for (size_t i = 1; i < origins; ++i)
    if (map.sites[0].origins[i].load < map.sites[0].origins[best].load) best = i;
  return best;
}

struct Outcome {
  double first_byte_ms = 0;  // mean
  double largest_part = 0;   // of the fills of one second that one origin got, the mean over all seconds
  std::vector<double> parts = std::vector<double>(origins);  // of all fills
};

class FillWorld {
 public:
  FillWorld(Choose choose, double demand, std::vector<double> slowness = std::vector<double>(origins, 1))
      : choose_(std::move(choose)), demand_(demand), slowness_(std::move(slowness)) {
    own_.assign(nodes, std::vector<FillTarget>(origins));
    measure();
  }

  Outcome run(int seconds) {
    for (int second = 0; second < seconds; ++second) {
      std::fill(got_.begin(), got_.end(), 0);
      for (; now_ < second + 1; now_ += -std::log(1 - random_.uniform()) / demand_) arrive();
      measure();
      const double all = std::accumulate(got_.begin(), got_.end(), 0.0);
      outcome_.largest_part += *std::max_element(got_.begin(), got_.end()) / all / seconds;
    }
    outcome_.first_byte_ms /= static_cast<double>(count_);
    for (double& part : outcome_.parts) part /= static_cast<double>(count_);
    return outcome_;
  }

 private:
  struct End {
    double at;
    size_t node, origin;
    double took_ms;
    bool operator<(const End& other) const { return at > other.at; }
  };

  void arrive() {
    for (; !running_.empty() && running_.top().at <= now_; running_.pop()) {
      const End& end = running_.top();
      FillTarget& known = own_[end.node][end.origin];
      --known.in_flight;
      known.first_byte_ms += (end.took_ms - known.first_byte_ms) * (known.first_byte_ms > 0 ? 0.1 : 1);
    }
    const size_t node = random_.below(nodes);
    const size_t origin = choose_(config_, map_, own_[node], demand_ / nodes, random_.next());
    const double service = -std::log(1 - random_.uniform()) * service_s * slowness_[origin];
    free_at_[origin] = std::max(free_at_[origin], now_) + service;
    busy_[origin] += service;
    const double took_ms = (free_at_[origin] - now_) * 1000;
    running_.push({free_at_[origin], node, origin, took_ms});
    ++own_[node][origin].in_flight;
    ++got_[origin];
    ++count_;
    outcome_.first_byte_ms += took_ms;
    ++outcome_.parts[origin];
  }

  void measure() {
    auto metrics = routing::testing::make_metrics(config_);
    for (size_t i = 0; i < origins; ++i) {
      const double load =
          std::min(1.0, std::max(busy_[i], free_at_[i] > now_ ? 1.0 * (free_at_[i] - now_) : 0));
      routing::testing::set(metrics.origins[0][i], model::Metric::cpu, load);
      busy_[i] = 0;
    }
    map_ = routing::make_map(config_, metrics, {}, 1, routing::testing::at_second(now_));
  }

  const Choose choose_;
  const double demand_;
  const std::vector<double> slowness_;
  const model::Config config_ = routing::testing::make_config(origins, nodes);
  routing::Map map_;
  Random random_{7};
  double now_ = 0;
  std::vector<std::vector<FillTarget>> own_;
  std::vector<double> free_at_ = std::vector<double>(origins), busy_ = free_at_, got_ = free_at_;
  std::priority_queue<End> running_;
  size_t count_ = 0;
  Outcome outcome_;
};

TEST(FillSim, NodesThatSeeTheSameOldMeasurementsDoNotHerd) {
  const Outcome herd = FillWorld(by_lowest_measured, 240).run(60);
  EXPECT_GT(herd.largest_part, 0.99) << "all to one origin, each second another";
  EXPECT_GT(herd.first_byte_ms, 200);
  const Outcome calm = FillWorld(by_decide_fill, 240).run(60);
  EXPECT_LT(calm.largest_part, 0.35) << "of four origins that are 60 % busy";
  EXPECT_LT(calm.first_byte_ms, 22) << "one of four at random: 25 ms (M/M/1)";
  for (const double part : calm.parts) EXPECT_NEAR(part, 0.25, 0.02);
}

TEST(FillSim, AnOriginThatIsThreeTimesAsSlowGetsLess) {
  const Outcome outcome = FillWorld(by_decide_fill, 200, {3, 1, 1, 1}).run(60);
  EXPECT_LT(outcome.parts[0], 0.1);
  EXPECT_GT(outcome.parts[0], 0.01) << "but is not given up";
  EXPECT_LT(outcome.first_byte_ms, 30) << "at random it would be overloaded";
}

}  // namespace
}  // namespace popnet::sim
