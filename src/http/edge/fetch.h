// One request to the origins of a site on behalf of a fill: chooses an origin, sends, reads, and writes what
// comes into the store. Lives on one thread, that of the request that asked first; goes on without that
// request. The worker keeps those that have ended for the next ones.
//
//   choose ──> connect ──> send, await head ──> head: 304 for the stored object ──> refreshed, or given to the asker, done
//   ^ │ ^         │               │              │    shareable ──> Filler::open ───────┐
//   │ │ └── next ─┴── fails ──────┘              │    anything else ──> open_alone ─────┴──> body ──> commit
//   │ │     origin, when nothing of the answer   │    an error, and the stale object may serve ──> abandon
//   │ v     was used and the request may be      v
//   queue   repeated; none left ──> abandon     broken later ──> abandon, or what came is kept as a part
//
// Too many requests run at the origins: it waits in the site's queue (fill_gate.h), if it has tried none yet.
// Of an object in slices (slices.h) one fetch brings one slice; where nothing is known of the object, its head too:
// then the fill that it was begun for ends with the head, and the one that goes on is the slice's.
//
// The order of origins is that of routing::decide_fill, which is told what this node knows of them by its own requests.
// The followers of the fill learn by its note what became of it.
//
// What goes out is written anew (HeadWriter), what comes in is parsed and written anew: no raw bytes pass.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "http/edge/asker.h"
#include "http/edge/origin_pool.h"
#include "http/edge/origin_request.h"
#include "http/edge/origin_time.h"
#include "http/edge/saved_request.h"
#include "http/edge/upload.h"
#include "http/policy/freshness.h"
#include "http/policy/joining.h"
#include "http/store/store.h"
#include "http/wire/chunked.h"
#include "http/wire/head.h"
#include "model/decision.h"

namespace popnet::http {

class Intake;
class Worker;

/// Fill::note() of the edge: a status.
namespace note {
inline constexpr uint16_t confirmed = 304;    ///< the stored object was
inline constexpr uint16_t completed = 206;    ///< a stored part is the beginning, or the end, of the answer
inline constexpr uint16_t bad_gateway = 502;  ///< no origin gave a usable answer
inline constexpr uint16_t unreachable = 1;    ///< the last one took no connection, or went without an answer
inline constexpr uint16_t gateway_timeout = 504;  ///< the last one gave none in time
inline constexpr uint16_t overloaded =
    503;  ///< too many were running, and waiting, or for too long; or finding out
inline constexpr uint16_t changed = 412;  ///< a slice: no origin has it of that version
inline constexpr uint16_t said =
    0x8000;  ///< with a status: an origin answered so, and the stored object may serve
}  // namespace note

class Fetch final : OriginConnection::User {
 public:
  struct Task {
    Want want = Want::answer;
    bool may_store = true;  // false: a rule that never stores
    Filler filler;
    std::shared_ptr<SavedRequest> request;
    ObjectRef stale;                 // the stored object to be confirmed or replaced; may be null
    std::vector<ObjectRef> parts;    // Want::rest: the stored ones
    uint64_t slice_size = 0;         // Want::slice
    uint64_t slice = 0;              // its number
    ObjectRef head;                  // of the object that the slice belongs to; null: nothing is known of it
    std::shared_ptr<Upload> upload;  // the request's body; null = none
    std::shared_ptr<Asker> asker;    // null: nobody waits
  };
  explicit Fetch(Worker& worker);
  ~Fetch();

  /// `head`: the request, restored. Tells nobody within this call.
  void start(Task task, const RequestHead& head);
  /// As if new, but for the room of its texts. REQUIRES: it has ended
  void reset();
  /// Stops at once: the fill is abandoned.
  void cancel();
  /// It need not go on for him. Does nothing within this call.
  void asker_left();

 private:
  friend class Worker;
  /// For calls that come later, on this thread: what it points to is null when the exchange is over by then.
  using Handle = std::shared_ptr<Fetch*>;
  [[nodiscard]] Handle handle();

  enum class State : uint8_t { queued, connecting, awaiting_head, reading_body, ended };

  void on_connected() override;
  void on_connect_failed(const Error& error) override;
  void on_readable() override;
  void on_writable() override;
  void on_timeout();
  void on_total_timeout();
  void on_turn();
  void on_upload();
  void on_asker_left();

  // Origins.
  [[nodiscard]] bool may_try();
  void end_trial();
  void plan_origins();
  void try_next();
  [[nodiscard]] bool may_retry();
  [[nodiscard]] bool enter();
  bool wait_for_turn();
  void leave_gate();
  bool connect_to(const model::Origin& origin, bool allow_pooled);
  [[nodiscard]] OriginPeer peer_of(const model::Origin& origin) const;
  void attempt_failed(uint16_t note, std::string_view why, bool its_own = true);
  void ask_another(uint16_t note);
  [[nodiscard]] bool may_repeat() const;
  void leave_connection(bool keep);
  void leave_origin(bool keep_connection);

