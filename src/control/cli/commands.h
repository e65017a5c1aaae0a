// The subcommands that ask a running node. Each gives what to print on success; errors are those of Client,
// so that main can turn them into exit codes (3 when no node is there, 1 when the node refuses the input).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/cli/client.h"

namespace popnet::control {

/// `popnet status`
Result<std::string> ask_status(Client& client);
/// `popnet explain NAME --client ADDRESS [--type A|AAAA]`: the address, or a network as in 198.51.100.0/24.
Result<std::string> ask_explanation(Client& client, const std::string& name,
                                    const std::string& client_network, const std::string& type = {});

struct PurgeRequest {
  std::string url;                // "http://host/path", or
  std::string prefix;             // all whose URL begins so, or
  std::string site;               // all of a site, or
  std::vector<std::string> tags;  // of that site all with one of these
  bool soft = false;
};
/// `popnet purge URL`, `--prefix URL`, `--site NAME` and `--site NAME --tag TAG…`, with --soft. ErrorCode::usage
/// unless exactly one of them is given.
Result<std::string> ask_purge(Client& client, const PurgeRequest& request);

/// `popnet config show`: the YAML text; where it has a revision, behind a comment line that tells it.
Result<std::string> ask_config(Client& client);

struct PushRequest {
  std::string text;
  /// Of the config that this one was made from. None: what a first comment line as of ask_config() says, else
  /// 0, that is none yet.
  std::optional<uint64_t> revision = {};
  bool force = false;  // whatever is there
};
/// `popnet config push FILE [--revision N | --force]`: says where it went, warnings first.
/// ErrorCode::conflict when somebody else has pushed since.
Result<std::string> push_config(Client& client, const PushRequest& request);
/// `popnet reload`
Result<std::string> ask_reload(Client& client);

}  // namespace popnet::control
