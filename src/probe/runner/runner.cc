#include "probe/runner/runner.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "probe/runner/client_latency.h"
#include "probe/runner/plan.h"
#include "probe/runner/schedule.h"
#include "rt/loop.h"
#include "rt/shards.h"

namespace popnet::probe {

namespace {

using namespace std::chrono_literals;
using model::Health;
using model::ProbeSample;

constexpr size_t running_max = 256;           // attempts; further ones wait for a place
constexpr size_t resolvers_max = 4096;        // addresses on their way to the thread; more are dropped
constexpr Duration batch_time = 250ms;        // samples wait this long for company
constexpr Duration urgent_batch_time = 10ms;  // so that a hundred verdicts of one moment travel together

}  // namespace

/// Everything that lives on the probe thread.
class Runner::Work {
 public:
  explicit Work(Parts parts)
      : parts_(std::move(parts)),
        random_(parts_.seed),
        kinds_(parts_.kinds(loop_)),
        flush_timer_(loop_, [this] { flush(); }),
        client_latency_(loop_, [this](const ClientLatency::Measured& m) { add_client_sample(m); }) {}

  void run() {
    rt::name_thread("probe");
    loop_.run();
  }
  rt::Loop& loop() { return loop_; }

  void adopt(const model::Config& config);
  void measure(std::vector<IpAddress> resolvers);
  [[nodiscard]] std::vector<CounterValue> counters() const;

 private:
  struct Probe {
    Probe(Work& work, std::string its_key, const Kind& its_kind)
        : key(std::move(its_key)), kind(its_kind), timer(work.loop_, [&work, this] { work.begin(*this); }) {}
    const std::string key;
    const Kind& kind;
    std::shared_ptr<const PlannedProbe> planned;
    HealthState health;
    std::shared_ptr<Memory> memory;
    TimePoint start{};                                // of the attempt that runs, waits or is planned next
    rt::Timer timer;                                  // until that start
    std::shared_ptr<const PlannedProbe> running_for;  // kept alive for the attempt
    std::unique_ptr<Attempt> attempt;
  };
  using Probes = std::unordered_map<std::string, std::unique_ptr<Probe>>;

  void adopt_probe(std::shared_ptr<const PlannedProbe> planned, Probes& old);
  void drop(Probes& old);
  [[nodiscard]] const Kind* find_kind(std::string_view name) const;
  void begin(Probe& probe);
  void begin_waiting();
  void finish(Probe& probe, Outcome outcome);
  void plan_next(Probe& probe);
  void judge(Probe& probe, const Outcome& outcome);
  void note_change(const PlannedProbe& planned, Health before, Health after, const std::string& error);
  void add_client_sample(const ClientLatency::Measured& measured);
  void add_sample(ProbeSample sample, bool urgent);
  void flush();

  Parts parts_;
  Random random_;
  rt::Loop loop_;
  const std::vector<std::unique_ptr<Kind>> kinds_;
  rt::Timer flush_timer_;
  model::NodeId prober_;
  Duration client_max_age_{};
  std::vector<ProbeSample> batch_;
  bool batch_urgent_ = false;
  size_t running_ = 0;
  std::deque<Probe*> waiting_;  // for a place among the running; oldest first
  Probes probes_;               // by key
  ClientLatency client_latency_;

