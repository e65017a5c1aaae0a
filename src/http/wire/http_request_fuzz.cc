// Any bytes through the request parser, in any splits: the outcome depends on the bytes alone, and what was
// read is written and read again as the same message. A chunked body behind the head is decoded alike in any
// splits. The first byte of the input says how to split.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/random.h"
#include "http/wire/chunked.h"
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
  RequestHead head;
  Parsed parsed;
  size_t have = 0, judged = 0;
  while (have < message.size() && parsed.state == Parsed::State::need_more) {
    judged = have;
    have = std::min(message.size(), have + 1 + random.below(40));
    const Bytes part = copy(message.substr(0, have));
    parsed = parse_request(view(part), Limits{}, head, judged);
  }
  require(parsed == whole);
}

/// A gateway writes these two itself.
bool is_forwarded(const Field& field) {
  return field.id != FieldName::host && field.id != FieldName::expect;
}

/// As a gateway forwards it: origin form, with the Host that was understood.
Bytes rewritten(const RequestHead& head) {
  Bytes room(Limits{}.head_max * 2);
  HeadWriter out(room);
  const std::string host = std::string(head.host) + (head.port.empty() ? "" : ":") + std::string(head.port);
  out.request_line(head.method_text, head.target);
  if (!host.empty()) out.field(FieldName::host, host);
  for (const Field& field : head.fields)
    if (is_forwarded(field)) out.field(field.name, field.value);
  out.end();
  require(out.ok());
  return copy(out.written());
}

void require_same_message(const RequestHead& a, const RequestHead& b) {
  require(a.method == b.method && a.method_text == b.method_text);
  require(a.target.path == b.target.path && a.target.query == b.target.query);
  require(a.target.has_query == b.target.has_query);
  require(a.host == b.host && a.port == b.port && a.body == b.body);
  std::vector<std::pair<std::string_view, std::string_view>> ours, theirs;
  for (const Field& field : a.fields)
    if (is_forwarded(field)) ours.emplace_back(field.name, field.value);
  for (const Field& field : b.fields)
    if (is_forwarded(field)) theirs.emplace_back(field.name, field.value);
  require(ours == theirs);
}

struct Decoded {
  std::string body;
  size_t consumed = 0;
  ChunkedReader::State end = ChunkedReader::State::need_more;
};

/// A piece of 0 means: all at once.
Decoded decode(std::string_view bytes, size_t piece) {
  ChunkedReader reader(ChunkExtensions::ignore);
  Decoded out;
  size_t have = piece == 0 ? bytes.size() : 0;
  for (;;) {
    const Bytes part = copy(bytes.substr(out.consumed, have - out.consumed));
    const auto step = reader.next(view(part));
    require(step.consumed <= part.size());
    out.body += step.data;
    out.consumed += step.consumed;
    if (step.state == ChunkedReader::State::data) continue;
    out.end = step.state;
    if (step.state != ChunkedReader::State::need_more || have == bytes.size()) return out;
    have = std::min(bytes.size(), have + piece);
  }
}

void check_chunks(std::string_view bytes, size_t piece) {
  const Decoded whole = decode(bytes, 0), split = decode(bytes, piece);
  require(whole.end == split.end && whole.body == split.body);
  require(whole.end != ChunkedReader::State::done || whole.consumed == split.consumed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Bytes bytes(data + 1, data + size);
  const std::string_view message = view(bytes);
  RequestHead head;
  const Parsed whole = parse_request(message, Limits{}, head);
  require_same_in_splits(message, whole, data[0]);
  if (!whole.complete() || head.host.empty()) return 0;  // without a host it can be nobody's request

  const Bytes again = rewritten(head);
  RequestHead second;
  const Parsed parsed = parse_request(view(again), Limits{}, second);
  // Host moves to the front, and an absolute target gives it another length: near a limit that can be one
  // byte too many.
  if (parsed.fault == Fault::too_many_fields || parsed.fault == Fault::head_too_long) return 0;
  require(parsed.complete() && parsed.length == again.size());
  require_same_message(head, second);
  if (head.body.kind == Framing::Kind::chunked)
    check_chunks(message.substr(whole.length), size_t{1} + data[0] % 16);
  return 0;
}
