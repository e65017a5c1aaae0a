// Does the type of an answer fit the ending of the path that it answers? Against web cache deception (Gil, 2017;
// Mirheidari et al., "Cached and Confused", USENIX Security 2020): an application takes "/account/x.css" for
// "/account" and answers with the user's page, a cache takes it for a style sheet and gives it to everybody.
#pragma once

#include <string_view>

namespace popnet::http {

/// False when the path ends like a file of a well-known kind and `content_type` is none of that kind. Endings that
/// are not known fit everything, and so does application/octet-stream, which no page is sent as. The path counts
/// as a server may read it: escapes decoded, parameters of segments (";x.css") both kept and cut off.
bool type_fits_path(std::string_view path, std::string_view content_type);

}  // namespace popnet::http
