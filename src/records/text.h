// What lines of logs are made of.
#pragma once

#include <string>
#include <string_view>

#include "common/time.h"

namespace popnet::records {

/// A JSON string. What users send is anything: neither quotes nor control characters, nor bytes that are no text,
/// get out.
void put_json(std::string_view text, std::string& out);
/// "2023-11-14T22:13:20.045Z", with quotes.
void put_json_time(WallTime time, std::string& out);

}  // namespace popnet::records
