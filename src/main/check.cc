#include <cstdio>

#include "dns/zone/make_names.h"
#include "main/commands.h"
#include "node/config_source.h"

namespace popnet::main {

int check(const ConfigArguments& arguments) {
  const node::ConfigSource source{arguments.file, std::nullopt, arguments.sets};
  const auto loaded = source.load(std::nullopt, 1);
  std::fputs(config::report(loaded.problems).c_str(), loaded.config ? stdout : stderr);
  if (!loaded.config) return exit_input;
  // Zone files are input too: they are read as serve would read them.
  std::vector<std::string> problems;
  if (!dns::make_names(*loaded.config, &problems)) {
    for (const std::string& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
    return exit_input;
  }
  std::printf("%s: fine (%zu POPs, %zu sites, %zu zones)\n", arguments.file.c_str(),
              loaded.config->pops.size(), loaded.config->sites.size(), loaded.config->zones.size());
  return exit_ok;
}

}  // namespace popnet::main
