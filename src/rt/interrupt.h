// Ends the wait of a thread that sleeps in a system call: the call returns EINTR. Used where the socket itself
// may not be touched, because another process has it too.
//
// The signal is SIGURG, which does nothing else and is ignored by default. It may come just before the call
// that would wait: who interrupts does so again until the thread has noticed.
#pragma once

#include <thread>

namespace popnet::rt {

/// Once, before the first thread that is to be interrupted. Any thread; calls after the first change nothing.
void allow_interrupts();
/// REQUIRES: the thread has not been joined.
void interrupt(std::thread& thread);

}  // namespace popnet::rt
