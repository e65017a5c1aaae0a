// One request, from its head to the end of its answer: the visible list of steps. It knows no wire version:
// the client's side is a Peer.
//
//   receive   what the edge answers by itself: health, errors in the request
//   route     Host → site → rule → action (view.h); the prefix of a shared hostname is cut off
//     redirect   302 to the least loaded origin                                       ──> deliver
//     purge      by those whom the site lets (PURGE)                                   ──> deliver
//     deny       403                                                                  ──> deliver
//     pass       proxied, or nothing a cache may answer: its own exchange with an origin ──> wait
//   lookup    key, store, variants, may the object be used now (policy)
//     hit        usable, also stale within its limits; a popular stale one is refreshed  ──> deliver
//     fill       missing, or stale: join the object's fill, or be the one that fetches   ──> wait
//   wait      until the fill has an answer: progress() is called by it
//     shared: everybody takes it ──> deliver     alone: the asker takes it, others pass
//     failed: a stored object may serve stale, else 502 or 504                        ──> deliver
//   deliver   conditions and ranges of this client (delivery.h), then Peer::answer()
//             a range that several stored parts have together goes from one to the next (request_parts.cc)
//             an object in slices: its first one is looked up, or filled, before the answer, the others, one ahead, when
//             the peer asks for them (slices.h)                                      ──> wait, or done
//   log       counted, and noted in the access log, when the last byte has been handed over: end()
//
// A hit takes no lock, allocates nothing and finishes within begin(). What must wait saves its head and lets
// go of everything borrowed.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "http/edge/access_log.h"
#include "http/edge/answer.h"
#include "http/edge/asker.h"
#include "http/edge/counters.h"
#include "http/edge/origin_request.h"
#include "http/edge/saved_request.h"
#include "http/edge/stored.h"
#include "http/edge/upload.h"
#include "http/policy/cache_control.h"
#include "http/policy/cache_status.h"
#include "http/store/store.h"

namespace popnet::http {

class Worker;

/// The client's side of one request at a time.
class Peer {
 public:
  /// Sends it; when all is sent, or never will be, calls Request::end(). `cursor` is at the start of the
  /// object's body where that is growing, and then moved() tells that it has grown or ended.
  virtual void answer(const Answer& answer, std::optional<Cursor> cursor) = 0;
  /// An interim answer (1xx), before the answer; `lines` each with CRLF.
  virtual void interim(uint16_t status, std::string_view lines) = 0;
  virtual void moved() = 0;
  /// What Request::next_piece() has asked for: the body goes on in that object, from byte `first`; the cursor is at its
  /// start. Outside of next_piece(), moved() follows.
  virtual void proceed(const Object& piece, Cursor cursor, uint64_t first) = 0;
  /// It does not go on: the answer ends here, too early.
  virtual void cut() = 0;
  /// Steps that ran outside of begin() are over: the peer may go on to its next request.
  virtual void resumed() = 0;
  /// The request's body, to be sent on; null when it has none. Asked for at most once.
  virtual std::shared_ptr<Upload> upload() = 0;
  /// What it sends from now on, for a tunnel; what it has sent before the answer 101 is kept in there.
  virtual std::shared_ptr<Upload> tunnel() = 0;
  [[nodiscard]] virtual const IpAddress& address() const = 0;
  /// Of this server: at which the client has connected.
  [[nodiscard]] virtual uint16_t port() const = 0;

 protected:
  ~Peer() = default;
};

class Request final : Fill::Listener {
 public:
  explicit Request(Worker& worker) : worker_(worker) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// `head` is the thread's own and may be changed. `peer` is the request's until end().
  void begin(Peer& peer, RequestHead& head);
  /// For what is no request: answers with that error. `bytes`: what is there of it, for the log. In the midst of a request it
  /// ends that one.
  void refuse(Peer& peer, uint16_t status, std::string_view text, std::string_view bytes = {});
  /// All of the present piece of the body has been handed over, and more is to come.
  void next_piece();
  /// The answer has been handed over, or the client has gone; `bytes` of it were sent. Then the next may begin.
  void end(uint64_t bytes);
  [[nodiscard]] bool running() const { return running_; }

 private:
  enum class Step : uint8_t {
    receive,
    route,
    redirect,
    deny,
    purge,
    pass,
    lookup,
    hit,
    fill,
    progress,
    deliver,
    wait,
    done
  };

  /// What the steps of one turn work with. Everything borrowed.
  struct Turn {
    explicit Turn(RequestHead& h) : head(h), matcher(h.fields) {}
    RequestHead& head;
    VariantMatcher matcher;
    const View* view = nullptr;
    Route route;
    RequestDirectives directives;
    const Object* object = nullptr;  // the one to deliver
    const Object* part = nullptr;    // stored, but only other bytes than are asked for
    Key key;                         // once make_key() has made it; until this thread makes another one
    const Object* newest = nullptr;  // of all variants: its Vary tells which one this request wants
    ObjectRef held;                  // keeps it, where the store lent it under a lock
  };

