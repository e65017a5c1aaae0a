#include "probe/kinds/ftp/talk.h"

#include <algorithm>
#include <array>
#include <utility>

#include "probe/kinds/api/words.h"

namespace popnet::probe {

namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}

/// The reply code at the head of a line, or 0.
int code_of(std::string_view line) {
  if (line.size() < 3 || !digit(line[0]) || !digit(line[1]) || !digit(line[2])) return 0;
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

}  // namespace

bool FtpTalk::hear(std::string_view line) {
  const int code = code_of(line);
  const bool more_lines = line.size() > 3 && line[3] == '-';
  if (open_code_ != 0) {
    if (code != open_code_ || more_lines) return false;  // still inside, where any text may stand
    open_code_ = 0;
  } else if (code < 100) {
    return fail("the answer is not FTP: '" + printable(line) + "'");
  } else if (more_lines) {
    open_code_ = code;
    return false;
  }
  return hear_reply(code, line);
}

bool FtpTalk::hear_reply(int code, std::string_view line) {
  if (code >= 400) return fail("FTP " + printable(line));
  if (!logged_in_) {
    logged_in_ = code == 230;
    reached_ = logged_in_ && goal_ == Goal::login;
    return reached_;
  }
  static constexpr std::array expected{200, 213, 215, 250, 257};
  if (std::find(expected.begin(), expected.end(), code) == expected.end())
    return fail("unexpected FTP " + printable(line));
  reached_ = code == (goal_ == Goal::file ? 213 : 250);
  return reached_;
}

bool FtpTalk::fail(std::string error) {
  error_ = std::move(error);
  return true;
}

}  // namespace popnet::probe
