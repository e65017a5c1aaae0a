#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>

#include "dns/zone/make_names.h"
#include "main/commands.h"
#include "node/config_source.h"

namespace popnet::main {

namespace {

std::string count(size_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

int complain(const std::string& lines) {
  std::fputs(lines.c_str(), stderr);
  return exit_input;
}

}  // namespace

int check(const ConfigArguments& arguments) {
  const node::ConfigSource source{arguments.file, std::nullopt, arguments.sets};
  const auto loaded = source.load(std::nullopt, 1);
  if (!loaded.config) return complain(config::report(loaded.problems));
  std::fputs(config::report(loaded.problems).c_str(), stdout);
  // Zone files are input too: they are read as serve would read them.
  std::vector<std::string> problems;
  if (!dns::make_names(*loaded.config, &problems)) {
    for (std::string& line : problems)
      if (const auto problem = config::located(loaded, line)) line = config::to_string(*problem);
    return complain(fmt::format("{}\n", fmt::join(problems, "\n")));
  }
  std::printf(
      "%s: fine (%s, %s, %s)\n", arguments.file.c_str(), count(loaded.config->pops.size(), "POP").c_str(),
      count(loaded.config->sites.size(), "site").c_str(), count(loaded.config->zones.size(), "zone").c_str());
  return exit_ok;
}

}  // namespace popnet::main
