#include "node/config_source.h"

#include "node/probe_kinds.h"

namespace popnet::node {

config::Loaded ConfigSource::load(const std::optional<NetworkDocument>& network, uint64_t generation) const {
  config::LoadInput input;
  input.file = file;
  if (text) {
    input.text = *text;
  } else {
    auto read = config::read_file(file);
    if (!read) {
      config::Problem problem;
      problem.place = {std::make_shared<const std::string>(file), 1, 1};
      problem.key = "config";
      problem.message = read.error().message;
      return {nullptr, {problem}};
    }
    input.text = std::move(*read);
  }
  if (network) {
    input.network_text = network->text;
    input.network_revision = network->revision;
  }
  input.sets = sets;
  input.kinds = probe_kind_tables();
  input.generation = generation;
  input.unreadable = config::why_unreadable;
  return config::load(input);
}

}  // namespace popnet::node
