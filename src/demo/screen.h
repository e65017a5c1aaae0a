// How the demo's table and the things to try fit on a terminal: pure text, no escape sequences.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace popnet::demo {

/// Of a terminal, in characters and lines.
struct Screen {
  size_t columns = 80;
  size_t lines = 1000;  // what is not a terminal has no end
};

/// Something to try: a command to paste, and what it shows.
struct Advice {
  std::string command;
  std::string shows;
};

/// Side by side where the screen is wide, else one below the other, else only the commands.
std::string render(const std::vector<Advice>& advice, const Screen& room);

/// Cut so that no line wraps and nothing scrolls away.
std::string fit(const std::string& text, const Screen& screen);

}  // namespace popnet::demo
