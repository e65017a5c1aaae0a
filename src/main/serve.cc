#include "common/log.h"
#include "main/commands.h"
#include "main/signals.h"
#include "node/node.h"

namespace popnet::main {

namespace {

void reload(node::Node& node) {
  log::info("reload asked for by SIGHUP");
  const auto problems = node.reload();
  for (const auto& problem : problems) log::warning("{}", config::to_string(problem));
}

}  // namespace

int serve(const ConfigArguments& arguments) {
  Signals signals{SIGTERM, SIGINT, SIGHUP};
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
