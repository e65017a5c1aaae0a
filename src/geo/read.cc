#include "geo/read.h"

#include <maxminddb.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

namespace popnet::geo {

namespace {

using model::GeoNetworks;
using model::GeoPlace;

class Database {
 public:
  Database() = default;
  ~Database() {
    if (open_) MMDB_close(&db);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  int open(const std::string& path) {
    const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &db);
    open_ = status == MMDB_SUCCESS;
    return status;
  }
  MMDB_s db{};

 private:
  bool open_ = false;
};

/// The text at the end of `path` in the data; empty if there is none.
template <class... Path>
std::string text_at(MMDB_entry_s entry, Path... path) {
  MMDB_entry_data_s data;
  if (MMDB_get_value(&entry, &data, path..., nullptr) != MMDB_SUCCESS || !data.has_data ||
      data.type != MMDB_DATA_TYPE_UTF8_STRING)
    return {};
  return {data.utf8_string, data.data_size};
}

std::optional<double> number_at(MMDB_entry_s entry, const char* section, const char* name) {
  MMDB_entry_data_s data;
  if (MMDB_get_value(&entry, &data, section, name, nullptr) != MMDB_SUCCESS || !data.has_data ||
      data.type != MMDB_DATA_TYPE_DOUBLE)
    return std::nullopt;
  return data.double_value;
}

/// Where the users of a network are: the country they live in, not the one it is registered in, unless only
/// that is known.
GeoPlace place_of(const MMDB_entry_s& entry) {
  GeoPlace place;
  place.continent = text_at(entry, "continent", "code");
  place.country = text_at(entry, "country", "iso_code");
  if (place.country.empty()) place.country = text_at(entry, "registered_country", "iso_code");
  const std::string part = text_at(entry, "subdivisions", "0", "iso_code");
  if (!part.empty() && !place.country.empty()) place.subdivision = place.country + "-" + part;
  const auto latitude = number_at(entry, "location", "latitude");
  const auto longitude = number_at(entry, "location", "longitude");
  if (latitude && longitude && std::abs(*latitude) <= 90 && std::abs(*longitude) <= 180)
    place.location = model::GeoPoint{*latitude, *longitude};
  return place;
}

/// Walks the search tree, in order of address.
class Walk {
 public:
  explicit Walk(MMDB_s& db)
      : db_(db), is_v6_(db.metadata.ip_version == 6), visits_max_(2 * uint64_t{db.metadata.node_count}) {}

  int run() {
    if (!is_v6_) return visit(0, {}, 0, 32);
    v4_root_ = db_.ipv4_start_node.node_value;
    v4_depth_ = db_.ipv4_start_node.netmask;
    return visit(0, {}, 0, 128);
  }
  [[nodiscard]] GeoNetworks take() && {
    std::sort(result_.networks.begin(), result_.networks.end(),
              [](const auto& a, const auto& b) { return a.network.address() < b.network.address(); });
    result_.networks.shrink_to_fit();
    return std::move(result_);
  }

 private:
  using Bits = std::array<uint8_t, 16>;

  // NOLINTNEXTLINE(misc-no-recursion): as deep as an address is long
  int visit(uint32_t node, Bits bits, int depth, int depth_max) {
    if (depth >= depth_max || ++visited_ > visits_max_) return MMDB_CORRUPT_SEARCH_TREE_ERROR;
    MMDB_search_node_s found;
    if (const int status = MMDB_read_node(&db_, node, &found); status != MMDB_SUCCESS) return status;
    if (const int status = follow(found.left_record_type, found.left_record, &found.left_record_entry, bits,
                                  depth + 1, depth_max);
        status != MMDB_SUCCESS)
      return status;
    bits[static_cast<size_t>(depth) / 8] |= static_cast<uint8_t>(0x80 >> depth % 8);
    return follow(found.right_record_type, found.right_record, &found.right_record_entry, bits, depth + 1,
                  depth_max);
  }

  int follow(uint8_t type, uint64_t record, MMDB_entry_s* entry, const Bits& bits,
             int depth,  // NOLINT(misc-no-recursion)
             int depth_max) {
    switch (type) {
      case MMDB_RECORD_TYPE_SEARCH_NODE:
        if (is_alias(record, bits, depth)) return MMDB_SUCCESS;
        return visit(static_cast<uint32_t>(record), bits, depth, depth_max);
      case MMDB_RECORD_TYPE_DATA:
        return add(*entry, bits, depth);
      case MMDB_RECORD_TYPE_EMPTY:
        return MMDB_SUCCESS;
      default:
        return MMDB_CORRUPT_SEARCH_TREE_ERROR;
    }
  }

  [[nodiscard]] bool is_alias(uint64_t record, const Bits& bits, int depth) const {
    if (!is_v6_ || record != v4_root_ || v4_depth_ != v4_bits) return false;
    return depth != v4_bits ||
           std::any_of(bits.begin(), bits.begin() + v4_bits / 8, [](uint8_t b) { return b != 0; });
  }

  int add(const MMDB_entry_s& entry, const Bits& bits, int depth) {
    auto [known, fresh] = by_offset_.try_emplace(entry.offset, no_place);
    if (fresh) known->second = number(place_of(entry));
    if (known->second == no_place) return MMDB_SUCCESS;
    const bool v4 = !is_v6_ || (depth >= v4_bits && std::all_of(bits.begin(), bits.begin() + v4_bits / 8,
                                                                [](uint8_t b) { return b == 0; }));
    if (!v4) {
      result_.networks.push_back({Prefix(IpAddress::from_bytes(bits), depth), known->second});
    } else {
      const size_t at = is_v6_ ? v4_bits / 8 : 0;
      result_.networks.push_back(
          {Prefix(IpAddress::from_bytes(std::span(bits).subspan(at, 4)), is_v6_ ? depth - v4_bits : depth),
           known->second});
    }
    return MMDB_SUCCESS;
  }

  uint32_t number(const GeoPlace& place) {
    if (place == GeoPlace{}) return no_place;
    const auto [known, fresh] = numbers_.try_emplace(place, static_cast<uint32_t>(result_.places.size()));
    if (fresh) result_.places.push_back(place);
    return known->second;
  }

  static constexpr int v4_bits = 96;
  static constexpr uint32_t no_place = UINT32_MAX;

  MMDB_s& db_;
  const bool is_v6_;
  const uint64_t visits_max_;  // every node is met once; in a damaged file paths may meet again and again
  uint64_t visited_ = 0;
  uint32_t v4_root_ = 0;
  int v4_depth_ = 0;
  GeoNetworks result_;
  std::unordered_map<uint32_t, uint32_t> by_offset_;  // of data → number of its place
  std::map<GeoPlace, uint32_t> numbers_;
};

Error invalid(const std::string& path, const std::string& why) {
  return {ErrorCode::invalid, "'" + path + "' " + why};
}

}  // namespace

Result<std::shared_ptr<const model::GeoNetworks>> read(const std::string& path) {
  Database database;
  if (const int status = database.open(path); status != MMDB_SUCCESS)
    return invalid(path, std::string("is no MaxMind DB: ") + MMDB_strerror(status));
  Walk walk(database.db);
  if (const int status = walk.run(); status != MMDB_SUCCESS)
    return invalid(path, std::string("is damaged: ") + MMDB_strerror(status));
  auto geo = std::make_shared<model::GeoNetworks>(std::move(walk).take());
  if (geo->networks.empty())
    return invalid(path,
                   "says of no network in which country it is, write the path of a Country or City database");
  return std::shared_ptr<const model::GeoNetworks>(std::move(geo));
}

}  // namespace popnet::geo