  // Request.
  bool write_request(const RequestHead& head);
  void begin_waiting();
  void send();

  // Answer.
  void read_head();
  void on_tunnel(const ResponseHead& head, std::string_view rest);
  void on_head(const ResponseHead& head, std::string_view rest);
  void pass_on(const ResponseHead& interim);
  void ask_in_full(std::string_view why);
  void ask_again();
  /// Of the object; while task_.head is set, of one slice of it.
  [[nodiscard]] Key key() const { return Store::key(task_.filler.fill()); }
  [[nodiscard]] const Object* to_validate() const;
  void tell_asker(const Intake& intake) const;
  bool confirm_stored(const RequestHead& request, const ResponseHead& head);
  bool open_rest(const RequestHead& request, const ResponseHead& head);
  bool open_joined(const RequestHead& request, const ResponseHead& head, const ContentRange& place);
  bool join_stored(const RequestHead& request, const ResponseHead& head, const ContentRange& place);
  void count_to(uint64_t bytes);
  [[nodiscard]] ByteRange wanted_slice() const;
  bool open_slice(const ResponseHead& head);
  bool open_first_slice(const RequestHead& request, const ResponseHead& head, FillRef& object);
  void open_slice_body(std::span<const uint64_t> tags, bool may_store);
  void open(const RequestHead& request, const ResponseHead& head, bool may_store);
  [[nodiscard]] bool is_outdated(const Draft& draft) const;
  [[nodiscard]] bool adds_nothing(const ResponseHead& head, const Draft& draft) const;
  void rank(const RequestHead& request, Intake& intake) const;
  bool heed_head(const RequestHead& request, const ResponseHead& head);
  void invalidate(const RequestHead& request, const ResponseHead& head);
  [[nodiscard]] bool is_tunnel() const;
  [[nodiscard]] Duration body_patience() const;
  void read_body();
  void take_body(std::string_view bytes);
  void take_chunks(std::string_view bytes);
  void body_moved(size_t count, bool reusable);
  void expect_more(size_t count);
  [[nodiscard]] bool worth_finishing() const;
  [[nodiscard]] bool leave_unattended();
  void look_again();
  [[nodiscard]] bool has_use_cut() const;
  [[nodiscard]] FillRef cut_or_abandon();
  void copy_stored(std::span<const JoinPlan::Piece> pieces, std::string_view held);
  void copy_on();
  void copied();
  void wait_for_room();
  void body_complete(bool connection_reusable);
  void body_contradicts();
  void body_broken(std::string_view why);
  void give_up(uint16_t note);
  void finish(FillRef fill);
  [[nodiscard]] Exchange exchange() const;

  Worker& worker_;
  size_t place_ = 0;  // among the worker's
  Handle handle_;     // made when it is needed
  Task task_;
  const SiteView* site_ = nullptr;  // task_.request keeps its view
  State state_ = State::connecting;
  rt::Timer timer_;
  rt::Timer total_timer_;
  rt::Later sending_;          // of the request
  rt::Expectation head_soon_;  // the origin is one that answers at once

  model::Decision order_;
  uint8_t tried_ = 0;
  uint16_t origin_ = 0;   // of the site; the present one
  bool entered_ = false;  // counts as running there
  bool waited_ = false;   // in the queue
  bool trial_ = false;    // counts as finding out whether an origin answers again
  bool unconditional_ = false;
  uint16_t last_note_ = note::bad_gateway;
  std::unique_ptr<OriginConnection> connection_;

  std::string out_;   // the request's head
  std::string name_;  // of the host in it, where an origin speaks TLS
  size_t sent_ = 0;
  std::string in_;  // received and not used yet: a part of the answer's head, or of a chunk's
  int interims_ = 0;
  OriginTime origin_time_;
  TimePoint response_time_{};
  WallTime response_wall_{};

  Framing framing_;
  JoinPlan join_;                             // with task_.parts
  std::span<const JoinPlan::Piece> copying_;  // of it: what comes before, or behind, what the origin sends
  std::optional<Cursor> copy_from_;           // in the first of them
  uint64_t copied_ = 0;                       // of the first of them
  std::string held_;                          // of the answer, until what is before it is copied
  bool counted_ = false;                      // the body has a length, by its framing or by Content-Range
  uint64_t left_ = 0;                         // of such a body
  uint64_t moved_ = 0;                        // of the body, since the timer was set
  std::optional<ChunkedReader> chunks_;
  uint64_t received_ = 0;  // of the body
  // Nobody listens: it waits for those who found it in the store just before it left that.
  bool hidden_ = false;
  bool attended_ = false;  // somebody listened when it began
  bool keep_alive_ = false;
  bool tunnel_stands_ = false;  // the origin has said 101
  bool starting_ = false;
};

}  // namespace popnet::http
