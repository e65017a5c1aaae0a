#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>

#include "dns/zone/make_names.h"
#include "main/commands.h"
#include "node/config_source.h"
#include "tls/context.h"

namespace popnet::main {

namespace {

std::string count(size_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

/// What serve finds out when it starts, and what it finds missing when it has something to write.
void check_files(const model::DnsNode& dns, std::vector<std::string>& problems) {
  if (!dns.tls_certificate.empty() && !dns.tls_key.empty()) {
    bool key_is_wrong = false;
    if (const auto loaded = tls::ServerContext::load(dns.tls_certificate, dns.tls_key, "dot", &key_is_wrong);
        !loaded)
      problems.push_back(fmt::format("node.dns_server.{}: {}", key_is_wrong ? "tls_key" : "tls_certificate",
                                     loaded.error().message));
  }
  const auto folder = std::filesystem::path(dns.dnstap.socket).parent_path();
  std::error_code unreadable;
  if (!folder.empty() && !std::filesystem::is_directory(folder, unreadable))
    problems.push_back(
        fmt::format("node.dns_server.dnstap.socket: '{}' is no folder, where '{}' is to be; write the "
                    "path of the socket that the reader of dnstap listens at",
                    folder.string(), dns.dnstap.socket));
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
  (void)dns::make_names(*loaded.config, &problems);
  if (loaded.config->node.dns) check_files(loaded.config->node.dns_server, problems);
  if (!problems.empty()) {
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
