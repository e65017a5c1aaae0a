// A client's connection in HTTP/1.1 (RFC 9112): reads requests, one at a time and in order, and sends their
// answers.
//
//   idle ──head complete──> busy ──answer handed over──> idle      (pipelined requests wait in `in_`)
//     │                       └── it was the last ─────> lingering ──> closed
//
// One recv() for each event and no second one to see EAGAIN. Events are edges, of which the kernel looks at each once: where a
// recv() may have left something, the socket is watched anew, which tells it once more. Short answers to
// pipelined requests leave together in one send(), and one that waited for an origin at the end of the turn (Outbox). A complete stored object is sent straight from the store,
// in one sendmsg(), or a long one that is asked for often without a copy (http/store/pages.h), when the socket
// takes it; what the socket does not take is kept as a Cursor.
//
// Slow clients: deadlines for the next request, for a whole head, and for progress of a body either way.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/edge/active.h"
#include "http/edge/request.h"
#include "rt/fd.h"
#include "rt/loop.h"

namespace popnet::http {

struct Scratch;
class Worker;

class Client final : rt::Watcher, Peer {
 public:
  Client(Worker& worker, rt::UniqueFd socket, const IpAddress& address, uint16_t port);
  ~Client();

  [[nodiscard]] const IpAddress& from() const { return address_; }
  /// False when it cannot be watched.
  bool start();
  /// At once.
  void close();
  /// Now if it is idle, else with its present answer.
  void close_soon();
  /// Nothing of a request is here, and nothing of an answer left.
  [[nodiscard]] bool idle() const {
    return state_ == State::idle && !put_off_ && !head_begun_ && in_.empty() && unsent_.empty();
  }
  /// Then its time is over. REQUIRES: idle
  [[nodiscard]] TimePoint idle_until() const { return timer_.due(); }

  /// What the worker's outbox has kept of his.
  void send_put_off(std::string_view bytes);

 private:
  friend class Worker;
  enum class State : uint8_t { idle, busy, lingering, closed };

  void on_ready(uint32_t events) override;
  void on_timeout();

  // Reading.
  [[nodiscard]] bool wants_input() const;
  [[nodiscard]] bool has_ended() const;
  void read(bool ended);
  void process(std::string_view bytes, size_t judged);
  bool process_request(std::string_view& bytes, size_t judged);
  void take_body(std::string_view& bytes);
  void refuse_body();
  void end_body();
  void keep(std::string_view bytes);

  // Peer.
  void answer(const Answer& answer, std::optional<Cursor> cursor) override;
  void interim(uint16_t status, std::string_view lines) override;
  void moved() override;
  void proceed(const Object& piece, Cursor cursor, uint64_t first) override;
  void cut() override { close(); }
  void resumed() override;
  std::shared_ptr<Upload> upload() override;
  std::shared_ptr<Upload> tunnel() override;
  [[nodiscard]] const IpAddress& address() const override { return address_; }
  [[nodiscard]] uint16_t port() const override { return port_; }
  void begin_active();
  void end_active();

  // Sending.
  Scratch& claim_out();
  std::string_view take_out();
  void put(std::string_view bytes);
  void flush();
  void send_now(std::string_view bytes);
  void send_stored(const Object& object, uint64_t first, uint64_t count);
  static bool is_short_and_whole(const Answer& answer);
  void send_short(const Answer& answer, Cursor& cursor);
  void send_growing(const Answer& answer, Cursor cursor);
  bool send_pieces(std::span<const iovec> pieces, bool uncopied, size_t& sent);
  [[nodiscard]] bool can_go_uncopied(const iovec& piece) const;
  bool send_copied(std::span<const iovec> pieces, bool more, size_t& sent);
  bool send_uncopied(const iovec& piece, size_t& sent);
  bool send_failed();
  void pump();
  bool pump_once();
  bool pump_unsent();
  bool next_stretch(uint64_t& count, bool& last);
  static std::string_view frame_end(bool after_data, bool last);
  void answer_over();

  // What comes after an event.
  void go_on();
  void settle();
  void watch_for();
  void watch_progress();
  [[nodiscard]] bool has_moved() const;
  void give_time_to_read();
  void block();
  void linger();

  Worker& worker_;
  size_t place_ = 0;  // among the worker's
  rt::Timer timer_;
  std::unique_ptr<Active> active_;  // of the present request; null: idle
  rt::UniqueFd fd_;
  const IpAddress address_;
  const uint16_t port_;  // of this server

  State state_ = State::idle;
  bool keep_alive_ = true;
  bool head_begun_ = false;    // a part of a head is in in_
  bool put_off_ = false;       // an answer of his is in the worker's outbox
  bool in_process_ = false;    // process() is on the stack: it flushes and goes on
  bool mute_ = false;          // not watched for input
  bool blocked_ = false;       // the socket took less than was given, or there was enough for one turn
  uint64_t given_ = 0;         // to the socket in this turn, by pump()
  bool client_ended_ = false;  // it sends nothing more
  bool must_linger_ = false;   // something of the client's is unread
  bool ends_body_ = false;     // the end of the connection is that of the answer: HTTP/1.0, no length
  uint32_t watched_ = 0;       // events; 0 also: to be watched anew
  uint64_t received_ = 0;      // since the progress deadline was set
  uint64_t acknowledged_ = 0;  // by the client, when it was set

  std::string in_;      // received and not used yet
  std::string unsent_;  // bytes to go before anything else
};

}  // namespace popnet::http