  std::atomic<size_t> resolvers_coming_{0};
  Counter attempts_;
  Counter failures_;
  Counter verdicts_changed_;
  Counter samples_;
  std::atomic<uint64_t> resolvers_dropped_{0};
};

// --- what is probed

void Runner::Work::adopt(const model::Config& config) {
  prober_ = {config.node.name, config.node.pop};
  client_max_age_ = config.network.client_latency.max_age;
  client_latency_.configure(config.network.client_latency);
  Probes old = std::exchange(probes_, {});
  for (auto& planned : make_plan(config)) adopt_probe(std::move(planned), old);
  drop(old);
  begin_waiting();
}

/// Goes on with the probe of the old config where its target is still the same.
void Runner::Work::adopt_probe(std::shared_ptr<const PlannedProbe> planned, Probes& old) {
  const std::string key = planned->key();
  const auto known = old.find(key);
  std::unique_ptr<Probe> probe;
  const Duration interval = planned->spec.interval;
  if (known != old.end() && known->second->planned->target == planned->target) {
    probe = std::move(known->second);
    old.erase(known);
    if (probe->timer.armed() && probe->start > loop_.now() + interval) {
      probe->start = loop_.now() + interval;
      probe->timer.arm(probe->start);
    }
  } else {
    const Kind* kind = find_kind(planned->spec.kind);
    if (kind == nullptr)
      return log::error("no kind of probe is called {}: a bug, its probes are left out", planned->spec.kind);
    probe = std::make_unique<Probe>(*this, key, *kind);
    probe->start = first_start(loop_.now(), interval, random_);
    probe->timer.arm(probe->start);
  }
  probe->planned = std::move(planned);
  probes_.emplace(key, std::move(probe));
}

/// Ends the probes that the new config does not have.
void Runner::Work::drop(Probes& old) {
  for (const auto& entry : old) {
    if (entry.second->attempt) --running_;
    std::erase(waiting_, entry.second.get());
  }
  old.clear();
}

const Kind* Runner::Work::find_kind(std::string_view name) const {
  const auto kind =
      std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& k) { return k->name() == name; });
  return kind == kinds_.end() ? nullptr : kind->get();
}

// --- one attempt

void Runner::Work::begin(Probe& probe) {
  if (running_ >= running_max) {
    waiting_.push_back(&probe);
    return;
  }
  ++running_;
  attempts_.add();
  probe.running_for = probe.planned;
  const PlannedProbe& planned = *probe.running_for;
  const Context context{loop_, probe.memory};
  probe.attempt = probe.kind.start(context, planned.target, *planned.spec.options, planned.spec.timeout,
                                   [this, &probe](Outcome outcome) { finish(probe, std::move(outcome)); });
}

void Runner::Work::begin_waiting() {
  while (!waiting_.empty() && running_ < running_max) {
    Probe& probe = *waiting_.front();
    waiting_.pop_front();
    begin(probe);
  }
}

void Runner::Work::finish(Probe& probe, Outcome outcome) {
  probe.attempt.reset();
  --running_;
  if (!outcome.ok) failures_.add();
  judge(probe, outcome);
  plan_next(probe);
  begin_waiting();
}

void Runner::Work::plan_next(Probe& probe) {
  const model::ProbeSpec& spec = probe.planned->spec;
  const bool in_doubt = spec.affects_health && probe.health.verdict == Health::up && probe.health.row > 0;
  const Duration interval = in_doubt ? spec.interval / doubt_hurry : spec.interval;
  probe.start = next_start(probe.start, interval, spec.jitter, loop_.now(), random_);
  probe.timer.arm(probe.start);
}

void Runner::Work::judge(Probe& probe, const Outcome& outcome) {
  const PlannedProbe& planned = *probe.running_for;
  const Health before = probe.health.verdict;
  if (!outcome.inconclusive)
    probe.health = after_attempt(probe.health, outcome.ok, {planned.spec.rise, planned.spec.fall});
  const bool changed = probe.health.verdict != before && planned.spec.affects_health;
  if (changed) note_change(planned, before, probe.health.verdict, outcome.error);

  ProbeSample sample;
  sample.target = planned.target.id;
  sample.probe = planned.label;
  sample.ok = outcome.ok;
  sample.healthy = probe.health.verdict != Health::down;
  sample.affects_health = planned.spec.affects_health && !outcome.inconclusive;
  if (outcome.ok) sample.readings = outcome.readings;
  sample.error = outcome.error;
  sample.max_age = planned.spec.max_age;
  add_sample(std::move(sample), changed);
}

