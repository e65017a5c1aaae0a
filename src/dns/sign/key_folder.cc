#include "dns/sign/key_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "common/text.h"

namespace popnet::dns::sign {

namespace {

namespace fs = std::filesystem;

constexpr Seconds every_max = 366 * 86400;
constexpr std::string_view private_end = ".private";
constexpr size_t sync_each_max = 8;  // files that are synced one by one
constexpr int lock_wait_ms = 30'000, lock_step_ms = 10;

constexpr std::pair<const char*, Seconds Times::*> time_fields[] = {
    {"Created", &Times::created}, {"Publish", &Times::publish},      {"Activate", &Times::activate},
    {"Sync", &Times::sync},       {"DSSeen", &Times::ds_seen},       {"Retire", &Times::retire},
    {"Remove", &Times::remove},   {"RollAsked", &Times::roll_asked}, {"DSUnwanted", &Times::ds_unwanted},
};

/// "Name: value" lines.
using Fields = std::map<std::string, std::string, std::less<>>;

Result<Fields> read_fields(const std::string& path) {
  std::ifstream in(path);
  if (!in) return Error{ErrorCode::invalid, path + " cannot be read"};
  Fields fields;
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon != line.npos) fields[line.substr(0, colon)] = trim(std::string_view(line).substr(colon + 1));
  }
  return fields;
}

Error cannot(const std::string& path, const char* what) {
  return {ErrorCode::machine, fmt::format("{} cannot be {}: {}", path, what, std::strerror(errno))};
}

/// Writes what there is of the file, or of the file system that it is in, to the disk.
bool sync_file(const std::string& path, int (*sync)(int)) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && sync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  errno = error;
  return done;
}

std::string base64(std::span<const uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(static_cast<size_t>(EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), bytes.data(),
                                                  static_cast<int>(bytes.size()))));
  return text;
}

/// Empty if it is not base64.
std::vector<uint8_t> from_base64(std::string_view text) {
  std::vector<uint8_t> bytes(text.size() / 4 * 3 + 3);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const uint8_t*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  const auto padding = static_cast<size_t>(std::count(text.begin(), text.end(), '='));
  bytes.resize(static_cast<size_t>(size) - std::min(padding, static_cast<size_t>(size)));
  return bytes;
}

std::string time_text(Seconds t) {
  const auto seconds = static_cast<time_t>(t);
  tm utc{};
  gmtime_r(&seconds, &utc);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &utc)};
}

/// 0 if it is none.
Seconds parse_time(const std::string& text) {
  tm utc{};
  const char* end = strptime(text.c_str(), "%Y%m%d%H%M%S", &utc);
  return end == nullptr ? 0 : static_cast<Seconds>(timegm(&utc));
}

std::string state_text(const KeyState& state) {
  std::string text = fmt::format("Role: {}\n", to_text(state.role));
  for (const auto& [name, member] : time_fields)
    if (state.times.*member != 0) text += fmt::format("{}: {}\n", name, time_text(state.times.*member));
  return text;
}

/// 0 if it is none.
int64_t parse_number(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string field(const Fields& fields, std::string_view name) {
  const auto at = fields.find(name);
  return at == fields.end() ? std::string() : at->second;
}

/// How the names of all files of the zone's keys begin.
std::string prefix_of(const Name& zone) {
  return fmt::format("K{}+", to_file_text(zone.bytes()));
}

}  // namespace

std::string KeyFolder::stem(const Name& zone, const KeyState& state) const {
  return fmt::format("{}/{}{:03}+{:05}", path_, prefix_of(zone), static_cast<int>(state.algorithm),
                     state.tag);
}

