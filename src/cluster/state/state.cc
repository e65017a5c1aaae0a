#include "cluster/state/state.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <numeric>
#include <system_error>
#include <utility>
#include <vector>

#include "cluster/codec/codec.h"
#include "common/log.h"

namespace popnet::cluster {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr int busy_wait_ms = 1000;              // for another process that looks into the file
constexpr int file_version = 1;                 // PRAGMA user_version
constexpr const char* config_row = "config";    // number: revision
constexpr const char* metrics_row = "metrics";  // number: wall time of the save, milliseconds since 1970;
                                                // "metrics/00001" and so on go on with it
constexpr size_t samples_in_a_row = 1000;

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

/// Indexes of what to keep where not all can be: origins and POPs first, then the newest.
std::vector<size_t> most_wanted(const std::vector<model::ProbeSample>& samples) {
  std::vector<size_t> order(samples.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (order.size() <= CodecLimits::samples) return order;
  const auto more_wanted = [&](size_t a, size_t b) {
    const bool client_a = samples[a].target.kind == model::TargetId::Kind::client;
    const bool client_b = samples[b].target.kind == model::TargetId::Kind::client;
    return client_a != client_b ? client_b : samples[a].at > samples[b].at;
  };
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(CodecLimits::samples);
  std::nth_element(order.begin(), end, order.end(), more_wanted);
  order.erase(end, order.end());
  return order;
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
  const std::string why = sqlite3_errstr(status);
  std::error_code ignored;
  if (!fs::exists(file_, ignored) || !open_to_read())
    return Error{ErrorCode::machine, fmt::format("node.state_dir: cannot use {}: {}", file_, why)};
  log::error(
      "state: {} cannot be written ({}): this node starts from what is in it, and keeps nothing until it can",
      file_, why);
  return {};
}

/// On a full or read-only disk: by itself, without the file that processes share, for which there may be no room; else the
/// file as it is, without what a process that was killed has left in the log beside it. False: not even so.
bool State::open_to_read() {
  sqlite3_close(std::exchange(db_, nullptr));
  writable_ = false;
  const auto is_read = [this] { return Statement(db_, "SELECT count(*) FROM kept").step() == SQLITE_ROW; };
  if (sqlite3_open_v2(file_.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
      run(db_, "PRAGMA locking_mode = EXCLUSIVE") == SQLITE_OK && is_read())
    return true;
  sqlite3_close(std::exchange(db_, nullptr));
  std::string name = "file:";
  for (const char c : file_)
    if (c == '%' || c == '?' || c == '#')
      name += fmt::format("%{:02x}", static_cast<unsigned>(c));
    else
      name += c;
  name += "?mode=ro&immutable=1";
  return sqlite3_open_v2(name.c_str(), &db_, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr) == SQLITE_OK &&
         is_read();
}

/// Tries once more where it was not at the start.
bool State::is_writable() {
  if (writable_) return true;
  sqlite3_close(std::exchange(db_, nullptr));
  writable_ = prepare_file() == SQLITE_OK;
  if (!writable_) (void)open_to_read();
  return writable_;
}

/// Opens the file and brings it into shape; checks all of it for damage.
int State::prepare_file() {
  int status = sqlite3_open_v2(file_.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (status != SQLITE_OK) return status;
  if (sqlite3_db_readonly(db_, "main") != 0)
    return SQLITE_READONLY;  // it would stay so when it may be written
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
  if (version.number(0) == file_version)
    return SQLITE_OK;  // nothing is written, on a full disk it could not be
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

int State::write(std::string_view name, int64_t number, std::string_view text) {
  Statement write(db_, "INSERT OR REPLACE INTO kept (name, number, text) VALUES (?, ?, ?)");
  return write.bind(1, name).bind(2, number).bind(3, text).step();
}

void State::save(const char* name, int64_t number, std::string_view text) {
  note(name, !is_writable() || write(name, number, text) != SQLITE_DONE);
}

void State::note(const char* name, bool failed) {
  if (failed && !failing_)
    log::warning("state: cannot keep the {} in {}: {}; the node serves on", name, file_,
                 writable_ ? sqlite3_errmsg(db_) : "it cannot be written");
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
  if (!is_writable()) return note(metrics_row, true);
  int status = run(db_, "BEGIN IMMEDIATE; DELETE FROM kept WHERE name GLOB 'metrics*'");
  if (status == SQLITE_OK) status = write_metrics(report, now, to_ms_since_1970(wall));
  if (status == SQLITE_DONE) status = run(db_, "COMMIT");
  note(metrics_row, status != SQLITE_OK);
  if (status != SQLITE_OK && sqlite3_get_autocommit(db_) == 0) run(db_, "ROLLBACK");
}

/// SQLITE_DONE, or what went wrong. REQUIRES: a transaction
int State::write_metrics(const Report& report, TimePoint now, int64_t number) {
  const auto order = most_wanted(report.samples);
  Report part;
  part.author = report.author;
  part.shares = report.shares;
  size_t next = 0;
  int status = SQLITE_DONE;
  for (int i = 0; status == SQLITE_DONE && (i == 0 || next < order.size()); ++i) {
    for (; next < order.size() && part.samples.size() < samples_in_a_row; ++next)
      part.samples.push_back(report.samples[order[next]]);
    status = write(i == 0 ? metrics_row : fmt::format("{}/{:05}", metrics_row, i), number,
                   encode_report(part, now));
    part = Report{};
    part.author = report.author;
  }
  return status;
}

std::optional<Report> State::load_metrics(TimePoint now, WallTime wall) {
  std::optional<Report> all;
  std::optional<Error> first_error;
  Statement read(db_, "SELECT number, text FROM kept WHERE name GLOB 'metrics*' ORDER BY name");
  int status = read.step();
  for (; status == SQLITE_ROW; status = read.step()) {
    // A clock that was set back in between must not make the samples younger.
    const milliseconds passed{std::max<int64_t>(0, to_ms_since_1970(wall) - read.number(0))};
    if (passed > CodecLimits::age) return std::nullopt;
    auto part = decode_report(read.text(1), now - passed);
    if (!part && !first_error) first_error = part.error();
    if (!part) continue;
    if (!all) {
      all = std::move(*part);
      continue;
    }
    std::move(part->samples.begin(), part->samples.end(), std::back_inserter(all->samples));
    std::move(part->shares.begin(), part->shares.end(), std::back_inserter(all->shares));
  }
  if (status != SQLITE_DONE && !first_error) first_error = Error{ErrorCode::machine, sqlite3_errmsg(db_)};
  if (first_error)
    log::warning("state: {} of the measurements in {} cannot be used: {}", all ? "some" : "all", file_,
                 first_error->message);
  return all;
}

}  // namespace popnet::cluster
