// The last versions of the zones that are fetched from other servers, in memory and in a folder, so that a node that
// starts while no primary answers serves what it had.
//
// A file is a master file of records as RFC 3597 section 5 writes unknown ones, so that every type survives. The time of
// its last change is when a primary last confirmed that it is the zone's newest version (as BIND keeps it): a zone that
// nobody has confirmed for its SOA record's EXPIRE is not served any more (RFC 1035 section 3.3.13). What a primary that is itself
// a secondary confirms is as old as its own confirmation, as far as it tells (RFC 7314).
//
// One thread at a time. Blocking (files). Times are in seconds since 1970.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/result.h"
#include "dns/zone/make_names.h"
#include "dns/zone/zone_update.h"

namespace popnet::dns {

struct ZoneCopy {
  std::shared_ptr<const Records> records;
  SoaTimes soa;
  int64_t confirmed = 0;

  /// The same as expires(), for threads that answer queries; made by ZoneCopies.
  std::shared_ptr<std::atomic<int64_t>> expiry = nullptr;
  bool provisional = false;  // from no primary: whatever one has takes its place

  [[nodiscard]] int64_t expires() const { return confirmed + int64_t{soa.expire}; }
};

/// When the first primary of all confirmed what one has confirmed now. `left`: for how long that one may serve the zone still;
/// nothing: it does not say.
int64_t confirmed_at(int64_t now, const SoaTimes& soa, std::optional<uint32_t> left);

class ZoneCopies {
 public:
  /// `folder`: is made when it is needed; empty: memory only.
  explicit ZoneCopies(std::string folder) : folder_(std::move(folder)) {}

  /// Null if there is none.
  [[nodiscard]] const ZoneCopy* find(const Name& zone) const;
  /// From its file, unless it is known or there is none. What is wrong with the file goes to the log.
  void load(const Name& zone);
  void put(const Name& zone, ZoneCopy copy);
  void drop(const Name& zone);
  /// With its file.
  void remove(const Name& zone);
  /// Writes the file. ErrorCode::machine: confirm() tries it again.
  Status save(const Name& zone);
  /// Its primary has no newer version, as of that time. What could not be written before is written now, and no file of an
  /// older version is called confirmed. REQUIRES: find(zone)
  void confirm(const Name& zone, int64_t confirmed);

  /// What may be served at that time.
  [[nodiscard]] ZoneSources::Map good_at(int64_t now) const;
  [[nodiscard]] std::map<std::string, Expiry> expiries() const;

 private:
  [[nodiscard]] std::string path_of(const Name& zone) const;
  void set_file_time(const Name& zone, int64_t confirmed) const;

  const std::string folder_;
  std::map<std::string, ZoneCopy> copies_;  // by owner key
  std::set<std::string> unsaved_;           // of these, whose file is of an older version, or not there
};

}  // namespace popnet::dns
