// The rules of a hostname's chain, in words: which one decided, and why the others did not. Not for hot paths.
#pragma once

#include <string>
#include <vector>

#include "routing/explain.h"
#include "routing/snapshot.h"

namespace popnet::routing {

/// For `result.host`, `result.client` and `result.decision`; empty without a chain.
std::vector<ExplainedRule> explain_rules(const Snapshot& snapshot, const Explanation& result);

/// Where the client is: "EU, NL, NL-NH"; empty when that is not known.
std::string place_in_words(const Snapshot& snapshot, const Client& client);

}  // namespace popnet::routing
