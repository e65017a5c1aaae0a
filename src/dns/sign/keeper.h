// Keeps the keys of all signed zones: reads them from the key folder, lets roll() say what is to happen,
// makes and removes keys, and builds each zone's ZoneSigner. One node of a network manages the keys; the
// others only read what it has written. Blocking (files); one thread.
//
//   begin(now), signer(zone)…, commit()      then what was signed is served
//
// The times of a roll count from begin()'s time, which is before zones are signed and served: `propagation` has room for
// that. Nothing is written before commit(): a config or a zone that is refused leaves the keys as they were. What cannot be
// written is not served either: begin() again, with May::hold.
//
// A zone that has had keys never gets first ones again: validators everywhere know the old ones, so the zone would be
// bogus. Keys that vanish from the folder of the node that manages them, or that cannot be read on any, go on signing
// from memory; after a start, when memory is empty, there is an error. Which zones have had keys stands in a file beside
// other state.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/result.h"
#include "dns/sign/key_folder.h"
#include "dns/sign/roll.h"
#include "dns/sign/signer.h"
#include "model/config.h"

namespace popnet::dns::sign {

class KeyKeeper {
 public:
  /// `memory`: the file that names the zones which have had keys; empty: it is forgotten with this.
  KeyKeeper(std::string folder, bool manages, std::string memory = "");

  /// What a node that manages the keys may do.
  enum class May : uint8_t {
    write,
    hold,  // no key is made or rolled, since the folder cannot be written
    read   // another process manages them: as on any other node
  };
  /// From now on next_change() and changed_on_disk() are about the zones asked for after this.
  void begin(Seconds now, May may = May::write);
  /// The zone's signer at begin()'s time. Makes its first keys, if this node manages keys. ErrorCode::invalid
  /// when there are none or they cannot be read, ErrorCode::machine when there can be none now.
  Result<std::shared_ptr<const ZoneSigner>> signer(const Name& zone, const model::Dnssec& options);
  /// By how much the serial number of the zone's signed copies is ahead of the zone file's, at begin()'s time: more than ever before
  /// when keys, what they sign, or `beside` have changed, which the node that manages the keys finds out and writes to their folder for all
  /// others, and with each quarter of the validity. `signer`: what signer() gave.
  uint32_t serial_ahead(const ZoneSigner& signer, std::span<const uint8_t> beside);
  /// Writes to the folder what was decided since begin(), and forgets the keys of zones that were not asked for since.
  /// ErrorCode::machine: not all of it could be written, but of all zones where that goes.
  Status commit();
  /// The last commit() could not write.
  [[nodiscard]] bool cannot_write() const { return cannot_write_; }
  /// The reason was that another process had made keys since begin(): begin() again.
  [[nodiscard]] bool overtaken() const { return overtaken_; }
  /// When some zone must be signed again because its keys change or its signatures grow old.
  [[nodiscard]] Seconds next_change() const { return next_; }

  /// Somebody has written to the folder: the node that manages the keys, or an operator.
  [[nodiscard]] bool changed_on_disk() const { return zones_ > 0 && folder_.stamp() != stamp_; }

  SignatureStore& store() { return store_; }
  [[nodiscard]] Seconds now() const { return now_; }

 private:
  struct Serial {
    SerialState state;
    uint32_t ahead = 0;
    bool to_save = false;  // until it is
  };
  /// What commit() has to do for a zone.
  struct Pending {
    Name zone;
    std::vector<Key> keys{};  // all that it has been signed with; none: there was an error
    std::vector<KeyState> changed{}, removed{};
    std::vector<Key> made{};
    std::optional<Serial> serial{};
    std::vector<std::pair<KeyState, Times>> told{};  // of changed ones: as they are written, and were before
    size_t first = 0, last = 0;                      // of the batch
    [[nodiscard]] bool writes() const { return !(changed.empty() && removed.empty() && made.empty()); }
  };

  Result<std::vector<Key>> keys_of(Pending& pending, const RollPolicy& policy);
  /// What is in the folder, or what it was read from last, which `held` tells.
  Result<std::vector<Key>> load(const Name& zone, bool& held);
  /// The keys of the node that manages them, brought forward to now.
  Result<std::vector<Key>> manage(Pending& pending, const RollPolicy& policy, std::vector<Key> keys,
                                  Seconds& next);
  /// Keys for all that there is to sign.
  [[nodiscard]] bool usable(const std::vector<Key>& keys) const;
  [[nodiscard]] Error no_keys(const Name& zone, const std::vector<Key>& keys) const;
  /// Those of the zone's last keys that should be in the zone and are not among these.
  [[nodiscard]] std::vector<Key> missing(const std::string& zone, const std::vector<Key>& keys) const;
  /// As far as the file says that remembers it.
  bool had_keys(const std::string& zone);
  void remember(const std::string& zone, std::vector<Key> keys);
  void write_memory();
  static Status plan(RollStep& step, std::vector<Key>& keys, Pending& pending);
  /// The folder has keys of the zone that it had not at begin().
  [[nodiscard]] bool overtaken(const Name& zone, const KeyFiles& files) const;
  [[nodiscard]] Result<KeyFiles> lock_and_list(std::optional<KeyFolder::Lock>& lock) const;
  /// Writes what is to be written of that zone, beside its place.
  Status stage(Pending& pending, const Result<KeyFiles>& files, KeyFolder::Batch& batch);
  Status carry_out(const Pending& pending, KeyFolder::Batch& batch);
  void save_serials();
  void note(Seconds t) {
    if (t != 0 && (next_ == 0 || t < next_)) next_ = t;
  }

  const KeyFolder folder_;
  const bool manages_;
  bool manages_now_ = manages_;  // since begin()
  const std::string memory_;
  Result<KeyFiles> files_ = KeyFiles();                // at begin()
  std::set<std::string> had_keys_;                     // zones
  std::set<std::string> unwritten_;                    // of these: not in the file `memory_` yet
  bool half_line_ = false;                             // at its end
  std::map<std::string, std::vector<Key>> last_keys_;  // by zone: what it was signed with last
  std::map<std::string, Serial> serials_;              // by zone, of copies: as they were last
  std::map<std::string, Pending> pending_;             // by zone
  bool hold_ = false, cannot_write_ = false, overtaken_ = false;
  Seconds now_ = 0;
  Seconds next_ = 0;
  int64_t stamp_ = 0;
  size_t zones_ = 0;  // signed ones
  SignatureStore store_;
};

RollPolicy roll_policy(const model::Dnssec& options);

}  // namespace popnet::dns::sign
