#include "dns/zone/master_file.h"

#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "common/file.h"
#include "common/text.h"
#include "dns/wire/protocol.h"
#include "dns/zone/wire_record.h"

namespace popnet::dns {

namespace {

constexpr uint32_t default_ttl = 3600;  // where a file names none at all

struct FreeRdf {
  void operator()(ldns_rdf* r) const { ldns_rdf_deep_free(r); }
};
struct FreeRr {
  void operator()(ldns_rr* r) const { ldns_rr_free(r); }
};
using Rdf = std::unique_ptr<ldns_rdf, FreeRdf>;

NameBytes bytes_of(const ldns_rdf* rdf) {
  return {ldns_rdf_data(rdf), ldns_rdf_size(rdf)};
}
Rdf to_rdf(const Name& name) {
  return Rdf(ldns_dname_new_frm_data(static_cast<uint16_t>(name.size()), name.bytes().data()));
}

/// Cuts a file into entries: a record or a directive each, on one line, without comments and parentheses.
class EntryReader {
 public:
  explicit EntryReader(FILE* file) : file_(file) {}

  /// False at the end of the file.
  bool next() {
    do {
      entry_.clear();
      open_quote_ = false;
      line_ = line_here_;
      if (!read_entry()) return !blank();
    } while (blank());
    return true;
  }
  [[nodiscard]] const std::string& entry() const { return entry_; }
  /// Where the entry began.
  [[nodiscard]] uint32_t line() const { return line_; }
  /// The entry has a quote that its line does not close, or the file ended inside of parentheses.
  [[nodiscard]] bool unclosed() const { return open_quote_ || quoted_ || depth_ > 0; }

 private:
  [[nodiscard]] bool blank() const { return trim(entry_).empty(); }
  bool read_entry();
  void skip_comment() {
    for (int c = getc_unlocked(file_); c != EOF; c = getc_unlocked(file_))
      if (c == '\n') return void(std::ungetc(c, file_));
  }

  FILE* file_;
  std::string entry_;
  uint32_t line_ = 1;
  uint32_t line_here_ = 1;
  int depth_ = 0;  // of parentheses
  bool quoted_ = false;
  bool open_quote_ = false;
};

/// False if the file ended.
bool EntryReader::read_entry() {
  for (int c = getc_unlocked(file_); c != EOF; c = getc_unlocked(file_)) {
    if (c == '\n') {
      ++line_here_;
      open_quote_ = open_quote_ || quoted_;
      quoted_ = false;
    }
    if (c == '\\') {
      entry_ += '\\';
      if ((c = getc_unlocked(file_)) == EOF) return false;
      entry_ += static_cast<char>(c);
      line_here_ += c == '\n';
    } else if (c == '"') {
      quoted_ = !quoted_;
      entry_ += '"';
    } else if (quoted_) {
      entry_ += static_cast<char>(c);
    } else if (c == ';') {
      skip_comment();
    } else if (c == '(' || c == ')') {
      depth_ = std::max(0, depth_ + (c == '(' ? 1 : -1));
      entry_ += ' ';
    } else if (c == '\n' && depth_ == 0) {
      return true;
    } else {
      entry_ += c == '\n' || c == '\r' ? ' ' : static_cast<char>(c);
    }
  }
  return false;
}

std::vector<std::string> words_of(const std::string& entry) {
  std::string spaced = entry;
  std::replace(spaced.begin(), spaced.end(), '\t', ' ');
  std::vector<std::string> words;
  for (const auto word : split(spaced, ' '))
    if (!word.empty()) words.emplace_back(trim(word, "\""));
  return words;
}

Result<Name> name_below(const std::string& text, const Name& origin) {
  if (text == "@") return origin;
  return parse_name(text.ends_with('.') ? text : text + "." + origin.to_text());
}

class MasterFile {
 public:
  MasterFile(Records& records, Problems& problems) : records_(records), problems_(problems) {}

  bool read(const std::string& path, const Name& origin, int depth);

 private:
  struct Source {
    std::string path;
    uint32_t id;  // for Place
    int depth;    // of $INCLUDE
    Name origin;
    Rdf previous;       // owner of the last record
    uint32_t line = 0;  // of the present entry
  };
  using Words = std::vector<std::string>;

  void read_entry(Source& source, const std::string& entry);
  void add(const ldns_rr* rr, const Source& source);
  void set_ttl(const Source& source, const Words& words);
  void set_origin(Source& source, const Words& words);
  void include(const Source& source, const Words& words);
  bool may_include(const Source& source, const std::string& path);
  void complain(const Source& source, const std::string& what) {
    problems_.add(records_.describe({source.id, std::max(source.line, 1U)}),
                  fmt::format("zone {}: {}", records_.apex().to_text(), what));
  }

