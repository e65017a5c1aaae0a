// How many files and sockets this process may have open (RLIMIT_NOFILE, setrlimit(2)). Thread safe.
#pragma once

#include <cstdint>

namespace popnet::rt {

/// The limit that counts now.
uint64_t descriptor_limit();
/// Raises it as far as the process may by itself (the hard limit); what counts then.
uint64_t raise_descriptor_limit();

}  // namespace popnet::rt