Result<Key> KeyFolder::load_key(const Name& zone, const std::string& private_file) const {
  const std::string base = private_file.substr(0, private_file.size() - private_end.size());
  const auto secret_fields = read_fields(private_file);
  if (!secret_fields) return secret_fields.error();
  const std::string number = field(*secret_fields, "Algorithm");
  const int64_t algorithm = parse_number(number);
  if (algorithm != static_cast<int>(Algorithm::ecdsa_p256) &&
      algorithm != static_cast<int>(Algorithm::ed25519))
    return Error{ErrorCode::invalid, fmt::format("{}: algorithm '{}' is not 13 (ECDSA P-256) or 15 (Ed25519)",
                                                 private_file, number)};
  auto secret =
      Secret::from_bytes(static_cast<Algorithm>(algorithm), from_base64(field(*secret_fields, "PrivateKey")));
  if (!secret) return Error{ErrorCode::invalid, fmt::format("{}: {}", private_file, secret.error().message)};
  const auto state_fields = read_fields(base + ".state");
  if (!state_fields) return state_fields.error();
  const auto role = parse_role(field(*state_fields, "Role"));
  Times times;
  for (const auto& [name, member] : time_fields) times.*member = parse_time(field(*state_fields, name));
  if (!role || times.publish == 0 || times.activate == 0)
    return Error{
        ErrorCode::invalid,
        fmt::format("{}.state: write the key's role and since when it is in the zone and signs, as \"Role: "
                    "csk\" (or ksk, zsk), \"Publish: 20260102030405\", \"Activate: 20260102030405\"",
                    base)};
  Key key(std::move(*secret), *role, times);
  const std::string right = stem(zone, key.state);
  if (fs::path(right).filename() != fs::path(base).filename())
    return Error{
        ErrorCode::invalid,
        fmt::format("{}: this is the key of {}.private, give its files that name", private_file, right)};
  return key;
}

KeyFolder::Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<KeyFolder::Lock> KeyFolder::lock() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) return Error{ErrorCode::machine, fmt::format("{} cannot be made: {}", path_, error.message())};
  const std::string file = path_ + "/lock";
  constexpr int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;  // NFS wants it writable
  int fd = ::open(file.c_str(), flags | O_CREAT | O_EXCL, 0600);
  struct stat folder {};
  if (fd >= 0 && ::geteuid() == 0 && ::stat(path_.c_str(), &folder) == 0)
    (void)!::fchown(fd, folder.st_uid, folder.st_gid);  // the node may not be root
  if (fd < 0 && errno == EEXIST) fd = ::open(file.c_str(), flags);
  if (fd < 0)
    return Error{ErrorCode::machine, fmt::format("{} cannot be opened: {}", file, std::strerror(errno))};
  Lock lock(fd);
  for (int tries = lock_wait_ms / lock_step_ms; ::flock(fd, LOCK_EX | LOCK_NB) != 0; --tries) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    if (tries == 0)
      return Error{ErrorCode::machine,
                   fmt::format("{} has been held by another process for {} s: one node alone may have "
                               "node.manage_keys, see who holds it with fuser or lslocks",
                               file, lock_wait_ms / 1000)};
    ::usleep(lock_step_ms * 1000);
  }
  return lock;
}

Result<KeyFiles> KeyFolder::list() const {
  KeyFiles files;
  std::error_code error;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!name.ends_with(private_end)) continue;
    size_t plus = name.rfind('+');  // before the tag, and then before the algorithm
    if (plus != name.npos && plus != 0) plus = std::min(plus, name.rfind('+', plus - 1));
    if (plus != name.npos) files[name.substr(0, plus + 1)].push_back(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return Error{ErrorCode::invalid, fmt::format("{} cannot be read: {}", path_, error.message())};
  for (auto& [zone, names] : files) std::sort(names.begin(), names.end());
  return files;
}

const std::vector<std::string>& KeyFolder::files_of(const Name& zone, const KeyFiles& files) {
  static const std::vector<std::string> none;
  const auto names = files.find(prefix_of(zone));
  return names == files.end() ? none : names->second;
}

Result<std::vector<Key>> KeyFolder::load(const Name& zone, const KeyFiles& files) const {
  std::vector<Key> keys;
  for (const std::string& name : files_of(zone, files)) {
    const std::string file = fmt::format("{}/{}", path_, name);
    auto key = load_key(zone, file);
    std::error_code ignored;
    if (!key && !fs::exists(file, ignored)) continue;  // removed meanwhile
    if (!key) return key.error();
    keys.push_back(std::move(*key));
  }
  return keys;
}

Result<std::vector<Key>> KeyFolder::load(const Name& zone) const {
  const auto files = list();
  if (!files) return files.error();
  return load(zone, *files);
}

Status KeyFolder::Batch::write(const std::string& path, const std::string& text, mode_t mode) {
  const std::string fresh = fmt::format("{}.{}", path, ::getpid());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return cannot(path, "written");
  files_.push_back({fresh, path});
  const auto written = ::write(fd, text.data(), text.size());
  Status status;
  if (written != static_cast<ssize_t>(text.size())) {
    if (written >= 0) errno = ENOSPC;
    status = cannot(path, "written");
  }
  if (::close(fd) != 0 && status) status = cannot(path, "written");
  return status;
}

