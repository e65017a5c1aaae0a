// What a node keeps on disk, so that it starts and serves without the bus: the last network config and the
// last measurements and shares. One SQLite file, state.db, in the node's state_dir; write-ahead log, every
// save atomic.
//
// Policy: all of it is a copy of what the network knows, so nothing here may stop a node.
//  - A file that is damaged, or was written by a newer popnet, is moved aside (state.db.damaged), logged, and
//    a new one begun.
//  - A save that fails (disk full, for example) is logged, the first of a row; the node goes on. So is the
//    first that works again.
//  - Something kept that cannot be read back is logged and counts as not kept. Measurements are kept in
//  parts, so that
//    one bad part does not cost the others; of more than CodecLimits::samples those of origins and POPs are
//    kept, then the newest of clients.
//  - At a start on a disk that is full or read-only, what is in the file is read. Each save tries anew whether it can be
//    written.
// Only open() fails: with ErrorCode::machine, when the folder or the first file in it cannot be made, or the file cannot
// be read.
//
// Times: samples are kept with their ages and the wall time of the save; a restart adds the time that has
// passed since.
//
// Threading: one thread at a time. Saves write to the disk's cache, without waiting for the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/api/bus.h"
#include "common/result.h"
#include "common/time.h"

struct sqlite3;

namespace popnet::cluster {

class State {
 public:
  struct KeptConfig {
    uint64_t revision = 0;  // that the bus gave it
    std::string text;
  };

  /// Makes the folder if there is none.
  static Result<std::unique_ptr<State>> open(const std::string& dir);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void save_config(const KeptConfig& config);
  std::optional<KeptConfig> load_config();

  /// Samples and shares of all nodes, as one report of this node.
  void save_metrics(const Report& report, TimePoint now, WallTime wall);
  /// With times on the present clock. Empty too if it is older than the codec's largest age.
  std::optional<Report> load_metrics(TimePoint now, WallTime wall);

  /// The last save did not work.
  [[nodiscard]] bool failing() const { return failing_; }

 private:
  struct Row {
    int64_t number = 0;
    std::string text;
  };

  explicit State(std::string file) : file_(std::move(file)) {}

  Status open_file();
  int prepare_file();
  bool open_to_read();
  [[nodiscard]] bool is_writable();
  void move_aside(const std::string& why);
  void save(const char* name, int64_t number, std::string_view text);
  int write(std::string_view name, int64_t number, std::string_view text);
  int write_metrics(const Report& report, TimePoint now, int64_t number);
  void note(const char* name, bool failed);
  std::optional<Row> load(const char* name);

  const std::string file_;
  sqlite3* db_ = nullptr;
  bool writable_ = true;
  bool failing_ = false;
};

}  // namespace popnet::cluster
