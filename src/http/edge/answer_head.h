// The head of an Answer as HTTP/1.1 text.
#pragma once

#include <string_view>

#include "http/edge/answer.h"
#include "http/wire/writer.h"

namespace popnet::http {

struct ConnectionTerms {
  bool chunked = false;  // the body follows in chunks
  bool keep_alive = true;
  uint8_t minor = 1;  // the client's version
};

/// `date`: for answers of the edge's own; stored ones have theirs.
void write_answer_head(const Answer& answer, const ConnectionTerms& terms, std::string_view date,
                       HeadWriter& out);

}  // namespace popnet::http
