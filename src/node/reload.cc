// How a node's config changes: on its config thread, one at a time, since reading millions of names may take seconds.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "node/node.h"
#include "node/run_on.h"

namespace popnet::node {

namespace {

config::Problem problem_of(const std::string& key, const std::string& text,
                           config::Problem::Severity severity = config::Problem::Severity::error) {
  config::Problem problem;
  problem.key = key;
  problem.message = text;
  problem.severity = severity;
  return problem;
}

}  // namespace

bool Node::has_errors(const std::vector<config::Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const auto& p) { return p.severity == config::Problem::Severity::error; });
}

void Node::on_network_config(uint64_t revision, const std::string& text) {
  // The bus puts them in order. Revisions of a store that was made anew begin again: nothing to go by here.
  if (network_ && network_->revision == revision && network_->text == text) return refused_.reset();
  const uint64_t present = network_ ? network_->revision : 0;
  const auto problems = apply(NetworkDocument{revision, text});
  for (const auto& problem : problems) log::warning("{}", config::to_string(problem));
  if (has_errors(problems)) {
    refused_ = NetworkDocument{revision, text};
    log::error(
        "network config revision {} from the bus has errors: keeping revision {}; a reload tries it again",
        revision, present);
    return;
  }
  refused_.reset();
  keep_config();
}

// What was wrong with the document that was refused may have been a file of this node; nobody sends it again.
std::vector<config::Problem> Node::read_again() {
  auto problems = apply(refused_ ? refused_ : network_);
  if (!refused_ || !has_errors(problems)) {
    if (std::exchange(refused_, std::nullopt)) keep_config();
    return problems;
  }
  auto all = apply(network_);
  for (config::Problem& problem : problems)
    if (problem.severity == config::Problem::Severity::error)
      all.push_back(problem_of(problem.key,
                               fmt::format("revision {} of the network config is refused still: {}",
                                           refused_->revision, config::to_string(problem)),
                               config::Problem::Severity::warning));
  return all;
}

Node::Candidate Node::read_config(const std::optional<NetworkDocument>& network, uint64_t generation,
                                  const MakeNames& make_names) const {
  Candidate read{options_.source.load(network, generation), std::nullopt};
  if (!read.loaded.config) return read;
  const model::Config& candidate = *read.loaded.config;
  auto& problems = read.loaded.problems;
  if (candidate.node.pop != id_.pop) {
    problems.push_back(
        problem_of("node.pop", fmt::format("this node runs as POP '{}' and cannot become '{}', keep its "
                                           "name or restart the node",
                                           id_.pop, candidate.node.pop)));
    return read;
  }
  std::vector<std::string> zone_problems;
  auto made = make_names(read.loaded.config, &zone_problems);
  const auto add = [&](const std::string& text, config::Problem::Severity severity) {
    problems.push_back(config::located(read.loaded, text).value_or(problem_of("zones", text)));
    problems.back().severity = severity;
  };
  for (const auto& text : zone_problems) add(text, config::Problem::Severity::error);
  if (made)
    for (const auto& text : made->why_left_out)
      add(text + "; this zone is still answered with SERVFAIL", config::Problem::Severity::warning);
  for (const auto& key : config::waiting_for_restart(*started_with_, candidate))
    problems.push_back(problem_of(key, "has changed, which counts from the next start of the node",
                                  config::Problem::Severity::warning));
  if (made) read.made = std::move(*made);
  return read;
}

std::vector<config::Problem> Node::apply(std::optional<NetworkDocument> network) {
  Candidate read = read_config(network, config_generation_ + 1, [this](const auto& config, auto* problems) {
    return zones_->make(config, problems);
  });
  if (!read.made) return read.loaded.problems;
  const auto& config = read.loaded.config;
  ++config_generation_;
  network_ = std::move(network);
  if (run_on(control_loop_, [&] { adopt(config, read.made->names); })) {
    zones_->in_force(config, std::move(*read.made));
    log::info("config {} is in force (POPs: {}, sites: {}, zones: {})", config_generation_,
              config->pops.size(), config->sites.size(), config->zones.size());
  }
  return read.loaded.problems;
}

void Node::keep_config() {
  if (state_ && network_ && !replaced_) state_->save_config({network_->revision, network_->text});
}

// ---- any thread

std::vector<config::Problem> Node::reload() {
  std::vector<config::Problem> problems;
  if (!run_on(config_loop_, [&] { problems = read_again(); }))
    problems.push_back(problem_of("node", "is stopping"));
  return problems;
}

}  // namespace popnet::node