void KeyFolder::Batch::drop(size_t first) {
  for (size_t i = first; i < files_.size(); ++i)
    if (!files_[i].fresh.empty()) ::unlink(files_[i].fresh.c_str());
  files_.resize(std::min(first, files_.size()));
}

// Each fsync() may cost a revolution of a disk: first keys of thousands of zones would take minutes.
Status KeyFolder::Batch::sync() const {
  if (files_.empty()) return {};
  if (files_.size() > sync_each_max)
    return sync_file(files_.front().fresh, ::syncfs) ? Status() : cannot(files_.front().path, "written");
  for (const File& file : files_)
    if (!sync_file(file.fresh, ::fsync)) return cannot(file.path, "written");
  return {};
}

Status KeyFolder::Batch::move(size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) {
    File& file = files_[i];
    if (::rename(file.fresh.c_str(), file.path.c_str()) != 0) return cannot(file.path, "written");
    file.fresh.clear();
  }
  return {};
}

Status KeyFolder::add(const Name& zone, const Key& key, Batch& batch) const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) return Error{ErrorCode::machine, fmt::format("{} cannot be made: {}", path_, error.message())};
  const std::string base = stem(zone, key.state);
  const std::string dnskey =
      fmt::format("; {}\n{} IN DNSKEY {} 3 {} {}\n", to_text(key.state.role), zone.to_text(),
                  key.dnskey[0] << 8 | key.dnskey[1], static_cast<int>(key.state.algorithm),
                  base64(key.secret.public_bytes()));
  const std::string secret = fmt::format("Private-key-format: v1.3\nAlgorithm: {} ({})\nPrivateKey: {}\n",
                                         static_cast<int>(key.state.algorithm), to_text(key.state.algorithm),
                                         base64(key.secret.private_bytes()));
  if (auto status = batch.write(base + ".state", state_text(key.state), 0644); !status) return status;
  if (auto status = batch.write(base + ".key", dnskey, 0644); !status) return status;
  return batch.write(base + ".private", secret, 0600);  // last: load() goes by it
}

Status KeyFolder::update(const Name& zone, const KeyState& state, Batch& batch) const {
  return batch.write(stem(zone, state) + ".state", state_text(state), 0644);
}

namespace {

Status write_all(KeyFolder::Batch& batch, Status written) {
  if (written) written = batch.sync();
  return written ? batch.move(0, batch.size()) : written;
}

}  // namespace

Status KeyFolder::add(const Name& zone, const Key& key) const {
  Batch batch;
  return write_all(batch, add(zone, key, batch));
}

Status KeyFolder::update(const Name& zone, const KeyState& state) const {
  Batch batch;
  return write_all(batch, update(zone, state, batch));
}

// A key is whole until its secret goes: what ends in between is done again.
Status KeyFolder::remove(const Name& zone, const KeyState& state) const {
  for (const char* end : {".key", ".private", ".state"}) {
    const std::string file = stem(zone, state) + end;
    std::error_code error;
    fs::remove(file, error);
    if (error)
      return Error{ErrorCode::machine, fmt::format("{} cannot be removed: {}", file, error.message())};
  }
  return {};
}

std::string KeyFolder::serial_file(const Name& zone) const {
  return fmt::format("{}/K{}serial", path_, to_file_text(zone.bytes()));
}

SerialState KeyFolder::load_serial(const Name& zone) const {
  const auto fields = read_fields(serial_file(zone));
  if (!fields) return {};
  SerialState state;
  state.steps = static_cast<uint32_t>(parse_number(field(*fields, "Steps")));
  state.since = parse_time(field(*fields, "Since"));
  state.every = parse_number(field(*fields, "Every"));
  state.content = field(*fields, "Content");
  return state.since > 0 && state.every > 0 && state.every <= every_max ? state : SerialState{};
}

Status KeyFolder::save_serial(const Name& zone, const SerialState& state, Batch& batch) const {
  return batch.write(serial_file(zone),
                     fmt::format("Steps: {}\nSince: {}\nEvery: {}\nContent: {}\n", state.steps,
                                 time_text(state.since), state.every, state.content),
                     0644);
}

Status KeyFolder::sync() const {
  return sync_file(path_, ::fsync) ? Status() : cannot(path_, "written");
}

// Files are moved into the folder, which changes its time.
int64_t KeyFolder::stamp() const {
  std::error_code error;
  const auto time = fs::last_write_time(path_, error);
  return error ? 0 : static_cast<int64_t>(time.time_since_epoch().count());
}

}  // namespace popnet::dns::sign
