// How failures are put for operators: the same words in every kind, lower case, without the target's address
// (the sample names the target).
#pragma once

#include <string>
#include <string_view>

#include "common/time.h"

namespace popnet::probe {

/// "no answer within 2s"
std::string no_answer_within(Duration timeout);

/// An errno value of a socket in words: "connection refused", "no route to host".
std::string socket_words(int error);

/// Whether an errno value says that this machine, not the target, was in the way: no permission, no
/// descriptors, no memory.
bool our_fault(int error);

/// Text of a peer, made fit for a log line: printable ASCII, at most `length_max` characters.
std::string printable(std::string_view text, size_t length_max = 80);

}  // namespace popnet::probe
