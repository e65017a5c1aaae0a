// popnet: one program, subcommands. What each does stands in its own file; here is only the command line.
#include <CLI/CLI.hpp>
#include <functional>

#include "main/ask.h"
#include "main/commands.h"

namespace {

using namespace popnet;

void add_config(CLI::App& command, main::ConfigArguments& arguments) {
  command.add_option("--config,-c", arguments.file, "the config file (YAML)")->required();
  command.add_option("--set", arguments.sets, "override a value: path=value, for example node.pop=ams")
      ->type_name("PATH=VALUE")
      ->take_all();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("popnet " POPNET_VERSION
               ": a content delivery and traffic management network that you run yourself");
  app.require_subcommand(1);
  app.set_version_flag("--version", "popnet " POPNET_VERSION);
  std::function<int()> chosen;
  const auto command = [&](const char* name, const char* help) { return app.add_subcommand(name, help); };

  main::ConfigArguments config;
  CLI::App* serve = command("serve", "run a node");
  add_config(*serve, config);
  serve->callback([&] { chosen = [&] { return main::serve(config); }; });

  CLI::App* check = command("check", "say what is wrong with a config file");
  add_config(*check, config);
  check->callback([&] { chosen = [&] { return main::check(config); }; });

  command("manual", "print the reference of all config options (Markdown)")->callback([&] {
    chosen = [] { return main::manual(); };
  });

  main::DemoArguments demo_arguments;
  demo_arguments.program = argv[0];
  CLI::App* demo = command("demo", "run a whole network on this machine, with traffic");
  demo->add_option("--seconds", demo_arguments.seconds, "end by itself after so long")
      ->check(CLI::PositiveNumber);
  demo->callback([&] { chosen = [&] { return main::demo(demo_arguments); }; });

  main::AskArguments ask;
  main::add_ask_commands(app, ask, chosen);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? main::exit_ok : main::exit_usage;
  }
  return chosen();
}
