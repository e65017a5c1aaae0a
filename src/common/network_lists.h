// For each of many networks a short list of values: two flat arrays, in order of network, however many there are.
// A network costs 24 bytes and its values; lookups are a binary search.
//
// Plain values: no locks; whoever shares one does not change it.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/ip.h"

namespace popnet {

template <class T>
class NetworkLists {
 public:
  struct Entry {
    Prefix network;
    std::span<const T> values;
  };

  [[nodiscard]] size_t size() const { return begins_.size(); }
  [[nodiscard]] bool empty() const { return begins_.empty(); }
  [[nodiscard]] size_t value_count() const { return values_.size(); }
  /// In order: a network comes right behind those that contain it. REQUIRES: index < size()
  [[nodiscard]] Entry operator[](size_t index) const {
    return {begins_[index].network, std::span(values_).subspan(begins_[index].at, length(index))};
  }

  /// Empty if there is no such network.
  [[nodiscard]] std::span<const T> find(const Prefix& network) const {
    const size_t index = position(network);
    return holds(index, network) ? (*this)[index].values : std::span<const T>();
  }
  [[nodiscard]] std::span<T> find(const Prefix& network) {
    const size_t index = position(network);
    if (!holds(index, network)) return {};
    return std::span(values_).subspan(begins_[index].at, length(index));
  }

  void reserve(size_t networks, size_t values) {
    begins_.reserve(networks);
    values_.reserve(values);
  }
  /// Puts a network with its values behind all others. REQUIRES: it comes behind them in order
  void append(const Prefix& network, std::span<const T> values) {
    assert(empty() || begins_.back().network < network);
    begins_.push_back({network, static_cast<uint32_t>(values_.size())});
    values_.insert(values_.end(), values.begin(), values.end());
  }
  /// Puts a value behind those of its network. Cheap when networks come in order.
  void add(const Prefix& network, const T& value) {
    size_t index = position(network);
    if (!holds(index, network)) {
      const auto at = index < size() ? begins_[index].at : static_cast<uint32_t>(values_.size());
      begins_.insert(begins_.begin() + static_cast<std::ptrdiff_t>(index), {network, at});
    }
    values_.insert(values_.begin() + static_cast<std::ptrdiff_t>(begins_[index].at + length(index)), value);
    while (++index < size()) ++begins_[index].at;
  }

 private:
  struct Begin {
    Prefix network;
    uint32_t at;
  };

  [[nodiscard]] size_t position(const Prefix& network) const {
    if (empty() || begins_.back().network < network) return size();
    if (begins_.back().network == network) return size() - 1;
    const auto before = [](const Begin& begin, const Prefix& sought) { return begin.network < sought; };
    return static_cast<size_t>(std::lower_bound(begins_.begin(), begins_.end(), network, before) -
                               begins_.begin());
  }
  [[nodiscard]] bool holds(size_t index, const Prefix& network) const {
    return index < size() && begins_[index].network == network;
  }
  [[nodiscard]] size_t length(size_t index) const {
    return (index + 1 < size() ? begins_[index + 1].at : values_.size()) - begins_[index].at;
  }

  std::vector<Begin> begins_;
  std::vector<T> values_;  // each network's one behind the other
};

}  // namespace popnet
