#include "dns/server/transfer.h"

#include <fmt/format.h>

#include <algorithm>

#include "dns/server/expire.h"
#include "dns/server/policy.h"
#include "dns/sign/canonical.h"
#include "dns/wire/compress.h"
#include "dns/wire/record_head.h"
#include "dns/wire/reply.h"

namespace popnet::dns {

namespace {

constexpr size_t signed_size_max = 12 + 18 + name_size_max + sign::signature_size;  // of a RRSIG record
constexpr size_t signed_names_max = 8;  // of one message: three signatures for each, with each key
constexpr size_t message_goal = 16000;  // bytes; within reach of compression pointers

/// The serial number that an IXFR query says its sender has (RFC 1995 section 3). The SOA's names may be compressed.
std::optional<uint32_t> serial_at_client(std::span<const uint8_t> message, const Query& query) {
  ByteReader in(message);
  in.seek(6);
  const unsigned answers = in.u16(), authorities = in.u16();
  in.seek(header_size + query.question_size);
  if (answers != 0 || authorities == 0) return std::nullopt;
  skip_name(in);
  const uint16_t type = in.u16();
  in.skip(2 + 4);
  const auto data = in.take(in.u16());
  if (!in.ok() || type != type::soa) return std::nullopt;
  return serial_of(data);
}

bool allows(const model::Transfer& options, const IpAddress& source, const std::optional<Tsig>& tsig) {
  if (options.to.empty() && options.key.empty()) return false;
  const bool known = options.to.empty() || std::any_of(options.to.begin(), options.to.end(),
                                                       [&](const Prefix& p) { return p.contains(source); });
  if (!known || options.key.empty()) return known;
  const auto key = parse_name(options.key);
  return tsig && key.ok() && tsig->key_name() == *key;
}

std::vector<uint8_t> address_query(const Name& name, uint16_t type) {
  std::vector<uint8_t> query(header_size + name.size() + 4);
  ByteWriter out(query);
  out.u16(0), out.u16(0), out.u16(1), out.u16(0), out.u16(0), out.u16(0);
  out.bytes(name.bytes());
  out.u16(type), out.u16(class_in);
  return query;
}

}  // namespace

Transfer::Transfer(const View& view, std::span<const uint8_t> message, const Query& query,
                   const Source& source, int64_t now)
    : view_(view), source_(source.address), decided_(Name(), "") {
  const auto question = message.first(header_size + query.question_size);
  question_.assign(question.begin(), question.end());
  edns_ = query.edns;
  if (query.asks_expire) expire_ = seconds_left(*view.names, query.name, now);
  if (query.tsig_offset != 0) tsig_.emplace(view.policy->tsig_keys, message, query.tsig_offset, now);
  admit(query, source.address);
  if (admitted()) plan(message, query);
}

void Transfer::admit(const Query& query, const IpAddress& source) {
  if (tsig_ && tsig_->error() != TsigError::none) return;
  const Match match = view_.names->find(query.name);
  if (match.kind != MatchKind::exact || !match.node.has(Node::apex)) return;
  auto version = view_.names->version(match.node.zone());
  if (version != nullptr && allows(version->options, source, tsig_)) version_ = std::move(version);
}

void Transfer::plan(std::span<const uint8_t> message, const Query& query) {
  title_ = fmt::format("{} of {} to {} (serial {})", query.type == type::ixfr ? "IXFR" : "AXFR",
                       query.name.to_text(), source_.to_string(), version_->serial);
  const Records& now = version_->records;
  const bool with_decided = version_->options.decided && decided_count() > 0;
  const auto theirs = query.type == type::ixfr ? serial_at_client(message, query) : std::nullopt;
  runs_.push_back({&now, true});
  if (theirs && !is_later(version_->serial, *theirs)) return;  // nothing new (RFC 1995 section 2)
  const auto& deltas = version_->deltas;
  const auto from =
      std::find_if(deltas.begin(), deltas.end(), [&](const auto& d) { return theirs && d->from == *theirs; });
  if (from != deltas.end() && !with_decided) {
    for (auto delta = from; delta != deltas.end(); ++delta)
      for (const Records* side : {&(*delta)->removed, &(*delta)->added})
        runs_.push_back({side, true}), runs_.push_back({side, false});
    title_ += fmt::format(", from {}", *theirs);
  } else {
    runs_.push_back({&now, false});
    if (with_decided) runs_.push_back({&decided_, false});
  }
  runs_.push_back({&now, true});
}

size_t Transfer::decided_count() const {
  return version_->signing ? version_->signing->decided.size() : version_->decided.size();
}

/// Puts what goes along for the next decided name where records are taken from. False if there is none.
bool Transfer::decide_next() {
  if (next_decided_ == decided_count()) return false;
  const CopySigning* signing = version_->signing.get();
  const Name& name = signing ? signing->decided[next_decided_].name : version_->decided[next_decided_];
  decided_ = Records(version_->records.apex(), "");
  std::vector<uint16_t> types;
  for (const uint16_t type : {type::a, type::aaaa, type::https})
    if ((type != type::https || makes_service_record(name)) && add_answer(name, type)) types.push_back(type);
  if (signing) sign_decided(signing->decided[next_decided_], std::move(types));
  ++next_decided_;
  signed_now_ += signing ? 1 : 0;
  return true;
}

/// One that the zone's file has is among the records already.
bool Transfer::makes_service_record(const Name& name) const {
  const Node node = view_.names->find(name).node;
  return node.decided() != Node::not_decided &&
         !view_.names->decided(node.decided()).host.https_alpn.empty() && !node.find(type::https);
}

/// By the answer to a query from where the secondary is. False if it has no record.
bool Transfer::add_answer(const Name& name, uint16_t wanted) {
  const auto message = address_query(name, wanted);
  Query query;
  parse_query(message, query);
  answer_.resize(message_size_max);
  const Outcome outcome = answer(view_, message, query, source_, Transport::tcp, answer_);
  ByteReader in(std::span<const uint8_t>(answer_).first(outcome.size));
  in.seek(6);
  unsigned answers = in.u16();
  in.seek(message.size());
  std::vector<std::vector<uint8_t>> set;
  uint32_t lowest = UINT32_MAX;
  for (; answers > 0 && in.ok(); --answers) {
    skip_name(in);
    const uint16_t type = in.u16();
    in.skip(2);
    const uint32_t ttl = in.u32();
    const auto data = in.take(in.u16());
    if (type != wanted || !in.ok()) continue;
    set.emplace_back(data.begin(), data.end());
    lowest = std::min(lowest, ttl);
  }
  for (const auto& data : set) decided_.add(name, wanted, lowest, data, {});
  if (version_->signing && !set.empty()) sign(name, wanted, lowest, set);
  return !set.empty();
}

/// The name's place in the chain, and what says that it is right.
void Transfer::sign_decided(const DecidedOwner& owner, std::vector<uint16_t> types) {
  types.insert(types.end(), owner.types.begin(), owner.types.end());
  const model::Denial denial = version_->signing->signer->denial();
  const uint16_t type = denial == model::Denial::nsec3 ? type::nsec3 : type::nsec;
  const std::vector<std::vector<uint8_t>> data = {denial_data(owner.head, types, denial, !types.empty())};
  decided_.add(owner.denial, type, owner.denial_ttl, data[0], {});
  sign(owner.denial, type, owner.denial_ttl, data);
}

void Transfer::sign(const Name& owner, uint16_t type, uint32_t ttl,
                    std::span<const std::vector<uint8_t>> data) {
  sign::CanonicalData canonical(type);
  for (const auto& record : data) canonical.add(record);
  const auto content = canonical.finish();
  const sign::ZoneSigner& signer = *version_->signing->signer;
  std::vector<uint8_t> room(signer.signing(type).size() * signed_size_max);
  ByteWriter out(room);
  (void)signer.write_online(out, {owner.bytes(), type, ttl, content}, ttl, 0, view_.now, *view_.signing,
                            {view_.signing->answers, nullptr});
  for (ByteReader in(out.written()); in.left() > 0;) {
    in.skip(2 + 2 + 2 + 4);
    const auto rrsig = in.take(in.u16());
    if (in.ok()) decided_.add(owner, type::rrsig, ttl, rrsig, {});
  }
}

bool Transfer::belongs(const Record& record) const {
  return runs_[run_].soa ? record.type == type::soa : record.type != type::soa && is_sent(record.type);
}

/// Another name would make other queries of this thread wait.
bool Transfer::has_signed_enough() const {
  return signed_now_ >= signed_names_max && run_ < runs_.size() && runs_[run_].records == &decided_ &&
         record_ == decided_.size();
}

/// Goes to the next record that is to be sent. False at the end.
bool Transfer::step() {
  while (run_ < runs_.size()) {
    const Records& records = *runs_[run_].records;
    for (; record_ < records.size(); ++record_)
      if (belongs(records[record_])) return true;
    record_ = 0;
    if (&records != &decided_ || !decide_next()) ++run_;
  }
  return false;
}

size_t Transfer::next(std::span<uint8_t> room, int64_t now) {
  ByteWriter out(
      room.first(message_size_max - opt_record_size - expire_option_size - (tsig_ ? tsig_->size_max() : 0)));
  out.bytes(question_);
  Compressor names(out, pointer_max);
  names.know(
      std::span<const uint8_t>(question_).subspan(question_offset, question_.size() - question_offset - 4),
      question_offset);
  uint16_t count = 0;
  signed_now_ = 0;
  for (; (count == 0 || !has_signed_enough()) && step(); ++record_, ++count) {
    const Record record = (*runs_[run_].records)[record_];
    const size_t before = out.size();
    names.write(owner_name(record.owner).bytes());
    write_record_head(out, record.type, record.ttl);
    out.u16(static_cast<uint16_t>(record.data.size()));
    out.bytes(record.data);
    if (out.ok() && (out.size() <= message_goal || count == 0)) continue;
    if (count == 0) return 0;
    out.rewind(before);
    break;
  }
  done_ = run_ == runs_.size();
  ByteWriter end(room);
  end.rewind(out.size());
  if (edns_) {
    end.u8(0), end.u16(type::opt), end.u16(udp_reply_max);
    end.u32(0), end.u16(static_cast<uint16_t>(expire_ ? expire_option_size : 0));
    if (expire_) write_expire_option(end, *expire_);
  }
  const size_t size = end.size();
  ByteWriter header(room.first(header_size));
  header.rewind(2);
  header.u16(flag::qr | flag::aa);
  header.u16(1), header.u16(count), header.u16(0), header.u16(edns_ ? 1 : 0);
  return tsig_ ? tsig_->append(room, size, now) : size;
}

}  // namespace popnet::dns
