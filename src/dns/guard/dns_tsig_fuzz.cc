// Any bytes as a signed query: nobody is believed who does not have the key, and what is said of it can be read.
#include <cstdlib>

#include "dns/guard/tsig.h"
#include "dns/wire/query.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace popnet::dns;
  const std::span<const uint8_t> message(data, size);
  Query query;
  if (size > message_size_max || parse_query(message, query) != Verdict::fine || query.tsig_offset == 0)
    return 0;
  constexpr int64_t now = 1'700'000'000;
  const TsigKey keys[] = {{*popnet::dns::parse_name("key.example"), TsigAlgorithm::hmac_sha256, {1, 2, 3}}};
  Tsig server(keys, message, query.tsig_offset, now);
  if (server.error() == TsigError::none) std::abort();  // the corpus is signed with another secret
  std::vector<uint8_t> reply(message.begin(), message.begin() + header_size + query.question_size);
  reply[2] |= 0x80;
  reply[6] = reply[7] = reply[8] = reply[9] = reply[10] = reply[11] = 0;
  const size_t bare = reply.size();
  reply.resize(bare + server.size_max());
  const size_t whole = server.append(reply, bare, now);
  if (whole <= bare || whole > reply.size() || reply[11] != 1) std::abort();
  Tsig client(keys[0]);
  if (client.check(std::span<const uint8_t>(reply).first(whole), bare, now))
    std::abort();  // every reply tells an error
  return 0;
}
