// The head of a request to an origin: written anew from what the client asked, and from what the fetch wants.
#pragma once

#include <optional>
#include <string>

#include "http/edge/saved_request.h"
#include "http/edge/upload.h"
#include "http/store/object.h"
#include "http/wire/range.h"

namespace popnet::http {

struct Scratch;

/// What is wanted of the origin.
enum class Want : uint8_t {
  answer,  ///< its answer to this very request, for the asker
  whole,   ///< the whole object, to be stored
  part,    ///< the range that the request names, to be stored
  rest,    ///< what stored parts lack, to be stored with them as the whole
  slice,   ///< one slice, to be stored as such; of a small object the whole
};

struct OriginRequest {
  Want want = Want::answer;
  bool may_store = false;               // the answer may become others' too
  const Object* validate = nullptr;     // the stored object to be confirmed; null = none
  std::optional<ByteRange> range = {};  // to be asked for
  const Object* same_as = nullptr;      // the range should be of this version; null = of any
  const Upload* upload = nullptr;  // the body; null = none. Of a tunnel: what the client sends, without end
};

/// False when it does not fit. `head` is the request, restored; uses the scratch's fields and head.
bool write_origin_request(Scratch& scratch, const SavedRequest& request, const RequestHead& head,
                          const OriginRequest& what, WallTime now, std::string& out);

/// As whom the origin must show itself over TLS, unless the config names another: the host in that request,
/// without port.
std::string origin_name(const model::Site& site, const RequestHead& head, bool may_store);

}  // namespace popnet::http
