#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "common/log.h"
#include "main/commands.h"
#include "main/signals.h"
#include "main/successor.h"
#include "node/node.h"
#include "rt/descriptors.h"
#include "rt/shards.h"
#include "tls/relay/relays.h"

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

void start_successor(const Successor& successor) {
  const auto pid = successor.start();
  if (pid)
    log::info("SIGUSR2 received: process {} is to take over", *pid);
  else
    log::error("SIGUSR2 received: {}", pid.error().message);
}

/// A successor that has ended while this process is still here has failed.
void collect_children() {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    log::error("process {}, which was to take over, has ended with exit code {}: this one goes on", pid,
               WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/// What is left of a process that was replaced: TLS connections whose keys it has. Until the last of them has
/// ended, or a signal has ended them; a second one does not wait.
void relay(tls::Relays& relays, Signals& signals) {
  const size_t count = relays.count();
  if (count == 0) return;
  log::info(
      "{} of the successor's TLS connections go on through this process, which has their keys: it ends with "
      "the last",
      count);
  rt::name_thread("popnet-relay");  // in ps and top
  ::malloc_trim(0);
  relays.when_empty([] { ::kill(::getpid(), SIGTERM); });
  for (bool finishes = false;;) {
    const auto signal = signals.next();
    if (signal != SIGTERM && signal != SIGINT) continue;
    if (finishes || relays.count() == 0) return;
    log::info("{} received: these connections end", signal == SIGINT ? "SIGINT" : "SIGTERM");
    finishes = true;
    relays.finish();
  }
}

}  // namespace

int serve(const ServeArguments& arguments) {
  Signals signals{SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
  const Successor successor;
  rt::raise_descriptor_limit();
  std::atomic<bool> replaced{false};
  tls::Relays relays;
  node::Node::Options options;
  options.source = {arguments.config.file, std::nullopt, arguments.config.sets};
  options.seed = fresh_seed();
  options.process = static_cast<uint32_t>(fresh_seed());
  options.replace = arguments.replace;
  options.relays = &relays;
  options.on_replaced = [&](pid_t pid) {
    notify_supervisor(
        fmt::format("MAINPID={}", pid));  // only now, and from who is the main process until now
    replaced = true;
    ::kill(::getpid(), SIGTERM);
  };
  auto node = node::Node::start(std::move(options));
  if (!node) return fail(node.error());
  log::info("popnet {} serves: {}", POPNET_VERSION, (*node)->listens());
  notify_supervisor(fmt::format("READY=1\nMAINPID={}", ::getpid()));
  for (;;) {
    const auto signal = signals.next();
    if (signal == SIGHUP) {
      reload(**node);
    } else if (signal == SIGUSR2) {
      start_successor(successor);
    } else if (signal == SIGCHLD) {
      collect_children();
    } else {
      if (!replaced) {
        log::info("{} received: draining", signal == SIGINT ? "SIGINT" : "SIGTERM");
        notify_supervisor("STOPPING=1");
      }
      break;
    }
  }
  (*node)->drain();
  node->reset();
  relay(relays, signals);
  log::info("stopped");
  return exit_ok;
}

}  // namespace popnet::main
