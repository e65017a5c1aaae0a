#include "dns/zone/master_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "common/file.h"
#include "common/text.h"
#include "dns/wire/protocol.h"
#include "dns/zone/field_text.h"
#include "dns/zone/fields.h"
#include "dns/zone/wire_record.h"

namespace popnet::dns {

namespace {

constexpr uint32_t default_ttl = 3600;  // where a file names none at all
constexpr std::string_view write_a_path = "write the path of a master file";

/// Cuts a file into entries: a record or a directive each, on one line, without comments and parentheses.
class EntryReader {
 public:
  explicit EntryReader(FILE* file) : file_(file) {}

  /// False at the end of the file.
  bool next() {
    do {
      entry_.clear();
      open_quote_ = false;
      extra_close_ = no_offset;
      line_ = line_here_;
      lines_.assign(1, 0);
      if (!read_entry()) return !blank();
    } while (blank());
    return true;
  }
  [[nodiscard]] const std::string& entry() const { return entry_; }
  /// Where the entry began.
  [[nodiscard]] uint32_t line() const { return line_; }
  /// "line:column" of a character of the entry.
  [[nodiscard]] std::string place_of(size_t offset) const {
    const auto behind = std::upper_bound(lines_.begin(), lines_.end(), offset);
    return fmt::format("{}:{}", line_ + (behind - lines_.begin() - 1), offset - *(behind - 1) + 1);
  }
  /// The entry has a quote that its line does not close, or the file ended inside of parentheses.
  [[nodiscard]] bool unclosed() const { return open_quote_ || quoted_ || depth_ > 0; }
  static constexpr size_t no_offset = SIZE_MAX;
  /// Of a parenthesis that closes nothing.
  [[nodiscard]] size_t extra_close() const { return extra_close_; }

 private:
  [[nodiscard]] bool blank() const { return trim(entry_).empty(); }
  bool read_entry();
  void begin_line(size_t offset) {
    ++line_here_;
    lines_.push_back(offset);
  }
  void skip_comment() {
    for (int c = getc_unlocked(file_); c != EOF; c = getc_unlocked(file_))
      if (c == '\n') return void(std::ungetc(c, file_));
  }

