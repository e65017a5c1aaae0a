// Keys on disk: one folder, for all zones, that all nodes of a network share or have a copy of. For each key:
//   K<zone>+<algorithm>+<tag>.private   the secret, as BIND and ldns write it (Private-key-format: v1.3)
//   K<zone>+<algorithm>+<tag>.key       the DNSKEY record, for people and other programs
//   K<zone>+<algorithm>+<tag>.state     role and times, "Name: YYYYMMDDHHMMSS" in UTC
// and for each zone with copies elsewhere
//   K<zone>serial                       by how much its serial number is ahead of the zone file's
// and once
//   lock                                held by who changes keys
// <zone> is to_file_text() of its name.
// Files are replaced whole (rename), so a reader never sees half of one. Blocking; thread safe as the file
// system is.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "dns/sign/key.h"
#include "dns/wire/name.h"

namespace popnet::dns::sign {

/// By how much the serial number of a zone's signed copies is ahead of its file's: steps, and one more for each time
/// `every` has passed since the last step.
struct SerialState {
  uint32_t steps = 0;
  Seconds since = 0;    ///< 0: there was no step yet
  Seconds every = 0;    ///< positive unless `since` is 0
  std::string content;  ///< digest of what made the last step
  [[nodiscard]] uint32_t ahead(Seconds now) const {
    return steps + (since == 0 || now < since ? 0 : static_cast<uint32_t>((now - since) / every));
  }
  bool operator==(const SerialState&) const = default;
};

/// The .private files of a folder, by the part of their names that tells the zone.
using KeyFiles = std::map<std::string, std::vector<std::string>, std::less<>>;

class KeyFolder {
 public:
  explicit KeyFolder(std::string path) : path_(std::move(path)) {}

  /// While it lives no other process changes keys that locks, too. The file `lock` in the folder, which is made where it is
  /// not there; waits for half a minute at most. ErrorCode::machine. A file system without locks is locked at once.
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    ~Lock();
    Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Lock& operator=(Lock&&) = delete;

   private:
    int fd_;
  };
  [[nodiscard]] Result<Lock> lock() const;

  /// Files that are written together: beside their places first, and moved there when all are on the disk, which is waited for
  /// once, however many there are. What was not moved is taken away at the end.
  class Batch {
   public:
    Batch() = default;
    ~Batch() { drop(0); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    [[nodiscard]] size_t size() const { return files_.size(); }
    /// Takes away those from number `first` on.
    void drop(size_t first);
    /// Waits until they are on the disk. ErrorCode::machine: they may not be.
    [[nodiscard]] Status sync() const;
    /// Moves those from number `first` on, before `last`, in order. ErrorCode::machine names the first that could not be.
    [[nodiscard]] Status move(size_t first, size_t last);

   private:
    friend class KeyFolder;
    struct File {
      std::string fresh, path;  // the former is empty once it has been moved
    };
    [[nodiscard]] Status write(const std::string& path, const std::string& text, mode_t mode);
    std::vector<File> files_;
  };

  /// What there is, to load() the keys of many zones from; nothing if the folder is not there. ErrorCode::invalid.
  [[nodiscard]] Result<KeyFiles> list() const;
  /// In order.
  [[nodiscard]] static const std::vector<std::string>& files_of(const Name& zone, const KeyFiles& files);
  /// The zone's keys in order of tags; none if the folder is not there. ErrorCode::invalid names the file.
  [[nodiscard]] Result<std::vector<Key>> load(const Name& zone, const KeyFiles& files) const;
  [[nodiscard]] Result<std::vector<Key>> load(const Name& zone) const;
  /// Writes all files of the key; makes the folder. ErrorCode::machine, here and below.
  [[nodiscard]] Status add(const Name& zone, const Key& key, Batch& batch) const;
  [[nodiscard]] Status add(const Name& zone, const Key& key) const;
  /// Writes the times again.
  [[nodiscard]] Status update(const Name& zone, const KeyState& state, Batch& batch) const;
  [[nodiscard]] Status update(const Name& zone, const KeyState& state) const;
  /// The files of a key that is no longer needed; some may be gone already. ErrorCode::machine: the key may still be there.
  [[nodiscard]] Status remove(const Name& zone, const KeyState& state) const;
  /// As it was saved last; without steps if it never was, or is no such file.
  [[nodiscard]] SerialState load_serial(const Name& zone) const;
  [[nodiscard]] Status save_serial(const Name& zone, const SerialState& state, Batch& batch) const;
  /// Waits until what was moved into the folder, or removed, stays so after a loss of power. ErrorCode::machine.
  [[nodiscard]] Status sync() const;
  /// Another number whenever a file has been written; 0 if the folder is not there.
  [[nodiscard]] int64_t stamp() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] std::string stem(const Name& zone, const KeyState& state) const;
  [[nodiscard]] std::string serial_file(const Name& zone) const;
  [[nodiscard]] Result<Key> load_key(const Name& zone, const std::string& private_file) const;

  std::string path_;
};

}  // namespace popnet::dns::sign