void Runner::Work::note_change(const PlannedProbe& planned, Health before, Health after,
                               const std::string& error) {
  verdicts_changed_.add();
  if (after == Health::down)
    log::warning("{}: {} finds {} down: {}", prober_.name, planned.label, planned.target.id.name, error);
  else if (before == Health::down)
    log::info("{}: {} finds {} up again", prober_.name, planned.label, planned.target.id.name);
}

// --- client networks

void Runner::Work::measure(std::vector<IpAddress> resolvers) {
  const size_t coming = resolvers_coming_;
  const size_t room = coming < resolvers_max ? resolvers_max - coming : 0;
  if (resolvers.size() > room) {
    resolvers_dropped_ += resolvers.size() - room;
    resolvers.resize(room);
  }
  resolvers_coming_ += resolvers.size();
  loop_.post([this, moved = std::move(resolvers)] {
    resolvers_coming_ -= moved.size();
    client_latency_.measure(moved);
  });
}

void Runner::Work::add_client_sample(const ClientLatency::Measured& measured) {
  ProbeSample sample;
  sample.target = model::TargetId::client(measured.network);
  sample.probe = measured.how;
  sample.ok = true;
  sample.affects_health = false;
  sample.readings = {{model::Metric::rtt_ms, measured.rtt_ms}};
  sample.max_age = client_max_age_;
  add_sample(std::move(sample), false);
}

// --- samples leave in batches

void Runner::Work::add_sample(ProbeSample sample, bool urgent) {
  samples_.add();
  sample.prober = prober_;
  sample.at = loop_.now();
  batch_.push_back(std::move(sample));
  const bool earlier = urgent && !batch_urgent_;
  batch_urgent_ = batch_urgent_ || urgent;
  if (earlier) flush_timer_.arm_after(urgent_batch_time);
  if (!flush_timer_.armed()) flush_timer_.arm_after(batch_time);
}

void Runner::Work::flush() {
  parts_.sink(std::exchange(batch_, {}), std::exchange(batch_urgent_, false));
}

// --- what others may know

std::vector<CounterValue> Runner::Work::counters() const {
  const auto line = [](const char* name, const char* help, uint64_t value,
                       std::vector<std::pair<std::string, std::string>> labels = {}) {
    return CounterValue{name, help, CounterValue::Kind::counter, std::move(labels),
                        static_cast<double>(value)};
  };
  const ClientLatency::Counts& clients = client_latency_.counts();
  const char* measured = "popnet_probe_client_measurements_total";
  const char* measured_help = "Measured client networks, by what answered.";
  return {
      line("popnet_probe_attempts_total", "Attempts started.", attempts_.get()),
      line("popnet_probe_failures_total", "Attempts that failed.", failures_.get()),
      line("popnet_probe_verdict_changes_total", "Verdicts on health that changed, first ones included.",
           verdicts_changed_.get()),
      line("popnet_probe_samples_total", "Samples made.", samples_.get()),
      line(measured, measured_help, clients.by_icmp.get(), {{"answer", "icmp"}}),
      line(measured, measured_help, clients.by_tcp.get(), {{"answer", "tcp"}}),
      line(measured, measured_help, clients.silent.get(), {{"answer", "none"}}),
      line("popnet_probe_resolvers_dropped_total", "Resolvers not looked at because too many came at once.",
           resolvers_dropped_.load()),
  };
}

// --- the thread

Runner::Runner(Parts parts)
    : work_(std::make_unique<Work>(std::move(parts))), thread_([this] { work_->run(); }) {}

Runner::~Runner() {
  stop();
}

void Runner::stop() {
  if (!thread_.joinable()) return;
  work_->loop().stop();
  thread_.join();
}

void Runner::publish(std::shared_ptr<const model::Config> config) {
  work_->loop().post([work = work_.get(), config = std::move(config)] { work->adopt(*config); });
}

void Runner::measure(std::vector<IpAddress> resolvers) {
  work_->measure(std::move(resolvers));
}
std::vector<CounterValue> Runner::counters() const {
  return work_->counters();
}

}  // namespace popnet::probe
