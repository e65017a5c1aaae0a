#include "common/log.h"
#include "main/commands.h"
#include "main/signals.h"
#include "node/node.h"
#include "rt/descriptors.h"

namespace popnet::main {

namespace {

void reload(node::Node& node) {
  log::info("reload asked for by SIGHUP");
  const auto problems = node.reload();
  bool refused = false;
  for (const auto& problem : problems) {
    const bool error = problem.severity == config::Problem::Severity::error;
    refused |= error;
    error ? log::error("{}", config::to_string(problem)) : log::warning("{}", config::to_string(problem));
  }
  if (refused) log::error("the reload was refused: the config that was in force before stays");
}

}  // namespace

int serve(const ConfigArguments& arguments) {
  Signals signals{SIGTERM, SIGINT, SIGHUP};
  rt::raise_descriptor_limit();
  node::Node::Options options;
  options.source = {arguments.file, std::nullopt, arguments.sets};
  options.seed = fresh_seed();
  auto node = node::Node::start(std::move(options));
  if (!node) return fail(node.error());
  log::info("popnet {} serves: {}", POPNET_VERSION, (*node)->listens());
  while (auto signal = signals.next()) {
    if (*signal == SIGHUP) {
      reload(**node);
      continue;
    }
    log::info("{} received: draining", *signal == SIGTERM ? "SIGTERM" : "SIGINT");
    break;
  }
  (*node)->drain();
  log::info("stopped");
  return exit_ok;
}

}  // namespace popnet::main
