#include "probe/kinds/curl/driver.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "rt/fd.h"
#include "rt/shards.h"

namespace popnet::probe {

namespace {

/// Keeps the calling thread from being killed by a write to a connection that the peer has closed.
void refuse_sigpipe() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace

/// One socket of libcurl, as the loop watches it: by a descriptor of our own, because libcurl (7.88) closes a
/// socket that never got connected before it says that it need not be watched any more, and by then its
/// number may be another thread's.
class CurlDriver::Socket final : public rt::Watcher {
 public:
  Socket(CurlDriver& driver, int fd, uint32_t events)
      : driver_(driver), fd_(fd), own_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)) {
    if (own_.valid() && !driver_.loop_.watch(own_.get(), events, *this)) own_.reset();
  }
  ~Socket() {
    if (own_.valid()) driver_.loop_.unwatch(own_.get());
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Where there was no descriptor left to watch it by, the transfer ends at its deadline.
  void rewatch(uint32_t events) {
    if (own_.valid()) driver_.loop_.rewatch(own_.get(), events);
  }

  void on_ready(uint32_t events) override {
    int ready = 0;
    if ((events & EPOLLIN) != 0) ready |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) ready |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) ready |= CURL_CSELECT_ERR;
    driver_.act(fd_, ready);  // which may destroy this object
  }

 private:
  CurlDriver& driver_;
  const int fd_;  // libcurl's
  rt::UniqueFd own_;
};

/// A transfer that shares the loop with the others.
class CurlDriver::OnLoop final : public Attempt {
 public:
  OnLoop(CurlDriver& driver, CurlRequest request, CurlDone done)
      : driver_(driver), transfer_(std::move(request)), done_(std::move(done)) {
    curl_easy_setopt(transfer_.easy(), CURLOPT_PRIVATE, this);
    const CURLMcode result = curl_multi_add_handle(driver_.multi_, transfer_.easy());
    assert(result == CURLM_OK);
    (void)result;
  }
  ~OnLoop() { leave(); }

  void end(CURLcode result) {
    leave();
    CurlReply reply = transfer_.reply(result);
    const CurlDone done = std::move(done_);  // which may destroy this object
    done(std::move(reply));
  }

 private:
  void leave() {
    if (std::exchange(joined_, false)) curl_multi_remove_handle(driver_.multi_, transfer_.easy());
  }

  CurlDriver& driver_;
  Transfer transfer_;
  CurlDone done_;
  bool joined_ = true;
};

/// A transfer that may block. The thread and the attempt share it; `done` is touched on the loop's thread
/// only.
class CurlDriver::OnThread final : public Attempt {
 public:
  struct Shared {
    Shared(CurlRequest request, CurlDone d) : transfer(std::move(request)), done(std::move(d)) {}
    Transfer transfer;
    CurlDone done;
    CurlReply reply{};
  };
  explicit OnThread(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  ~OnThread() { shared_->transfer.cancel(); }

 private:
  std::shared_ptr<Shared> shared_;
};

CurlDriver::CurlDriver(rt::Loop& loop)
    : loop_(loop),
      timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }),
      self_(std::make_shared<CurlDriver*>(this)) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  assert(global == CURLE_OK && multi_ != nullptr);
  (void)global;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlDriver::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlDriver::on_timeout);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  loop_.post(refuse_sigpipe);  // runs before what may write
}

CurlDriver::~CurlDriver() {
  self_.reset();
  for (std::thread& thread : threads_) thread.join();
  curl_multi_cleanup(multi_);
}

std::unique_ptr<Attempt> CurlDriver::start(CurlRequest request, CurlDone done) {
  if (request.protocol == CurlRequest::Protocol::ftp_tls)
    return start_on_thread(std::move(request), std::move(done));
  return std::make_unique<OnLoop>(*this, std::move(request), std::move(done));
}

int CurlDriver::on_socket(CURL* /*easy*/, int fd, int what, void* driver, void* /*unused*/) {
  static_cast<CurlDriver*>(driver)->watch(fd, what);
  return 0;
}

int CurlDriver::on_timeout(CURLM* /*multi*/, long ms, void* driver) {
  rt::Timer& timer = static_cast<CurlDriver*>(driver)->timer_;
  if (ms < 0) timer.cancel();
  if (ms >= 0) timer.arm_after(std::chrono::milliseconds(ms));
  return 0;
}

void CurlDriver::watch(int fd, int what) {
  if (what == CURL_POLL_REMOVE) {
    sockets_.erase(fd);
    return;
  }
  uint32_t events = 0;
  if ((what & CURL_POLL_IN) != 0) events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) events |= EPOLLOUT;
  const auto known = sockets_.find(fd);
  if (known != sockets_.end()) return known->second->rewatch(events);
  sockets_.emplace(fd, std::make_unique<Socket>(*this, fd, events));
}

void CurlDriver::act(int fd, int ready) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, ready, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    const CURLcode result = message->data.result;
    OnLoop* attempt = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &attempt);
    attempt->end(result);
  }
}

std::unique_ptr<Attempt> CurlDriver::start_on_thread(CurlRequest request, CurlDone done) {
  auto shared = std::make_shared<OnThread::Shared>(std::move(request), std::move(done));
  const auto place = threads_.emplace(threads_.end());
  const auto come_back = [weak = std::weak_ptr<CurlDriver*>(self_), shared, place] {
    const auto driver = weak.lock();
    if (!driver) return;
    place->join();
    (*driver)->threads_.erase(place);
    if (shared->transfer.cancelled()) return;
    const CurlDone finished = std::move(shared->done);
    finished(std::move(shared->reply));
  };
  *place = std::thread([&loop = loop_, shared, come_back] {
    rt::name_thread("probe-ftp");
    refuse_sigpipe();
    shared->reply = shared->transfer.reply(curl_easy_perform(shared->transfer.easy()));
    loop.post(come_back);
  });
  return std::make_unique<OnThread>(std::move(shared));
}

}  // namespace popnet::probe
