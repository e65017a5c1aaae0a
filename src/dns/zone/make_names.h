// From a config to the Names that are served:
//  - the zones of the config, from their files, or as they were fetched from their primaries;
//  - the network zone, made here: SOA, NS, the addresses of each POP as <pop>.<zone>. If the config also has
//    a file for that zone, the POPs are added to it;
//  - every site's hostname and the shared content hostname, as decided names in the innermost zone that
//    contains them. A hostname outside all zones gets a small zone of its own, as its owner delegates it or
//    points a CNAME at it.
//
// POPs are the name servers of the zones made here: <pop>.<network zone>, or <pop>.<zone> when there is no
// network zone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "dns/sign/keeper.h"
#include "dns/zone/names.h"
#include "dns/zone/version.h"
#include "model/config.h"

namespace popnet::dns {

/// Zones that are not read from files now, by owner key of their apex.
struct ZoneSources {
  using Map = std::map<std::string, std::shared_ptr<const Records>>;
  Map copies;  // of zones that are fetched; one that is not here is answered with SERVFAIL
  std::map<std::string, Expiry> expiries;  // of these
  Map files;                            // of zones that have files, as they were read before; others are read
  bool keep_files = false;              // puts what is read into `files`
  using Zones = std::set<std::string>;  // owner keys of apexes
  Zones left_out;                       // not read, and answered with SERVFAIL
  /// Set when the names could not be made: the zones that have the problems, if the others are well; empty if none is, or
  /// something else is wrong. With these in `left_out` the others can be served.
  Zones broken;
};

/// Reads zone files; may take seconds for millions of names, so not on a loop's thread. ErrorCode::invalid;
/// the message is the first problem and how many more there are, `problems` gets them all (at most a
/// hundred), each "file:line: reason", or "key: reason" with a dotted key of the config.
///
/// `keeper`: has the keys of zones that are to be signed, at the time its begin() was told, and is committed when there is
/// no problem; an error from there is none of `problems`, see KeyKeeper::cannot_write(). Null leaves all zones unsigned.
/// `history`: takes the zones that somebody may fetch, and is committed by the caller when the names are put in force; null
/// keeps no copies for transfers.
/// `sources`: null has no zone that is fetched.
///
/// In a zone that is fetched, a decided name takes the place of its A, AAAA and CNAME records, and if the zone is to be
/// signed, our keys and signatures take the place of others.
Result<std::shared_ptr<const Names>> make_names(const model::Config& config,
                                                std::vector<std::string>* problems = nullptr,
                                                sign::KeyKeeper* keeper = nullptr,
                                                ZoneHistory* history = nullptr,
                                                ZoneSources* sources = nullptr);

}  // namespace popnet::dns
