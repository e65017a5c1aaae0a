#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "config/load/tree.h"
#include "config/load/yaml.h"
#include "dns/zone/make_names.h"
#include "main/commands.h"
#include "node/config_source.h"
#include "rt/fd.h"

namespace popnet::main {

namespace {

/// Why a file cannot be read; null when it can. Does not wait for the writer of a pipe.
const char* unreadable(const std::string& path) {
  const rt::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char first;
  if (fd.get() >= 0 && ::read(fd.get(), &first, 1) >= 0) return nullptr;
  return errno == EAGAIN ? nullptr : std::strerror(errno);
}

/// A zone file that cannot be read is a problem of the line that names it.
std::vector<config::Problem> missing_zone_files(const std::string& file, const model::Config& config) {
  std::vector<config::Problem> missing;
  config::Problems of_yaml;
  const auto text = config::read_file(file);
  const auto root = config::read_yaml(text ? *text : std::string(), file, of_yaml);
  for (size_t i = 0; i < config.zones.size(); ++i) {
    const std::string& path = config.zones[i].file;
    const char* why = path.empty() ? nullptr : unreadable(path);
    if (why == nullptr) continue;
    const std::string key = fmt::format("zones.{}.file", i);
    missing.push_back({config::locate(*root, key), key,
                       fmt::format("'{}' cannot be read: {}, write the path of a master file", path, why),
                       config::Problem::Severity::error});
  }
  return missing;
}

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
  const auto missing = missing_zone_files(arguments.file, *loaded.config);
  if (!missing.empty()) return complain(config::report(missing));
  std::vector<std::string> problems;
  if (!dns::make_names(*loaded.config, &problems))
    return complain(fmt::format("{}\n", fmt::join(problems, "\n")));
  std::printf(
      "%s: fine (%s, %s, %s)\n", arguments.file.c_str(), count(loaded.config->pops.size(), "POP").c_str(),
      count(loaded.config->sites.size(), "site").c_str(), count(loaded.config->zones.size(), "zone").c_str());
  return exit_ok;
}

}  // namespace popnet::main
