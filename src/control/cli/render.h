// The admin API's answers as text for a terminal: at most 100 columns where names and addresses allow it.
// Pure; missing fields show as dashes.
#pragma once

#include <string>
#include <string_view>

namespace popnet::control {

/// GET /v1/status.
std::string render_status(std::string_view json);
/// GET /v1/explain: the decision in one sentence, then every candidate and why, then what was measured of
/// each.
std::string render_explanation(std::string_view json);

}  // namespace popnet::control
