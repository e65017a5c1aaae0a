// Any bytes as a PROXY header: what is fine lies within them, and every part of it is incomplete.
#include <cstdlib>

#include "dns/wire/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace popnet::dns;
  const std::span<const uint8_t> bytes(data, size);
  const ProxyHeader header = read_proxy_header(bytes);
  if (header.verdict == ProxyHeader::Verdict::incomplete && header.size <= size) std::abort();
  if (header.verdict != ProxyHeader::Verdict::fine) return 0;
  if (header.size < proxy_header_min || header.size > size) std::abort();
  const auto part = read_proxy_header(bytes.first(header.size - 1));
  if (part.verdict != ProxyHeader::Verdict::incomplete) std::abort();
  return 0;
}
