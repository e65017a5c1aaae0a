#include "dns/zone/zone_copies.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "common/file.h"
#include "common/log.h"
#include "dns/zone/master_file.h"

namespace popnet::dns {

namespace {

Error refused(const std::string& path) {
  return {ErrorCode::machine, fmt::format("{} cannot be written: {}", path, std::strerror(errno))};
}

/// The root's file is seen by `ls`, and no other name gives it: '@' has a backslash before it in those.
std::string file_name(const Name& zone) {
  if (is_root(zone.bytes())) return "@.zone";
  const std::string text = to_file_text(zone.bytes());
  return text.ends_with('.') ? text + "zone" : text + ".zone";
}

void append_line(std::string& text, const Record& record) {
  fmt::format_to(std::back_inserter(text), "{} {} IN TYPE{} \\# {} ", owner_name(record.owner).to_text(),
                 record.ttl, record.type, record.data.size());
  for (const uint8_t byte : record.data) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  text += '\n';
}

bool write_records(std::FILE* file, const Records& records) {
  std::string text =
      fmt::format("; {} as its primary sent it; written by popnet\n", records.apex().to_text());
  for (size_t i = 0; i < records.size(); ++i) {
    append_line(text, records[i]);
    if (text.size() < 1 << 16 && i + 1 < records.size()) continue;
    if (std::fwrite(text.data(), 1, text.size(), file) != text.size()) return false;
    text.clear();
  }
  return std::fflush(file) == 0 && ::fsync(fileno(file)) == 0;
}

}  // namespace

std::string ZoneCopies::path_of(const Name& zone) const {
  return folder_ + "/" + file_name(zone);
}

const ZoneCopy* ZoneCopies::find(const Name& zone) const {
  const auto found = copies_.find(owner_key(zone.bytes()));
  return found == copies_.end() ? nullptr : &found->second;
}

void ZoneCopies::put(const Name& zone, ZoneCopy copy) {
  if (copy.expiry == nullptr) copy.expiry = std::make_shared<std::atomic<int64_t>>(copy.expires());
  copies_[owner_key(zone.bytes())] = std::move(copy);
}

void ZoneCopies::drop(const Name& zone) {
  copies_.erase(owner_key(zone.bytes()));
  unsaved_.erase(owner_key(zone.bytes()));
}

void ZoneCopies::remove(const Name& zone) {
  drop(zone);
  if (!folder_.empty()) (void)std::remove(path_of(zone).c_str());
}

void ZoneCopies::load(const Name& zone) {
  struct stat about {};
  if (folder_.empty() || find(zone) != nullptr) return;
  const std::string path = path_of(zone);
  if (::stat(path.c_str(), &about) != 0) return;
  auto records = std::make_shared<Records>(zone, path);
  Problems problems;
  if (read_master_file(path, *records, problems, Digests::as_they_are)) records->sort();
  const auto soa = read_soa_times(*records);
  if (problems.count() > 0 || !soa) {
    log::error("the copy of zone {} cannot be used: {}", zone.to_text(),
               problems.count() > 0 ? problems.lines()[0] : path + ": has no SOA record");
    return;
  }
  put(zone, {std::move(records), *soa, static_cast<int64_t>(about.st_mtime), nullptr});
}

Status ZoneCopies::save(const Name& zone) {
  const ZoneCopy* copy = find(zone);
  if (folder_.empty() || copy == nullptr) return {};
  unsaved_.insert(owner_key(zone.bytes()));
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  // A process that is being replaced may save the same zone at the same moment: each writes a file of its own.
  const std::string path = path_of(zone), fresh = fmt::format("{}.{}", path, ::getpid());
  const File file(std::fopen(fresh.c_str(), "we"));
  const bool written = file != nullptr && write_records(file.get(), *copy->records);
  if (!written || std::rename(fresh.c_str(), path.c_str()) != 0) {
    Error error = refused(written ? path : fresh);
    (void)std::remove(fresh.c_str());
    return error;
  }
  unsaved_.erase(owner_key(zone.bytes()));
  set_file_time(zone, copy->confirmed);
  return {};
}

void ZoneCopies::confirm(const Name& zone, int64_t confirmed) {
  ZoneCopy& copy = copies_.at(owner_key(zone.bytes()));
  copy.confirmed = confirmed;
  copy.expiry->store(copy.expires(), std::memory_order_relaxed);
  if (folder_.empty()) return;
  if (!unsaved_.contains(owner_key(zone.bytes()))) return set_file_time(zone, confirmed);
  if (const Status saved = save(zone); !saved)
    log::error("zone {}: its copy is still not kept: {}", zone.to_text(), saved.error().message);
}

int64_t confirmed_at(int64_t now, const SoaTimes& soa, std::optional<uint32_t> left) {
  return now - (soa.expire - std::min(left.value_or(soa.expire), soa.expire));
}

std::map<std::string, Expiry> ZoneCopies::expiries() const {
  std::map<std::string, Expiry> all;
  for (const auto& [key, copy] : copies_) all.emplace(key, copy.expiry);
  return all;
}

void ZoneCopies::set_file_time(const Name& zone, int64_t confirmed) const {
  const timespec times[2] = {{0, UTIME_OMIT}, {confirmed, 0}};
  if (::utimensat(AT_FDCWD, path_of(zone).c_str(), times, 0) != 0)
    log::warning("{}: its time cannot be set: {}", path_of(zone), std::strerror(errno));
}

ZoneSources::Map ZoneCopies::good_at(int64_t now) const {
  ZoneSources::Map good;
  for (const auto& [key, copy] : copies_)
    if (now < copy.expires()) good.emplace(key, copy.records);
  return good;
}

}  // namespace popnet::dns
