// What a connection has while a request of its client is in hand, from the head to the end of the answer: the request's
// steps, what is still to be read of its body, what is still to be sent of its answer. Most connections are idle most of
// the time and have none of it: that is what makes ten thousand of them cheap.
//
// The worker keeps those that are free (Worker::take_active), so that a hit allocates nothing.
#pragma once

#include <memory>
#include <optional>

#include "http/edge/request.h"
#include "http/edge/upload.h"
#include "http/store/object.h"
#include "http/wire/chunked.h"
#include "http/wire/head.h"

namespace popnet::http {

struct Active {
  explicit Active(Worker& worker) : request(worker) {}

  /// As if new, but for what the request keeps to be quicker the next time. REQUIRES: its request has ended
  void reset() {
    minor = 1;
    expect_continue = chunked = in_pieces = piece_over = false;
    body = {};
    chunks.reset();
    upload.reset();
    object.reset();
    cursor = {};
    body_from = body_left = piece_left = sent = 0;
  }

  Request request;
  uint8_t minor = 1;  // the client's version

  // Of the request's body.
  bool expect_continue = false;
  Framing body;  // still to be read
  std::optional<ChunkedReader> chunks;
  std::shared_ptr<Upload> upload;

  // Of the answer.
  bool chunked = false;
  ObjectRef object;  // its body follows; null = none
  Cursor cursor;
  uint64_t body_from = 0;   // where in the object the content begins
  uint64_t body_left = 0;   // at most so much of it is to go
  uint64_t piece_left = 0;  // of the present chunk
  bool in_pieces = false;   // the content goes on in another object when this one's body is over
  bool piece_over = false;  // it is
  uint64_t sent = 0;
};

}  // namespace popnet::http
