// Any bytes through the response parser, in any splits: the outcome depends on the bytes alone, and what was
// read is written and read again as the same message. The first byte of the input says how to split, and the
// method asked with.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "common/random.h"
#include "http/wire/writer.h"

using namespace popnet::http;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// Exactly as long as it says, so that a read behind the end is seen.
using Bytes = std::vector<char>;
Bytes copy(std::string_view text) {
  return {text.begin(), text.end()};
}
std::string_view view(const Bytes& bytes) {
  return {bytes.data(), bytes.size()};
}

void require_same_in_splits(std::string_view message, const Parsed& whole, uint64_t seed) {
  popnet::Random random(seed);
  ResponseHead head;
  Parsed parsed;
  size_t have = 0, judged = 0;
  while (have < message.size() && parsed.state == Parsed::State::need_more) {
    judged = have;
    have = std::min(message.size(), have + 1 + random.below(40));
    const Bytes part = copy(message.substr(0, have));
    parsed = parse_response(view(part), Limits{}, head, judged);
  }
  require(parsed == whole);
}

Bytes rewritten(const ResponseHead& head) {
  Bytes room(Limits{}.head_max * 2);
  HeadWriter out(room);
  out.status_line(head.status);
  for (const Field& field : head.fields) out.field(field.name, field.value);
  out.end();
  require(out.ok());
  return copy(out.written());
}

void require_same_message(const ResponseHead& a, const ResponseHead& b, Method method) {
  require(a.status == b.status && a.fields.size() == b.fields.size());
  for (size_t i = 0; i < a.fields.size(); ++i) {
    const Field &ours = a.fields.begin()[i], &theirs = b.fields.begin()[i];
    require(ours.id == theirs.id && ours.name == theirs.name && ours.value == theirs.value);
  }
  if (a.minor == 0) return;  // written as 1.1, where the same fields may mean another framing
  const ResponseFraming ours = response_framing(a, method), theirs = response_framing(b, method);
  require(ours.fault == theirs.fault && ours.body == theirs.body && a.keep_alive == b.keep_alive);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Bytes bytes(data + 1, data + size);
  const std::string_view message = view(bytes);
  ResponseHead head;
  const Parsed whole = parse_response(message, Limits{}, head);
  require_same_in_splits(message, whole, data[0]);
  if (!whole.complete()) return 0;

  const Bytes again = rewritten(head);
  ResponseHead second;
  const Parsed parsed = parse_response(view(again), Limits{}, second);
  if (parsed.fault == Fault::head_too_long)
    return 0;  // the standard reason phrase may be longer than the one sent
  require(parsed.complete() && parsed.length == again.size());
  require_same_message(head, second, data[0] % 2 ? Method::head : Method::get);
  return 0;
}
