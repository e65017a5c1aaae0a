#include "main/ask.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "config/load/load.h"
#include "control/cli/commands.h"
#include "main/commands.h"

namespace popnet::main {

namespace {

using Question = std::function<Result<std::string>(control::Client&)>;

int ask(const AskArguments& arguments, const Question& question) {
  control::Client client(arguments.node);
  const auto answer = question(client);
  if (!answer) return fail(answer.error());
  std::fputs(answer->c_str(), stdout);
  return exit_ok;
}

Result<std::string> push(control::Client& client, const AskArguments& arguments) {
  auto text = config::read_file(arguments.file);
  if (!text) return Error{text.error().code, arguments.file + ": " + text.error().message};
  control::PushRequest request{.text = std::move(*text), .force = arguments.force};
  if (arguments.revision > 0) request.revision = arguments.revision;
  return control::push_config(client, request);
}

}  // namespace

void add_ask_commands(CLI::App& app, AskArguments& arguments, std::function<int()>& chosen) {
  const auto add = [&](CLI::App& parent, const char* name, const char* help, Question question) {
    CLI::App* command = parent.add_subcommand(name, help);
    command->add_option("--node", arguments.node, "admin address of the node to ask")->capture_default_str();
    command->callback([&arguments, &chosen, question = std::move(question)] {
      chosen = [&arguments, question] { return ask(arguments, question); };
    });
    return command;
  };

  add(app, "status", "what a running node believes: POPs, web servers, loads, health",
      [](control::Client& client) { return control::ask_status(client); });

  CLI::App* explain =
      add(app, "explain", "why a client gets the target it gets", [&arguments](control::Client& client) {
        return control::ask_explanation(client, arguments.name, arguments.client_network, arguments.type);
      });
  explain->add_option("name", arguments.name, "hostname")->required();
  explain->add_option("--client", arguments.client_network, "address or network of the client")->required();
  explain->add_option("--type", arguments.type, "of the question: A or AAAA; without it, either");

  CLI::App* purge =
      add(app, "purge", "make stored objects unusable, on every node", [&arguments](control::Client& client) {
        return control::ask_purge(
            client, {arguments.url, arguments.prefix, arguments.site, arguments.tags, arguments.soft});
      });
  purge->add_option("url", arguments.url, "http://host/path?query");
  purge->add_option("--prefix", arguments.prefix, "everything whose URL begins so: http://host/folder/");
  purge->add_option("--site", arguments.site, "everything of this site");
  purge->add_option("--tag", arguments.tags,
                    "of that site only what has this tag (Surrogate-Key, Cache-Tag); repeatable");
  purge->add_flag("--soft", arguments.soft,
                  "make stale instead: asked for again, served while no web server answers");

  add(app, "reload", "read the config file again",
      [](control::Client& client) { return control::ask_reload(client); });

  CLI::App* config = app.add_subcommand("config", "the config of a running node");
  config->require_subcommand(1);
  add(*config, "show", "print the text in force",
      [](control::Client& client) { return control::ask_config(client); });
  CLI::App* push_command =
      add(*config, "push", "check a config and put it in force, over the bus on every node",
          [&arguments](control::Client& client) { return push(client, arguments); });
  push_command->add_option("file", arguments.file, "YAML")->required();
  CLI::Option* revision =
      push_command
          ->add_option(
              "--revision", arguments.revision,
              "that it was made from; refused when there is a newer one. Not needed with a file that begins "
              "with the line of `popnet config show`, nor for the first config of a network")
          ->check(CLI::PositiveNumber);
  push_command->add_flag("--force", arguments.force, "overwrite whatever is there")->excludes(revision);
}

}  // namespace popnet::main
