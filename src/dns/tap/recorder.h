// What is written down of queries and their replies: dnstap messages and the query log. The threads that
// answer copy bytes into a ring of their own, drawn at random where only a part is wanted; one thread parses, encodes
// and writes. What finds no room, no reader or no disk is lost and counted; nobody waits.
//
//   DNS thread ──record()──> Ring ┐                  ┌─> dnstap: Frame Streams to a file or a local socket
//   DNS thread ──record()──> Ring ┴──every 20 ms─────┴─> query log: JSON lines
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/counter.h"
#include "common/ip.h"
#include "common/random.h"
#include "common/result.h"
#include "common/time.h"
#include "dns/tap/dnstap.h"
#include "dns/tap/frames.h"
#include "model/dns_options.h"
#include "records/file.h"
#include "records/periodic.h"
#include "records/ring.h"

namespace popnet::dns::tap {

/// A query and what became of it, but for the messages.
struct Exchange {
  WallTime time{};
  Endpoint client;  // port 0: unknown, behind a proxy
  Endpoint server;  // an unspecified address: unknown
  Protocol protocol = Protocol::udp;
  bool truncated = false;
  uint16_t rcode = 0;     // with the bits of EDNS
  const char* kind = "";  // of the answer; lives as long as the program
};

/// One DNS thread's end. Only from that thread.
class ThreadRecorder {
 public:
  ThreadRecorder(const model::DnsNode& options, uint64_t seed);

  /// `reply`: empty if there was none.
  void record(const Exchange& exchange, std::span<const uint8_t> query, std::span<const uint8_t> reply);

 private:
  friend class Recorder;
  bool draws(double part) { return part >= 1 || (part > 0 && random_.uniform() < part); }

  double tap_part_ = 0, log_part_ = 0;
  bool taps_queries_ = false, taps_replies_ = false;
  Random random_;
  records::Ring ring_;
};

class Recorder {
 public:
  /// Null when the options want nothing recorded. ErrorCode::machine when a file cannot be had. Nothing that is
  /// there is touched before start().
  /// `identity`: of the server, in dnstap messages.
  static Result<std::unique_ptr<Recorder>> open(const model::DnsNode& options, const std::string& identity,
                                                uint64_t seed, size_t threads);
  /// Begins to write. Once.
  void start();
  /// Writes what is there.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  [[nodiscard]] ThreadRecorder& thread(size_t i) { return *threads_[i]; }
  /// Any thread.
  void collect(std::vector<CounterValue>& into) const;

 private:
  Recorder(std::string identity, const model::DnsNode& options, uint64_t seed, size_t threads);
  void drain();
  void write(std::span<const std::byte> record);
  void tap(const Exchange& exchange, MessageType type, std::span<const std::byte> message);

  const std::string identity_;
  std::vector<std::unique_ptr<ThreadRecorder>> threads_;
  std::unique_ptr<FrameSink> frames_;         // null: no dnstap
  std::unique_ptr<records::LineFile> lines_;  // null: no query log
  std::string encoded_;
  int looks_in_ = 0;
  std::atomic<uint64_t> frames_written_{0}, frames_lost_{0};
  std::unique_ptr<records::Periodic> thread_;
};

/// One line of the query log, with its end. `query`: as it came.
void write_json(const Exchange& exchange, std::span<const uint8_t> query, size_t reply_bytes,
                std::string& out);

}  // namespace popnet::dns::tap
