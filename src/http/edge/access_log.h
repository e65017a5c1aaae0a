// The log of requests. The threads that serve copy what happened into a ring of their own: no lock, no
// allocation, no system call. One thread of the log turns that into lines and writes them. What finds no room in
// its ring, or cannot be written, is dropped and counted; nobody waits.
//
//   worker ──put()──> LogRing ┐
//   worker ──put()──> LogRing ┴──every 20 ms──> lines ──> file
//
// A file that was renamed or removed is made anew within a second, as log rotation wants it.
//
// Threading: each ring has one writer, its worker. counters: any thread.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ip.h"
#include "common/random.h"
#include "common/result.h"
#include "common/time.h"
#include "http/edge/counters.h"
#include "model/access_log.h"
#include "records/file.h"
#include "records/periodic.h"
#include "records/ring.h"

namespace popnet::http {

/// What is known of one answered request, but for its texts.
struct LogEntry {
  enum Text { site, request_id, method, host, path, user_agent, referer, texts };
  static constexpr size_t text_max = 2048;  // longer ones are cut; the path has path_max
  static constexpr size_t path_max = 8192;

  uint16_t status = 0;
  Outcome outcome = Outcome::local;
  uint8_t minor = 1;  // of HTTP/1
  std::array<uint16_t, texts> lengths{};
  IpAddress client;
  uint64_t bytes = 0;
  WallTime time{};
  Duration first_byte{};
  Duration total{};
};
using LogTexts = std::array<std::string_view, LogEntry::texts>;

/// Entries from one thread to another.
class LogRing {
 public:
  /// `capacity`: a power of two.
  explicit LogRing(size_t capacity) : ring_(capacity) {}

  /// The writer's thread. False when there is no room: dropped, and counted.
  bool put(LogEntry entry, const LogTexts& texts);
  /// The reader's thread. Every entry that is there; the texts are valid within the call.
  template <class Visit>
  void take(Visit&& visit) {
    ring_.take([&](std::span<const std::byte> record) {
      LogEntry entry;
      LogTexts texts;
      read(record, entry, texts);
      visit(entry, texts);
    });
  }
  [[nodiscard]] uint64_t dropped() const { return ring_.dropped(); }

 private:
  static void read(std::span<const std::byte> record, LogEntry& entry, LogTexts& texts);
  records::Ring ring_;
};

/// One line, with its end.
void write_json(const LogEntry& entry, const LogTexts& texts, std::span<const model::LogField> fields,
                std::string& out);
void write_combined(const LogEntry& entry, const LogTexts& texts, std::string& out);

class AccessLog {
 public:
  /// ErrorCode::machine when the file cannot be had.
  static Result<std::unique_ptr<AccessLog>> open(const model::AccessLog& options, int threads);
  /// Writes what is there.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  /// Is this request to be logged? Cheap.
  [[nodiscard]] bool draws(Random& random) const {
    return options_.sample >= 1 || random.uniform() < options_.sample;
  }
  [[nodiscard]] LogRing& ring(int thread) { return *rings_[static_cast<size_t>(thread)]; }
  [[nodiscard]] uint64_t written() const { return file_.written(); }
  [[nodiscard]] uint64_t dropped() const;

 private:
  AccessLog(const model::AccessLog& options, int threads);
  void drain();

  const model::AccessLog options_;
  std::vector<std::unique_ptr<LogRing>> rings_;
  records::LineFile file_;  // of the thread
  int looks_in_ = 0;
  std::unique_ptr<records::Periodic> thread_;
};

}  // namespace popnet::http
