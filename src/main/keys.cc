// popnet keys: shows the DNSSEC keys of a zone, and tells the node that manages them what it cannot know:
// that the parent zone has a key's DS, or that a successor is wanted. Works on the key folder; a running node
// notices.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "dns/sign/key_folder.h"
#include "main/commands.h"
#include "node/config_source.h"
#include "rt/clock.h"

namespace popnet::main {

namespace {

using dns::sign::Key;
using dns::sign::Seconds;

std::string describe(const dns::Name& zone, const Key& key, Seconds now) {
  const auto& times = key.state.times;
  const bool signs = dns::sign::is_active(times, now), known = dns::sign::is_published(times, now);
  std::string line =
      fmt::format("{:5} {} {} {}", key.state.tag, to_text(key.state.role), to_text(key.state.algorithm),
                  signs && known ? "signs"
                  : signs        ? "signs, not in the DNSKEY set"
                  : known        ? "published"
                                 : "not in the zone");
  if (key.state.secure_entry())
    line += times.ds_seen != 0 ? ", the parent has its DS" : ", the parent's DS not seen";
  if (key.state.secure_entry() && times.ds_unwanted != 0) line += ", the parent is asked to remove it";
  line += "\n";
  if (!key.state.secure_entry()) return line;
  line += fmt::format("      {} DS ", zone.to_text());
  const auto ds = dns::sign::ds_data(zone.bytes(), key);
  line += fmt::format("{} {} {} ", ds[0] << 8 | ds[1], ds[2], ds[3]);
  for (size_t i = 4; i < ds.size(); ++i) line += fmt::format("{:02x}", ds[i]);
  return line + "\n";
}

int list(const dns::Name& zone, const std::vector<Key>& keys, const dns::sign::SerialState& serial,
         Seconds now) {
  for (const Key& key : keys) std::fputs(describe(zone, key, now).c_str(), stdout);
  if (serial.since != 0) fmt::print("serial number: the zone file's + {}\n", serial.ahead(now));
  return exit_ok;
}

/// Of the tag; without one, for a roll those that sign, else those whose DS the parent may have. For ds-keep those on
/// their way out, too.
bool meant(const dns::sign::KeyState& state, const KeysArguments& arguments, Seconds now) {
  const bool ds = arguments.what != KeysArguments::What::roll;
  if (ds && !state.secure_entry()) return false;
  if (arguments.what == KeysArguments::What::ds_keep) return true;
  if (arguments.tag >= 0) return state.tag == arguments.tag;
  return ds ? state.times.remove == 0 : dns::sign::is_active(state.times, now);
}

void carry_out(KeysArguments::What what, dns::sign::Times& times, Seconds now) {
  switch (what) {
    case KeysArguments::What::list:
      break;
    case KeysArguments::What::ds_seen:
      times.ds_seen = now;
      break;
    case KeysArguments::What::ds_remove:
      times.ds_unwanted = now;
      break;
    case KeysArguments::What::ds_keep:
      times.ds_unwanted = 0;
      break;
    case KeysArguments::What::roll:
      times.roll_asked = now;
      break;
  }
}

/// Of several keys, as in a roll, nobody but the operator knows which DS the parent has: ErrorCode::invalid.
Result<std::vector<dns::sign::KeyState>> meant_keys(const KeysArguments& arguments, const dns::Name& zone,
                                                    const std::vector<Key>& keys, Seconds now) {
  std::vector<dns::sign::KeyState> chosen;
  std::string names;
  for (const Key& key : keys) {
    if (!meant(key.state, arguments, now)) continue;
    chosen.push_back(key.state);
    names += fmt::format("{}{} ({}, {})", names.empty() ? "" : ", ", key.state.tag, to_text(key.state.role),
                         to_text(key.state.algorithm));
  }
  if (chosen.empty())
    return Error{ErrorCode::not_found, fmt::format("zone {} has no such key", zone.to_text())};
  if (arguments.what == KeysArguments::What::ds_seen && chosen.size() > 1)
    return Error{ErrorCode::invalid,
                 fmt::format("zone {} has several keys whose DS the parent may have: {}. Say with --tag "
                             "which DS you have seen there",
                             zone.to_text(), names)};
  return chosen;
}

}  // namespace

int keys(const KeysArguments& arguments) {
  const node::ConfigSource source{arguments.config.file, std::nullopt, arguments.config.sets};
  const auto loaded = source.load(std::nullopt, 1);
  if (!loaded.config) {
    std::fputs(config::report(loaded.problems).c_str(), stderr);
    return exit_input;
  }
  const auto zone = dns::parse_name(arguments.zone);
  if (!zone) return fail(zone.error());
  const dns::sign::KeyFolder folder(loaded.config->node.key_dir);
  auto keys = folder.load(*zone);
  if (!keys) return fail(keys.error());
  if (keys->empty())
    return fail(
        {ErrorCode::not_found, fmt::format("{} has no keys of zone {}", folder.path(), zone->to_text())});
  const Seconds now =
      std::chrono::duration_cast<std::chrono::seconds>(rt::wall_now().time_since_epoch()).count();
  if (arguments.what == KeysArguments::What::list) return list(*zone, *keys, folder.load_serial(*zone), now);
  if (!loaded.config->node.manage_keys)
    return fail({ErrorCode::invalid,
                 "node.manage_keys is false: keys are rolled by the node that manages them, ask there"});
  const auto lock = folder.lock();
  if (!lock) return fail(lock.error());
  keys = folder.load(*zone);  // the node may have written since
  if (!keys) return fail(keys.error());
  auto chosen = meant_keys(arguments, *zone, *keys, now);
  if (!chosen) return fail(chosen.error());
  for (auto& state : *chosen) {
    carry_out(arguments.what, state.times, now);
    if (auto status = folder.update(*zone, state); !status) return fail(status.error());
  }
  return exit_ok;
}

}  // namespace popnet::main
