#include "config/load/load.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "common/file.h"
#include "common/text.h"
#include "config/load/draft.h"
#include "config/load/fill.h"
#include "config/load/override.h"
#include "config/load/yaml.h"
#include "config/schema/tables.h"
#include "geo/read.h"
#include "model/geo.h"

namespace popnet::config {

namespace {

/// The folder of a file, with a final '/'; empty for the working directory.
std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash + 1);
}

NodePtr read_tree(const LoadInput& input, Problems& problems,
                  std::shared_ptr<const std::string>& network_file) {
  NodePtr root = read_yaml(input.text, input.file, problems);
  if (input.network_text) {
    const NodePtr network = read_yaml(*input.network_text, input.network_file, problems);
    network_file = network->place.file;
    root = merge_documents(root, network);
  }
  return apply_sets(std::move(root), input.sets, problems);
}

/// "bus.url=…" with the password masked; empty if there is none.
std::string masked_url(const Node& root) {
  const Node* url = find_node(root, "bus.url");
  if (url == nullptr || url->scalar.find('@') == std::string::npos) return {};
  std::string masked;
  for (const std::string_view one : split(url->scalar, ',')) {
    const auto scheme = one.find("://");
    const auto host = one.rfind('@');
    const size_t user = scheme == one.npos ? 0 : scheme + 3;
    if (!masked.empty()) masked += ',';
    masked += host == one.npos ? std::string(one)
                               : std::string(one.substr(0, user)) + "***" + std::string(one.substr(host));
  }
  return "bus.url=" + masked;
}

/// The whole config as people may see it, without passwords and secrets.
std::string shown(const NodePtr& root) {
  std::vector<std::string> masks;
  if (auto url = masked_url(*root); !url.empty()) masks.push_back(std::move(url));
  const auto mask = [&](const std::string& path) {
    const Node* node = find_node(*root, path);
    if (node != nullptr && node->kind == Node::Kind::scalar) masks.push_back(path + "='***'");
    return node != nullptr;
  };
  mask("dns.cookie_secrets");
  for (size_t i = 0; mask(join("dns.cookie_secrets", i));) ++i;
  mask("dns.tsig_keys.secret");  // a list of one may be written without its dash
  for (size_t i = 0; find_node(*root, join("dns.tsig_keys", i)) != nullptr; ++i)
    mask(join(join("dns.tsig_keys", i), "secret"));
  if (masks.empty()) return write_yaml(*root);
  Problems none;
  return write_yaml(*apply_sets(root, masks, none));
}

void read_geo(const Draft& draft) {
  const std::string& file = draft.config.network.geo_file;
  if (file.empty() || draft.problems.touches("network.geo_file")) return;
  auto geo = geo::read(file);
  if (geo)
    draft.config.geo = std::move(*geo);
  else
    draft.error("network.geo_file", geo.error().message);
}

/// A kind must not use the name of an option that every probe has: nobody could tell which is meant.
void require_distinct_names(std::span<const KindTable> kinds) {
  for (const KindTable& kind : kinds)
    for (const Row& row : kind.table->rows())
      if (probe_table().find(row.name))
        throw std::logic_error(
            fmt::format("kind {} has an option '{}', which every probe has", kind.name, row.name));
}

}  // namespace

Loaded load(const LoadInput& input) {
  require_distinct_names(input.kinds);
  Problems problems;
  std::shared_ptr<const std::string> network_file;
  const NodePtr root = read_tree(input, problems, network_file);
  // Not taken for a config of nothing but defaults: on a reload it would drop all sites.
  if (!problems.has_errors() && root->kind == Node::Kind::map && root->entries.empty())
    problems.error(root->place, "config", "the file is empty, write options like sites: ...");
  if (problems.has_errors()) return {nullptr, std::move(problems).sorted()};

  auto config = std::make_shared<model::Config>();
  config->generation = input.generation;
  config->source = shown(root);
  config->revision = input.network_text ? input.network_revision : 0;
  const std::string folder = folder_of(input.file);
  Filler(input.kinds, problems, {folder, input.unreadable}).fill(config_table(), *root, config.get());
  Draft draft{*config, *root, input.kinds, problems, std::move(network_file)};
  if (input.unreadable) read_geo(draft);
  complete(draft, folder);
  check(draft);
  if (problems.has_errors()) return {nullptr, std::move(problems).sorted()};
  return {std::move(config), std::move(problems).sorted(), root};
}

std::optional<Problem> located(const Loaded& loaded, std::string_view text) {
  const auto key = text.substr(0, text.find(": "));
  const bool is_key = key.size() < text.size() &&
                      key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789.") == key.npos &&
                      config_table().find(key.substr(0, key.find('.'))) != nullptr;
  if (!is_key || loaded.root == nullptr) return std::nullopt;
  return Problem{locate(*loaded.root, key), std::string(key), std::string(text.substr(key.size() + 2))};
}

std::vector<std::string> waiting_for_restart(const model::Config& running, const model::Config& loaded) {
  std::vector<std::string> keys;
  const auto compare = [&](const TableBase& table, const void* a, const void* b) {
    for (const Row& row : table.rows())
      if (row.effect == Effect::restart && !row.same(a, b)) keys.push_back(join(table.name(), row.name));
  };
  compare(network_table(), &running.network, &loaded.network);
  compare(node_table(), &running.node, &loaded.node);
  compare(dns_table(), &running.dns, &loaded.dns);
  const auto compare_inner = [&](const char* outer, const TableBase& table, const void* a, const void* b) {
    const auto before = keys.size();
    compare(table, a, b);
    for (size_t i = before; i < keys.size(); ++i) keys[i] = join(outer, keys[i]);
  };
  const auto &was = running.node, &is = loaded.node;
  compare_inner("node", access_log_table(), &was.access_log, &is.access_log);
  compare_inner("node", http_node_table(), &was.http_server, &is.http_server);
  compare_inner("node", dns_node_table(), &was.dns_server, &is.dns_server);
  compare_inner("node.dns_server", dnstap_table(), &was.dns_server.dnstap, &is.dns_server.dnstap);
  compare_inner("node.dns_server", query_log_table(), &was.dns_server.query_log, &is.dns_server.query_log);
  compare(bus_table(), &running.bus, &loaded.bus);
  return keys;
}

std::string report(std::span<const Problem> problems) {
  std::string lines;
  for (const Problem& problem : problems) lines += to_string(problem) + "\n";
  return lines;
}

Result<std::string> read_file(const std::string& path) {
  const auto failed = [](const Error& error) {
    return Error{error.code, fmt::format("cannot be read: {}, write the path of a YAML file", error.message)};
  };
  const auto file = open_to_read(path);
  if (!file) return failed(file.error());
  std::string text;
  std::array<char, 65536> part;
  // More than read_yaml() takes is not read either.
  while (text.size() <= yaml_size_max) {
    const size_t got = std::fread(part.data(), 1, part.size(), file->get());
    if (got == 0) break;
    text.append(part.data(), got);
  }
  if (std::ferror(file->get()) != 0) return failed({ErrorCode::machine, std::strerror(errno)});
  return text;
}

std::string why_unreadable(const std::string& path) {
  const auto file = open_to_read(path);
  if (!file) return file.error().message;
  const int first = std::fgetc(file->get());
  return first == EOF && std::ferror(file->get()) != 0 ? std::strerror(errno) : std::string();
}

}  // namespace popnet::config
