#include "rt/interrupt.h"

#include <pthread.h>
#include <signal.h>

namespace popnet::rt {

void allow_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // no SA_RESTART: the call is to end
  sigaction(SIGURG, &action, nullptr);
}

void interrupt(std::thread& thread) {
  pthread_kill(thread.native_handle(), SIGURG);
}

}  // namespace popnet::rt
