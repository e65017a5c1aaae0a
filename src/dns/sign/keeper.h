// Keeps the keys of all signed zones: reads them from the key folder, lets roll() say what is to happen,
// makes and removes keys, and builds each zone's ZoneSigner. One node of a network manages the keys; the
// others only read what it has written. Blocking (files); one thread.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "dns/sign/key_folder.h"
#include "dns/sign/roll.h"
#include "dns/sign/signer.h"
#include "model/config.h"

namespace popnet::dns::sign {

class KeyKeeper {
 public:
  KeyKeeper(std::string folder, bool manages) : folder_(std::move(folder)), manages_(manages) {}

  /// From now on next_change() and changed_on_disk() are about the zones asked for after this.
  void begin(Seconds now);
  /// The zone's signer at begin()'s time. Makes its first keys, if this node manages keys. ErrorCode::invalid
  /// when there are none or they cannot be read, ErrorCode::machine when they cannot be written.
  Result<std::shared_ptr<const ZoneSigner>> signer(const Name& zone, const model::Dnssec& options);
  /// When some zone must be signed again because its keys change or its signatures grow old.
  [[nodiscard]] Seconds next_change() const { return next_; }

  /// Somebody has written to the folder: the node that manages the keys, or an operator.
  [[nodiscard]] bool changed_on_disk() const { return zones_ > 0 && folder_.stamp() != stamp_; }

  SignatureStore& store() { return store_; }
  [[nodiscard]] Seconds now() const { return now_; }

 private:
  Result<std::vector<Key>> keys_of(const Name& zone, const RollPolicy& policy);
  Status carry_out(const Name& zone, const RollPolicy& policy, RollStep& step, std::vector<Key>& keys);
  void note(Seconds t) {
    if (t != 0 && (next_ == 0 || t < next_)) next_ = t;
  }

  const KeyFolder folder_;
  const bool manages_;
  Seconds now_ = 0;
  Seconds next_ = 0;
  int64_t stamp_ = 0;
  size_t zones_ = 0;  // signed ones
  SignatureStore store_;
};

RollPolicy roll_policy(const model::Dnssec& options);

}  // namespace popnet::dns::sign
