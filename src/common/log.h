// The log: one line an event to stderr, through spdlog. Any thread may log. Never on a hot path, never from a
// pure folder. A message says what happened, to whom, and what follows from it.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace popnet::log {

enum class Level { debug, info, warning, error };

/// Lines below this level are dropped. Default: info.
void set_level(Level level);
/// "debug", "info", "warning", "error"; false for anything else.
bool set_level(std::string_view name);
void write(Level level, std::string_view line);
bool enabled(Level level);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace popnet::log
