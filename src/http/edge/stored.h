// How the edge lays out an object in the store: what StoredMeta, variant and head of a stored response are.
//
//   meta      StoredMeta
//   variant   empty, or the field names of its Vary, NUL, the secondary key of the request it answered
//   head      "HTTP/1.1 200 OK" and the field lines that every answer made from it begins with, each with
//             CRLF, without the empty line. Not in it, but made for each answer: Content-Length, Content-Range, Age, our
//             Cache-Status, Connection
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/time.h"
#include "http/policy/freshness.h"
#include "http/policy/vary.h"
#include "http/store/object.h"
#include "http/wire/fields.h"
#include "http/wire/head.h"
#include "http/wire/range.h"

namespace popnet::http {

struct StoredMeta {
  StoredPolicy policy;
  uint16_t status = 0;
  uint16_t status_line = 0;                  // bytes of the head's first line, CRLF included
  bool head_only = false;                    // of a HEAD: answers nothing else
  bool aged = false;                         // the origin's answer had an Age: a cache before us made it
  bool yields = false;                       // only where nothing else that is stored fits (Fetch::rank())
  bool is_default = false;                   // and only for who has no wish that others vary by
  uint64_t content_length = unknown_length;  // as the origin announced it
  // Of which version the body is: made from the validators (version_of()); 0: cannot be told.
  uint64_t version = 0;
  // Of a part (206): what the body is of the whole object.
  uint64_t part_first = 0;
  uint64_t whole_size = unknown_length;  // unknown: not a part. It may be ContentRange::open
  // Of the head of an object in slices (slices.h), whose content_length is that of the whole.
  uint64_t slice = 0;  // bytes of each; 0: it is no such head
  uint64_t series = 0;

  static constexpr uint64_t unknown_length = UINT64_MAX;
  [[nodiscard]] bool is_part() const { return whole_size != unknown_length; }
  [[nodiscard]] ByteRange part() const { return {part_first, part_first + content_length - 1}; }
};

inline const StoredMeta& stored_meta(const Object& object) {
  return object.meta<StoredMeta>();
}
/// A soft purge is: a lifetime of zero. While no origin answers it serves as long as it would have done without.
inline StoredPolicy stored_policy(const Object& object) {
  StoredPolicy policy = stored_meta(object).policy;
  if (!object.expired_by_purge()) return policy;
  if (policy.stale_if_error > Duration::zero()) policy.stale_if_error += policy.lifetime;
  policy.lifetime = Duration::zero();
  return policy;
}
/// Bytes of the content. REQUIRES: the body is complete
inline uint64_t stored_size(const Object& object) {
  const StoredMeta& meta = stored_meta(object);
  return meta.slice > 0 ? meta.content_length : object.body().size();
}
/// The field lines behind the status line.
inline std::string_view stored_lines(const Object& object) {
  return object.head().substr(stored_meta(object).status_line);
}
/// A number for the ETag, else the Last-Modified; 0 where there is neither, or, `of_part`, no strong one.
uint64_t version_of(const Fields& fields, WallTime now, bool of_part);
/// As far as its length goes.
bool is_part_of(const StoredMeta& part, uint64_t size);
/// Draft::may_stay: parts of one version stay beside each other, unless the newer one has all that the older has; and the
/// whole, be it in slices or still on its way, beside a part of it; and whatever there is beside the answer to a HEAD.
bool stays_beside(const Object& newer, const Object& older);

/// The stored lines parsed again, for what is not done on every hit. Views into the object.
void read_stored_fields(const Object& object, Fields& fields);

/// Compares the variants under one key with one request; the nominated fields are usually the same for all,
/// so the last secondary key is kept. Made for one request and one loop turn.
class VariantMatcher {
 public:
  explicit VariantMatcher(const Fields& request) : request_(request) {}
  bool matches(const Object& object);
  /// Does the request have one of the fields that this object's Vary names?
  [[nodiscard]] bool has_wish(const Object& object) const;
  /// What the request has in the fields that this object's Vary names; empty where it names none. Valid until the next
  /// call of either, and as long as the object.
  [[nodiscard]] std::string_view selected(const Object& object);
  /// The objects that it was asked about need not live any longer.
  void forget() { names_ = {}; }

 private:
  void select(std::string_view names);

  static constexpr size_t room_bytes = 4096;
  const Fields& request_;
  std::string_view names_;  // of the last object; its bytes are the object's
  SecondaryKey key_;
  char room_[room_bytes];
};

/// The variant text of a response to that request. False when it does not fit: not to be stored.
bool make_variant(const Vary& vary, const Fields& request, std::string& out);

}  // namespace popnet::http