  FILE* file_;
  std::string entry_;
  uint32_t line_ = 1;
  uint32_t line_here_ = 1;
  std::vector<size_t> lines_;  // where the entry's lines begin in it
  size_t extra_close_ = no_offset;
  int depth_ = 0;  // of parentheses
  bool quoted_ = false;
  bool open_quote_ = false;
};

/// False if the file ended.
bool EntryReader::read_entry() {
  for (int c = getc_unlocked(file_); c != EOF; c = getc_unlocked(file_)) {
    if (c == '\n') {
      begin_line(entry_.size() + 1);
      open_quote_ = open_quote_ || quoted_;
      quoted_ = false;
    }
    if (c == '\\') {
      entry_ += '\\';
      if ((c = getc_unlocked(file_)) == EOF) return false;
      entry_ += static_cast<char>(c);
      if (c == '\n') begin_line(entry_.size());
    } else if (c == '"') {
      quoted_ = !quoted_;
      entry_ += '"';
    } else if (quoted_) {
      entry_ += static_cast<char>(c);
    } else if (c == ';') {
      skip_comment();
    } else if (c == '(' || c == ')') {
      if (c == ')' && depth_ == 0) extra_close_ = std::min(extra_close_, entry_.size());
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

/// IN and the others, by name or by number (RFC 3597 section 5).
bool is_class(std::string_view text) {
  constexpr std::string_view unknown = "CLASS";
  if (text.size() > unknown.size() && iequals(text.substr(0, unknown.size()), unknown))
    return text.find_first_not_of("0123456789", unknown.size()) == text.npos;
  return iequals(text, "IN") || iequals(text, "CH") || iequals(text, "HS") || iequals(text, "CS");
}
bool is_class_in(std::string_view text) {
  return iequals(text, "IN") || iequals(text, "CLASS1");
}

class MasterFile {
 public:
  MasterFile(Records& records, Problems& problems, Digests digests)
      : records_(records), problems_(problems), digests_(digests) {}

  bool read(const std::string& path);

 private:
  struct Source {
    std::string path;
    uint32_t id = 0;  // for Place
    int depth = 0;    // of $INCLUDE
    Name origin;
    Name previous;  // owner of the last record
    const EntryReader* entries = nullptr;
  };
  using Words = std::vector<Word>;
  /// What goes before the data of a record.
  struct Head {
    uint32_t ttl = 0;
    uint16_t type = 0;
    size_t words = 0;
  };

  void read_all(const std::string& path, FILE* file, const Name& origin, int depth);
  void read_entry(Source& source);
  void read_record(Source& source, const Words& words);
  std::optional<Head> read_head(const Source& source, const Words& words, size_t at);
  void add(const Source& source, uint16_t type, uint32_t ttl);
  void set_ttl(const Source& source, const Words& words);
  void set_origin(Source& source, const Words& words);
  std::optional<Name> read_origin(const Source& source, const Word& word);
  void include(const Source& source, const Words& words);
  bool may_include(const Source& source, const std::string& path);
  /// `offset`: of what is wrong in the present entry.
  void complain(const Source& source, const std::string& what, size_t offset = 0) {
    problems_.add(fmt::format("{}:{}", source.path,
                              source.entries == nullptr ? "1:1" : source.entries->place_of(offset)),
                  fmt::format("zone {}: {}", records_.apex().to_text(), what));
  }

  Records& records_;
  Problems& problems_;
  const Digests digests_;
  struct Ttl {
    uint32_t seconds = default_ttl;  // of records that state none
    bool by_directive = false;
  };
  Ttl ttl_;
  std::vector<uint8_t> data_;  // of the present record
  size_t includes_ = 0;
  size_t included_bytes_ = 0;
  bool ended_ = false;  // too much was included
};

bool MasterFile::read(const std::string& path) {
  const auto file = open_to_read(path);
  if (file)
    read_all(path, file->get(), records_.apex(), 0);
  else
    complain(Source{path, 0, 0, {}, {}},
             fmt::format("cannot be read: {}, {}", file.error().message, write_a_path));
  return file.ok();
}

void MasterFile::read_all(const std::string& path, FILE* file, const Name& origin, int depth) {
  Source source{path, records_.add_file(path), depth, origin, origin};
  EntryReader reader(file);
  source.entries = &reader;
  while (!ended_ && reader.next()) {
    if (reader.unclosed()) {
      complain(source, "a quote or a parenthesis that opens here is not closed, write its end");
    } else if (reader.extra_close() != EntryReader::no_offset) {
      complain(source, "this parenthesis closes none, remove it", reader.extra_close());
    } else {
      read_entry(source);
    }
  }
}

void MasterFile::read_entry(Source& source) {
  const Words words = words_of(source.entries->entry());
  const std::string_view first = words[0].text;
  if (source.entries->entry()[0] != '$') return read_record(source, words);
  if (iequals(first, "$TTL")) return set_ttl(source, words);
  if (iequals(first, "$ORIGIN")) return set_origin(source, words);
  if (iequals(first, "$INCLUDE")) return include(source, words);
  complain(source, fmt::format("{} is not known, write $TTL, $ORIGIN or $INCLUDE", first));
}

/// [<owner>] [<TTL>] [<class>] <type> <data>, class and TTL in any order (RFC 1035 section 5.1)
void MasterFile::read_record(Source& source, const Words& words) {
  const bool has_owner = words[0].offset == 0;
  if (has_owner) {
    std::string why;
    const auto owner = read_name(words[0].text, source.origin, why);
    if (owner.empty())
      return complain(source, fmt::format("the owner is {}{}, write a name like www or www.example.com.",
                                          shown(words[0].text), why));
    source.previous = Name(owner);
  }
  const auto head = read_head(source, words, has_owner ? 1 : 0);
  if (!head) return;
  TextProblem problem;
  const auto data = std::span(words).subspan(head->words);
  if (!read_data(head->type, data, source.entries->entry().size(), source.origin, data_, problem))
    return complain(source, problem.what, problem.offset);
  if (!ttl_.by_directive) ttl_.seconds = head->ttl;  // RFC 1035 section 5.1: the last one stated
  add(source, head->type, head->ttl);
}

/// `at`: of the word behind the owner. Nothing if it is wrong.
std::optional<MasterFile::Head> MasterFile::read_head(const Source& source, const Words& words, size_t at) {
  const auto fail = [&](const std::string& what, size_t offset) {
    complain(source, what, offset);
    return std::nullopt;
  };
  bool has_ttl = false, has_class = false;
  Head head{ttl_.seconds, 0, 0};
  for (; at < words.size(); ++at) {
    const std::string_view text = words[at].text;
    if (!has_ttl && !text.empty() && text[0] >= '0' && text[0] <= '9') {  // no type begins so
      const auto ttl = read_period(text);
      if (!ttl || *ttl > ttl_max)
        return fail(fmt::format("the TTL is {}, write a length of time like 300 or 1h30m, at most {} s",
                                shown(text), ttl_max),
                    words[at].offset);
      head.ttl = *ttl;
      has_ttl = true;
    } else if (!has_class && is_class(text)) {
      if (!is_class_in(text)) return fail("only class IN is served, write IN", words[at].offset);
      has_class = true;
    } else {
      break;
    }
  }
  if (at == words.size())
    return fail("the record has no type, write one like www 300 IN A 192.0.2.1",
                source.entries->entry().size());
  const auto type = read_type(words[at].text);
  if (!type)
    return fail(fmt::format("{} is no type of records, write one like A or TYPE65280", shown(words[at].text)),
                words[at].offset);
  if (const std::string why = why_no_data(*type); !why.empty())
    return fail(why + ", remove it", words[at].offset);
  head.type = *type;
  head.words = at + 1;
  return head;
}

/// The data is in data_, the owner that of the source.
void MasterFile::add(const Source& source, uint16_t type, uint32_t ttl) {
  const Name& owner = source.previous;
  if (!is_at_or_below(owner.bytes(), records_.apex().bytes()))
    return complain(source, fmt::format("{} is not in the zone, write a name at or below {}", owner.to_text(),
                                        records_.apex().to_text()));
  if (!is_whole(type, data_))
    return complain(source, fmt::format("{} bytes are not what {} has, write its fields: {}", data_.size(),
                                        type_text(type), fields_text(type)));
  if (const std::string why = digests_ == Digests::checked ? why_wrong_digest(type, data_) : ""; !why.empty())
    return complain(source, why);
  if (data_.size() > message_size_max)
    return complain(source, "the record is larger than a message can be, write a shorter one");
  records_.add(owner, type, ttl, data_, {source.id, source.entries->line()});
}

/// $TTL <period> (RFC 2308 section 4)
void MasterFile::set_ttl(const Source& source, const Words& words) {
  const auto ttl = words.size() == 2 ? read_period(words[1].text) : std::nullopt;
  if (!ttl || *ttl > ttl_max)
    return complain(
        source, fmt::format("$TTL wants a length of time, at most {} s, write one like $TTL 300 or $TTL 1h",
                            ttl_max));
  ttl_ = {*ttl, true};
}

/// $ORIGIN <name>
void MasterFile::set_origin(Source& source, const Words& words) {
  if (words.size() != 2)
    return complain(source, "$ORIGIN wants one name, write one like $ORIGIN sub.example.com.");
  if (const auto origin = read_origin(source, words[1])) source.origin = *origin;
}

std::optional<Name> MasterFile::read_origin(const Source& source, const Word& word) {
  std::string why;
  const auto origin = read_name(word.text, source.origin, why);
  if (!origin.empty()) return Name(origin);
  complain(source,
           fmt::format("the origin is {}{}, write a name like sub.example.com.", shown(word.text), why),
           word.offset);
  return std::nullopt;
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
  const auto origin = words.size() == 3 ? read_origin(source, words[2]) : source.origin;
  const auto name = unescape(words[1]);
  if (!origin) return;
  if (!name)
    return complain(source, fmt::format("$INCLUDE has {}, write a file's path", shown(words[1].text)),
                    words[1].offset);
  const auto folder = std::filesystem::path(source.path).parent_path();
  const std::string path = (folder / *name).string();
  if (!may_include(source, path)) return;
  const auto file = open_to_read(path);
  if (!file)
    return complain(
        source, fmt::format("$INCLUDE: {} cannot be read: {}, {}", path, file.error().message, write_a_path),
        words[1].offset);
  const Ttl ttl = ttl_;
  read_all(path, file->get(), *origin, source.depth + 1);
  ttl_ = ttl;
}

/// A few files that include each other, each several times, would else be read for ever.
bool MasterFile::may_include(const Source& source, const std::string& path) {
  std::error_code unreadable;  // open_to_read() will say why
  const auto size = std::filesystem::file_size(path, unreadable);
  if (!unreadable) included_bytes_ += size;
  if (included_bytes_ <= include_bytes_max) return true;
  ended_ = true;
  complain(source, fmt::format("with this file more than {} MiB are included, write fewer or smaller ones",
                               include_bytes_max >> 20));
  return false;
}

}  // namespace

bool read_master_file(const std::string& path, Records& records, Problems& problems, Digests digests) {
  return MasterFile(records, problems, digests).read(path);
}

}  // namespace popnet::dns