  Records& records_;
  Problems& problems_;
  struct Ttl {
    uint32_t seconds = default_ttl;  // of records that state none
    bool by_directive = false;
  };
  Ttl ttl_;
  size_t includes_ = 0;
  size_t included_bytes_ = 0;
  bool ended_ = false;  // too much was included
};

bool MasterFile::read(const std::string& path, const Name& origin, int depth) {
  Source source{path, records_.add_file(path), depth, origin, nullptr};
  const auto file = open_to_read(path);
  if (!file) {
    complain(source,
             fmt::format("cannot be read: {}, write the path of a master file", file.error().message));
    return false;
  }
  EntryReader reader(file->get());
  while (!ended_ && reader.next()) {
    source.line = reader.line();
    if (reader.unclosed()) {
      complain(source, "a quote or a parenthesis that opens here is not closed, write its end");
    } else {
      read_entry(source, reader.entry());
    }
  }
  return true;
}

void MasterFile::read_entry(Source& source, const std::string& entry) {
  if (entry.starts_with("$TTL")) return set_ttl(source, words_of(entry));
  if (entry.starts_with("$ORIGIN")) return set_origin(source, words_of(entry));
  if (entry.starts_with("$INCLUDE")) return include(source, words_of(entry));
  if (entry.starts_with("$"))
    return complain(source,
                    fmt::format("{} is not known, write $TTL, $ORIGIN or $INCLUDE", words_of(entry)[0]));
  const Rdf origin = to_rdf(source.origin);
  ldns_rr* made = nullptr;
  ldns_rdf* previous = source.previous.release();
  const ldns_status status = ldns_rr_new_frm_str(&made, entry.c_str(), ttl_.seconds, origin.get(), &previous);
  source.previous.reset(previous);
  const std::unique_ptr<ldns_rr, FreeRr> rr(made);
  if (status != LDNS_STATUS_OK)
    return complain(
        source, fmt::format("{}, write one like www 300 IN A 192.0.2.1", ldns_get_errorstr_by_id(status)));
  if (!ttl_.by_directive) ttl_.seconds = ldns_rr_ttl(rr.get());  // RFC 1035 section 5.1: the last one stated
  add(rr.get(), source);
}

void MasterFile::add(const ldns_rr* rr, const Source& source) {
  const Name owner{bytes_of(ldns_rr_owner(rr))};
  const uint16_t rr_type = ldns_rr_get_type(rr);
  if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) return complain(source, "only class IN is served, write IN");
  if (!is_at_or_below(owner.bytes(), records_.apex().bytes()))
    return complain(source, fmt::format("{} is not in the zone, write a name at or below {}", owner.to_text(),
                                        records_.apex().to_text()));
  if (const std::string why = why_no_data(rr_type); !why.empty())
    return complain(source, why + ", remove it");
  std::vector<uint8_t> data;
  for (size_t i = 0; i < ldns_rr_rd_count(rr); ++i) {
    const auto part = bytes_of(ldns_rr_rdf(rr, i));
    data.insert(data.end(), part.begin(), part.end());
  }
  if (!is_whole(rr_type, data))
    return complain(source, fmt::format("the data does not fit type {}, write all of its fields", rr_type));
  if (data.size() > message_size_max)
    return complain(source, "the record is larger than a message can be, write a shorter one");
  records_.add(owner, rr_type, ldns_rr_ttl(rr), data, {source.id, source.line});
}

/// $TTL <period> (RFC 2308 section 4)
void MasterFile::set_ttl(const Source& source, const Words& words) {
  const char* end = nullptr;
  const uint32_t ttl = words.size() == 2 ? ldns_str2period(words[1].c_str(), &end) : 0;
  if (end == nullptr || end == words[1].c_str() || *end != '\0')
    return complain(source, "$TTL wants a length of time, write one like $TTL 300 or $TTL 1h");
  ttl_ = {ttl, true};
}

/// $ORIGIN <name>
void MasterFile::set_origin(Source& source, const Words& words) {
  if (words.size() != 2)
    return complain(source, "$ORIGIN wants one name, write one like $ORIGIN sub.example.com.");
  const auto origin = name_below(words[1], source.origin);
  if (!origin) return complain(source, origin.error().message);
  source.origin = *origin;
}

/// $INCLUDE <file> [<origin>]
void MasterFile::include(const Source& source, const Words& words) {
  if (words.size() != 2 && words.size() != 3)
    return complain(source, "$INCLUDE wants a file and perhaps a name, write one like $INCLUDE mail.zone");
  if (++includes_ > include_files_max) {
    ended_ = true;
    return complain(source,
                    fmt::format("more than {} files are included, write fewer $INCLUDE", include_files_max));
  }
  if (source.depth == include_depth_max)
    return complain(source,
                    fmt::format("$INCLUDE is nested more than {} deep, write fewer", include_depth_max));
  const auto origin = name_below(words.size() == 3 ? words[2] : "@", source.origin);
  if (!origin) return complain(source, origin.error().message);
  const auto folder = std::filesystem::path(source.path).parent_path();
  const std::string path = (folder / words[1]).string();
  if (!may_include(source, path)) return;
  const Ttl ttl = ttl_;
  (void)read(path, *origin, source.depth + 1);
  ttl_ = ttl;
}

/// A few files that include each other, each several times, would else be read for ever.
bool MasterFile::may_include(const Source& source, const std::string& path) {
  std::error_code unreadable;  // read() will say why
  const auto size = std::filesystem::file_size(path, unreadable);
  if (!unreadable) included_bytes_ += size;
  if (included_bytes_ <= include_bytes_max) return true;
  ended_ = true;
  complain(source, fmt::format("with this file more than {} MiB are included, write fewer or smaller ones",
                               include_bytes_max >> 20));
  return false;
}

}  // namespace

bool read_master_file(const std::string& path, Records& records, Problems& problems) {
  return MasterFile(records, problems).read(path, records.apex(), 0);
}

}  // namespace popnet::dns
