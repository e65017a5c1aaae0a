// What an FTP server says on its control connection (RFC 959 section 4.2), followed line by line until the
// probe knows enough: logged in, or the file or directory of the probe's path seen. Pure.
//
// libcurl speaks the client's part: USER, PASS, [PBSZ, PROT], PWD, [CWD directory], [TYPE, SIZE file].
// Expected after a login are therefore 200, 215, 250, 257 and 213. Whatever else comes ends the talk here and
// now, because libcurl would go on to QUIT and wait (see probe/kinds/curl/transfer.h).
#pragma once

#include <string>
#include <string_view>

namespace popnet::probe {

class FtpTalk {
 public:
  enum class Goal { login, directory, file };
  explicit FtpTalk(Goal goal) : goal_(goal) {}

  /// One more line of the server, without its end. True when the talk is over, well or badly.
  bool hear(std::string_view line);
  [[nodiscard]] bool reached() const { return reached_; }
  /// Why it went badly, in words; empty as long as it does not.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool hear_reply(int code, std::string_view line);
  bool fail(std::string error);

  Goal goal_;
  bool logged_in_ = false;
  bool reached_ = false;
  int open_code_ = 0;  // of a reply of several lines that is not complete yet
  std::string error_;
};

}  // namespace popnet::probe
