// One dnstap message (dnstap.info, dnstap.proto) as Protocol Buffers bytes. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/ip.h"
#include "common/time.h"

namespace popnet::dns::tap {

enum class MessageType : uint8_t { auth_query = 1, auth_response = 2 };  // as dnstap.proto numbers them
enum class Protocol : uint8_t { udp = 1, tcp = 2, dot = 3 };             // the same

struct Message {
  MessageType type = MessageType::auth_query;
  Protocol protocol = Protocol::udp;
  Endpoint client;  // port 0: unknown
  Endpoint server;  // an unspecified address: unknown
  WallTime time{};  // of the query; replies leave in the same moment
  std::span<const std::byte> message;
};

/// Appends it. `identity`: of the server.
void encode(const Message& message, std::string_view identity, std::string_view version, std::string& out);

}  // namespace popnet::dns::tap
