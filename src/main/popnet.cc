// popnet: one program, subcommands. What each does stands in its own file; here is only the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
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

/// CLI11's own check of a positive number names a bound of three hundred digits.
const CLI::Validator is_seconds(
    [](const std::string& text) {
      double seconds = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
      const bool fine =
          error == std::errc() && end == text.data() + text.size() && seconds > 0 && seconds < 1e9;
      return fine ? std::string() : fmt::format("'{}' is not a length of time, write seconds like 60", text);
    },
    "SECONDS");

/// One line: what is wrong with the command line, and where the right one is described.
std::string usage_problem(const CLI::App* app, const CLI::Error& error) {
  std::string command = "popnet";
  for (const CLI::App* chosen : app->get_subcommands()) command += " " + chosen->get_name();
  return fmt::format("popnet: {}; see {} --help\n", error.what(), command);
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

void add_keys(CLI::App& command, main::KeysArguments& arguments, std::function<int()>& chosen) {
  using What = main::KeysArguments::What;
  command.require_subcommand(1);
  const auto add = [&](const char* name, const char* help, What what) {
    CLI::App* sub = command.add_subcommand(name, help);
    add_config(*sub, arguments.config);
    sub->add_option("zone", arguments.zone, "the zone's name")->required();
    if (what == What::ds_seen || what == What::roll)
      sub->add_option("--tag", arguments.tag, "of one key; all that sign otherwise");
    sub->callback([&arguments, &chosen, what] {
      arguments.what = what;
      chosen = [&arguments] { return main::keys(arguments); };
    });
  };
  add("list", "show the keys and their DS records", What::list);
  add("ds-seen", "the parent zone has the DS: a roll may go on", What::ds_seen);
  add("ds-remove", "ask the parent by CDS and CDNSKEY to remove the DS, before signing ends",
      What::ds_remove);
  add("ds-keep", "take ds-remove back", What::ds_keep);
  add("roll", "make a successor", What::roll);
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
  main::ServeArguments serve_arguments;
  CLI::App* serve = command("serve", "run a node");
  add_config(*serve, serve_arguments.config);
  serve->add_flag("--replace", serve_arguments.replace,
                  "take over from the node that runs with the same node.state_dir, without losing a query");
  serve->callback([&] { chosen = [&] { return main::serve(serve_arguments); }; });

  CLI::App* check = command("check", "say what is wrong with a config file");
  add_config(*check, config);
  check->callback([&] { chosen = [&] { return main::check(config); }; });

  main::KeysArguments keys_arguments;
  add_keys(*command("keys", "DNSSEC keys: show them, tell of a DS in the parent zone, ask for a roll"),
           keys_arguments, chosen);

  command("manual", "print the reference of all config options (Markdown)")->callback([&] {
    chosen = [] { return main::manual(); };
  });

  main::DemoArguments demo_arguments;
  demo_arguments.program = argv[0];
  CLI::App* demo = command("demo", "run a whole network on this machine, with traffic");
  demo->add_option("--seconds", demo_arguments.seconds, "end by itself after so long")->check(is_seconds);
  demo->callback([&] { chosen = [&] { return main::demo(demo_arguments); }; });

  main::AskArguments ask;
  main::add_ask_commands(app, ask, chosen);

  app.failure_message(usage_problem);
  // CLI11 would say of a command that it does not know that one is missing.
  const auto commands = names_of_commands(app);
  if (argc > 1 && argv[1][0] != '-' && std::ranges::find(commands, argv[1]) == commands.end())
    return main::fail({ErrorCode::usage, fmt::format("there is no command '{}', write one of {}", argv[1],
                                                     fmt::join(commands, ", "))});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? main::exit_ok : main::exit_usage;
  }
  return chosen();
}
