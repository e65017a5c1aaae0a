// libcurl on the probe thread's loop: many transfers at once over curl_multi, its sockets and its timer
// watched by rt::Loop. What one transfer may do is in probe/kinds/curl/transfer.h.
//
// Threading: belongs to the loop's thread, which it keeps from being killed by SIGPIPE; may be made on
// another one before the loop runs, and destroyed on another one when it has ended. libcurl blocks in the
// handshake of FTP over TLS (7.88: "this was BLOCKING, keep it so for now"); one server that stalls there
// would hold up the probes of all customers. Such transfers therefore run on a thread each and come back to
// the loop; a cancelled one is silent and ends by itself, at its deadline at the latest.
#pragma once

#include <list>
#include <memory>
#include <thread>
#include <unordered_map>

#include "probe/kinds/api/kind.h"
#include "probe/kinds/curl/transfer.h"
#include "rt/loop.h"

namespace popnet::probe {

class CurlDriver {
 public:
  explicit CurlDriver(rt::Loop& loop);
  /// REQUIRES: its attempts are gone. Waits for cancelled transfers that run on threads.
  ~CurlDriver();
  CurlDriver(const CurlDriver&) = delete;
  CurlDriver& operator=(const CurlDriver&) = delete;

  /// `done` as in Kind::start().
  std::unique_ptr<Attempt> start(CurlRequest request, CurlDone done);

 private:
  class Socket;
  class OnLoop;
  class OnThread;

  static int on_socket(CURL* easy, int fd, int what, void* driver, void* unused);
  static int on_timeout(CURLM* multi, long ms, void* driver);
  void watch(int fd, int what);
  void act(int fd, int ready);
  std::unique_ptr<Attempt> start_on_thread(CurlRequest request, CurlDone done);

  rt::Loop& loop_;
  CURLM* multi_;
  rt::Timer timer_;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  std::list<std::thread> threads_;
  std::shared_ptr<CurlDriver*> self_;  // expires with the driver: for threads that come back later
};

}  // namespace popnet::probe
