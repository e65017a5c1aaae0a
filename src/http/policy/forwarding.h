// Which fields pass through a gateway, and what it adds (RFC 9110 sections 7.6.1 to 7.6.3 and 10.1.4).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/wire/fields.h"

namespace popnet::http {

/// The fields of one message that are for this connection only: the known ones and those that its Connection
/// field names. Refers to the message.
class HopByHop {
 public:
  explicit HopByHop(const Fields& fields);
  [[nodiscard]] bool has(const Field& field) const;

 private:
  const Fields& fields_;
  bool named_ = false;  // Connection names something beyond close and keep-alive
};

/// Does a request's field go to the origin? Not: hop-by-hop fields; Host, Content-Length, Via, Forwarded and
/// X-Forwarded-*, which the edge writes anew and never believes; Expect; with `for_fill` also Range and
/// conditions, for a fill fetches the whole object whatever one user wants of it.
bool is_forwarded_request(const Field& field, const HopByHop& hop, bool for_fill);
/// Does an answer's field go on to the client? Not: hop-by-hop fields; Content-Length, Via, Age and
/// Cache-Status, which the edge writes anew.
bool is_forwarded_response(const Field& field, const HopByHop& hop);

/// The Via value of this message with our entry appended: "1.0 old, 1.1 popnet". Old lines that do not fit
/// are left out; empty when not even our entry fits.
std::string_view make_via(const Fields& fields, uint8_t minor, std::string_view pseudonym,
                          std::span<char> room);
/// Has this request been through a node of that pseudonym already?
bool is_loop(const Fields& request, std::string_view pseudonym);

}  // namespace popnet::http
