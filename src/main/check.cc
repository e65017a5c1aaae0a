#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "dns/zone/make_names.h"
#include "main/commands.h"
#include "node/config_source.h"
#include "tls/context.h"

namespace popnet::main {

namespace {

bool may_write(const std::filesystem::path& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

std::string count(size_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

/// A file that is written behind its end, and made when it is not there.
void check_log(const std::string& key, const std::string& path, std::vector<std::string>& problems) {
  if (path.empty() || path == "-") return;
  const std::filesystem::path named(path);
  const auto folder = named.has_parent_path() ? named.parent_path() : std::filesystem::path(".");
  std::error_code unreadable;
  const auto complain = [&](const std::string& what) {
    problems.push_back(fmt::format("{}: {}; write the path of a file that may be written", key, what));
  };
  if (!std::filesystem::is_directory(folder, unreadable))
    complain(fmt::format("'{}' is no folder, where '{}' is to be", folder.string(), path));
  else if (std::filesystem::is_directory(named, unreadable))
    complain(fmt::format("'{}' is a folder", path));
  else if (std::filesystem::exists(named, unreadable)) {
    if (!may_write(named)) complain(fmt::format("'{}' cannot be written: {}", path, std::strerror(errno)));
  } else if (!may_write(folder))
    complain(fmt::format("no file can be made in '{}', where '{}' is to be: {}", folder.string(), path,
                         std::strerror(errno)));
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
  const model::Node& node = loaded.config->node;
  if (node.dns) {
    check_files(node.dns_server, problems);
    check_log("node.dns_server.query_log.file", node.dns_server.query_log.file, problems);
    check_log("node.dns_server.dnstap.file", node.dns_server.dnstap.file, problems);
  }
  if (node.edge) check_log("node.access_log.file", node.access_log.file, problems);
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
