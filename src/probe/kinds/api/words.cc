#include "probe/kinds/api/words.h"

#include <cerrno>
#include <system_error>

#include "common/text.h"
#include "common/units.h"

namespace popnet::probe {

std::string no_answer_within(Duration timeout) {
  return "no answer within " + format_duration(timeout);
}

std::string socket_words(int error) {
  std::string words = std::generic_category().message(error);
  words[0] = to_lower(words[0]);
  return words;
}

bool our_fault(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return true;
    default:
      return false;
  }
}

std::string printable(std::string_view text, size_t length_max) {
  text = trim(text);
  const bool cut = text.size() > length_max;
  std::string out(text.substr(0, length_max));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return cut ? out + "..." : out;
}

}  // namespace popnet::probe
