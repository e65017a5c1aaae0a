#include "cluster/state/state.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cluster/codec/codec.h"
#include "common/log.h"

namespace popnet::cluster {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr int busy_wait_ms = 1000;              // for another process that looks into the file
constexpr int file_version = 1;                 // PRAGMA user_version
constexpr const char* config_row = "config";    // number: revision
constexpr const char* metrics_row = "metrics";  // number: wall time of the save, milliseconds since 1970

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) { status_ = sqlite3_prepare_v2(db, sql, -1, &handle_, nullptr); }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// The text must outlive the statement.
  Statement& bind(int index, std::string_view text) {
    if (status_ == SQLITE_OK)
      status_ = sqlite3_bind_text64(handle_, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Statement& bind(int index, int64_t number) {
    if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(handle_, index, number);
    return *this;
  }
  /// SQLITE_ROW, SQLITE_DONE or what went wrong, now or before.
  int step() { return status_ == SQLITE_OK ? sqlite3_step(handle_) : status_; }
  [[nodiscard]] int64_t number(int column) const { return sqlite3_column_int64(handle_, column); }
  [[nodiscard]] std::string text(int column) const {
    const void* bytes = sqlite3_column_blob(handle_, column);
    const auto size = static_cast<size_t>(sqlite3_column_bytes(handle_, column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }

 private:
  sqlite3_stmt* handle_ = nullptr;
  int status_;
};

int run(sqlite3* db, const char* sql) {
  return sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
}

/// Not a status that SQLite gives for opening and looking: ours.
constexpr int written_by_newer = SQLITE_MISMATCH;

bool is_damage(int status) {
  const int primary = status & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == written_by_newer;
}
const char* damage_in_words(int status) {
  return status == written_by_newer ? "a newer popnet wrote it" : sqlite3_errstr(status);
}

int64_t to_ms_since_1970(WallTime wall) {
  return std::chrono::floor<milliseconds>(wall.time_since_epoch()).count();
}

}  // namespace

Result<std::unique_ptr<State>> State::open(const std::string& dir) {
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed)
    return Error{ErrorCode::machine,
                 fmt::format("node.state_dir: cannot make {}: {}", dir, failed.message())};
  std::unique_ptr<State> state(new State((fs::path(dir) / "state.db").string()));
  if (const Status opened = state->open_file(); !opened.ok()) return opened.error();
  return state;
}

State::~State() {
  sqlite3_close(db_);
}

Status State::open_file() {
  int status = prepare_file();
  if (is_damage(status)) {
    move_aside(damage_in_words(status));
    status = prepare_file();
  }
  if (status == SQLITE_OK) return {};
  return Error{ErrorCode::machine,
               fmt::format("node.state_dir: cannot use {}: {}", file_, sqlite3_errmsg(db_))};
}

/// Opens the file and brings it into shape; checks all of it for damage.
int State::prepare_file() {
  int status = sqlite3_open_v2(file_.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (status != SQLITE_OK) return status;
  sqlite3_busy_timeout(db_, busy_wait_ms);
  // NORMAL: a power cut may lose the last saves, never the file.
  status = run(db_, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  if (status != SQLITE_OK) return status;
  Statement check(db_, "PRAGMA quick_check(1)");
  status = check.step();
  if (status != SQLITE_ROW) return status;
  if (check.text(0) != "ok") return SQLITE_CORRUPT;
  Statement version(db_, "PRAGMA user_version");
  status = version.step();
  if (status != SQLITE_ROW) return status;
  if (version.number(0) > file_version) return written_by_newer;
  const std::string make = fmt::format(
      "BEGIN IMMEDIATE;"
      "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, number INTEGER NOT NULL, text BLOB NOT NULL);"
      "PRAGMA user_version = {}; COMMIT",
      file_version);
  return run(db_, make.c_str());
}

void State::move_aside(const std::string& why) {
  sqlite3_close(std::exchange(db_, nullptr));
  const std::string aside = file_ + ".damaged";
  log::warning("state: {} cannot be used ({}); moved to {}, starting with nothing kept", file_, why, aside);
  std::error_code ignored;
  fs::rename(file_, aside, ignored);
  fs::remove(file_ + "-wal", ignored);
  fs::remove(file_ + "-shm", ignored);
}

void State::save(const char* name, int64_t number, std::string_view text) {
  Statement write(db_, "INSERT OR REPLACE INTO kept (name, number, text) VALUES (?, ?, ?)");
  const int status = write.bind(1, name).bind(2, number).bind(3, text).step();
  const bool failed = status != SQLITE_DONE;
  if (failed && !failing_)
    log::warning("state: cannot keep the {} in {}: {}; the node serves on", name, file_, sqlite3_errmsg(db_));
  if (!failed && failing_) log::info("state: {} works again", file_);
  failing_ = failed;
}

std::optional<State::Row> State::load(const char* name) {
  Statement read(db_, "SELECT number, text FROM kept WHERE name = ?");
  const int status = read.bind(1, name).step();
  if (status == SQLITE_ROW) return Row{read.number(0), read.text(1)};
  if (status != SQLITE_DONE)
    log::warning("state: cannot read the {} from {}: {}", name, file_, sqlite3_errmsg(db_));
  return std::nullopt;
}

void State::save_config(const KeptConfig& config) {
  save(config_row, static_cast<int64_t>(config.revision), config.text);
}

std::optional<State::KeptConfig> State::load_config() {
  auto row = load(config_row);
  if (!row) return std::nullopt;
  return KeptConfig{static_cast<uint64_t>(row->number), std::move(row->text)};
}

void State::save_metrics(const Report& report, TimePoint now, WallTime wall) {
  save(metrics_row, to_ms_since_1970(wall), encode_report(report, now));
}

std::optional<Report> State::load_metrics(TimePoint now, WallTime wall) {
  const auto row = load(metrics_row);
  if (!row) return std::nullopt;
  // A clock that was set back in between must not make the samples younger.
  const milliseconds passed{std::max<int64_t>(0, to_ms_since_1970(wall) - row->number)};
  if (passed > CodecLimits::age) return std::nullopt;
  auto report = decode_report(row->text, now - passed);
  if (report) return std::move(*report);
  log::warning("state: the measurements in {} cannot be used: {}", file_, report.error().message);
  return std::nullopt;
}

}  // namespace popnet::cluster