  void run(Turn& turn, Step step);
  Step receive(Turn& turn);
  Step route(Turn& turn);
  Step redirect(Turn& turn);
  Step deny(Turn& turn);
  Step purge(Turn& turn);
  Step pass(Turn& turn);
  Step lookup(Turn& turn);
  [[nodiscard]] bool serves_in_outage(const Turn& turn, const StoredPolicy& policy) const;
  Step missing(Turn& turn, bool marked);
  Step hit(Turn& turn);
  Step fill(Turn& turn);
  Step progress(Turn& turn);
  Step deliver(Turn& turn);
  Step deliver_sliced(Turn& turn);
  Step progress_sliced(Turn& turn);
  void log(uint64_t bytes);
  void start(Peer& peer);
  void note(const RequestHead& head);
  void note_refused(std::string_view bytes);
  void keep(LogEntry::Text text, std::initializer_list<std::string_view> pieces);
  void write_log(uint64_t bytes, Duration first_byte, Duration total);
  void take_id(const Fields& fields);
  [[nodiscard]] std::string_view request_id();
  std::string_view format_timing(std::span<char> room) const;

  void on_progress() override;
  void reset();
  void save(const Turn& turn);
  Key make_key(Turn& turn);
  [[nodiscard]] const Object* find(Turn& turn, bool& not_shared);
  [[nodiscard]] static uint64_t likely_variant(Turn& turn);
  [[nodiscard]] bool answers(Turn& turn, const Object& object) const;
  [[nodiscard]] bool may_reuse(const Turn& turn, const Object& object) const;
  [[nodiscard]] bool usable(Turn& turn, const Object& object) const;
  [[nodiscard]] bool take_parts(Turn& turn);
  [[nodiscard]] Want want_whole(const Turn& turn, const Object* stale);
  void make_answer(const Turn& turn, bool choose, bool has_age, Answer& answer);
  void fetch(Turn& turn, Filler filler);
  bool refresh(Turn& turn, const Object& object);
  void forget_asked();
  void leave_fill();
  Step take_failure(Turn& turn);
  Step answer_failure(uint16_t why);

  // A range that several stored parts have, and none alone.
  [[nodiscard]] bool find_cover(Turn& turn);
  Step deliver_cover(Turn& turn);
  void next_part();

  // Objects in slices.
  [[nodiscard]] std::optional<Cursor> open_piece();
  void take_piece();
  [[nodiscard]] Store::Begun begin_slice(uint64_t slice, bool alone);
  void fetch_slice(uint64_t slice, Filler filler);
  void read_ahead();
  void give_piece(Cursor cursor);
  void piece_arrived();
  void forget_sliced();
  Step answer_local(uint16_t status, std::string_view text, Outcome outcome, std::string_view allow = {});
  void hand_over(Answer& answer, std::optional<Cursor> cursor = std::nullopt);

  Worker& worker_;
  Peer* peer_ = nullptr;
  std::shared_ptr<SavedRequest> saved_;  // while it waits
  FillRef fill_;
  std::shared_ptr<Asker> asked_;  // of the fetch that is for this request
  ObjectRef stale_;               // what may serve if no origin answers
  std::vector<ObjectRef>
      parts_;  // what is to be completed, or delivered: then in order, and at_ is where the next begins
  size_t next_part_ = 0;
  ObjectRef sliced_;           // the head of the object in slices that is being delivered
  ObjectRef piece_;            // its present slice; null: on its way
  uint64_t at_ = 0, end_ = 0;  // where delivery of that began, or begins, in the whole; and will end
  uint64_t ahead_ = 0;         // the last slice that has been asked for
  SiteState* site_ = nullptr;  // states outlive everything
  CacheStatus cache_status_;
  std::string_view pseudonym_;  // of the view of the present turn
  uint16_t status_ = 0;
  Outcome outcome_ = Outcome::left;  // until there is an answer
  bool running_ = false;
  bool delivering_ = false;
  bool head_only_ = false;  // HEAD
  bool asker_ = false;      // the fill is for this request
  bool alone_ = false;      // does not wait for others' fills
  bool passed_ = false;     // never looked up
  bool tunnel_ = false;     // asks for a WebSocket
  bool covered_ = false;    // parts_ are being delivered
  bool has_wish_ = false;   // by which what is stored varies
  bool own_piece_ = false;  // the slice is fetched for this request
  Want want_ = Want::whole;
  uint8_t fills_ = 0;        // joined or begun
  uint8_t tries_ = 0;        // to get the present slice
  uint64_t slice_size_ = 0;  // Want::slice
  uint64_t slice_ = 0;
  bool tells_id_ = false;
  bool tells_timing_ = false;

  TimePoint begun_{};     // of the turn in which it came
  TimePoint answered_{};  // its answer began
  uint8_t id_length_ = 0;
  std::array<char, 64> id_;  // X-Request-Id
  bool noted_ = false;       // for the access log
  uint8_t note_minor_ = 1;
  std::array<uint16_t, LogEntry::texts> note_lengths_{};
  std::string note_;  // its texts; keeps its room
};

}  // namespace popnet::http
