#include "dns/tap/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "dns/wire/query.h"
#include "dns/wire/text.h"
#include "records/text.h"
#include "rt/clock.h"

namespace popnet::dns::tap {

namespace {

constexpr size_t ring_bytes = size_t{1} << 20;
constexpr auto between_drains = std::chrono::milliseconds(20);
constexpr int drains_between_looks = 50;
constexpr const char* version = "popnet " POPNET_VERSION;

/// What leads a record in the ring; the query follows, then the reply if it is wanted.
struct Stored {
  Exchange exchange;
  uint32_t query_size = 0;
  uint32_t reply_size = 0;  // of the bytes that follow
  uint32_t reply_bytes = 0;
  bool taps_query = false, taps_reply = false, logs = false;
};
static_assert(std::is_trivially_copyable_v<Stored>);

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::udp:
      return "udp";
    case Protocol::tcp:
      return "tcp";
    case Protocol::dot:
      return "tls";
  }
  return "";
}

std::span<const uint8_t> bytes_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

bool wants(const model::Dnstap& options, model::DnstapMessage message) {
  return options.messages.empty() || std::ranges::find(options.messages, message) != options.messages.end();
}

bool has_output(const model::Dnstap& options) {
  return !options.file.empty() || !options.socket.empty();
}

}  // namespace

// ---- the threads that answer

ThreadRecorder::ThreadRecorder(const model::DnsNode& options, uint64_t seed)
    : random_(seed), ring_(ring_bytes) {
  if (has_output(options.dnstap)) {
    tap_part_ = options.dnstap.sample;
    taps_queries_ = wants(options.dnstap, model::DnstapMessage::query);
    taps_replies_ = wants(options.dnstap, model::DnstapMessage::response);
  }
  if (!options.query_log.file.empty()) log_part_ = options.query_log.sample;
}

void ThreadRecorder::record(const Exchange& exchange, std::span<const uint8_t> query,
                            std::span<const uint8_t> reply) {
  Stored stored;
  const bool taps = draws(tap_part_);
  stored.taps_query = taps && taps_queries_;
  stored.taps_reply = taps && taps_replies_ && !reply.empty();
  stored.logs = draws(log_part_);
  if (!stored.taps_query && !stored.taps_reply && !stored.logs) return;
  stored.exchange = exchange;
  stored.query_size = static_cast<uint32_t>(query.size());
  stored.reply_bytes = static_cast<uint32_t>(reply.size());
  if (stored.taps_reply) stored.reply_size = stored.reply_bytes;
  std::byte* to = ring_.reserve(sizeof stored + stored.query_size + stored.reply_size);
  if (to == nullptr) return;
  std::memcpy(to, &stored, sizeof stored);
  if (!query.empty()) std::memcpy(to + sizeof stored, query.data(), query.size());
  if (stored.reply_size > 0) std::memcpy(to + sizeof stored + query.size(), reply.data(), reply.size());
  ring_.commit();
}

// ---- the thread that writes

Result<std::unique_ptr<Recorder>> Recorder::open(const model::DnsNode& options, const std::string& identity,
                                                 uint64_t seed, size_t threads) {
  if (!has_output(options.dnstap) && options.query_log.file.empty()) return std::unique_ptr<Recorder>();
  std::unique_ptr<Recorder> recorder(new Recorder(identity, options, seed, threads));
  if (!options.dnstap.file.empty()) {
    auto file = open_frame_file(options.dnstap.file, "node.dns_server.dnstap.file");
    if (!file) return file.error();
    recorder->frames_ = std::move(*file);
  } else if (!options.dnstap.socket.empty()) {
    recorder->frames_ = open_frame_socket(options.dnstap.socket);
  }
  if (!options.query_log.file.empty()) {
    recorder->lines_ =
        std::make_unique<records::LineFile>(options.query_log.file, "node.dns_server.query_log.file");
    if (const Status opened = recorder->lines_->open(); !opened) return opened.error();
  }
  return recorder;
}

void Recorder::start() {
  if (frames_) frames_->tick(rt::monotonic_now());
  thread_ = std::make_unique<records::Periodic>("dns-records", between_drains, [this] { drain(); });
}

Recorder::Recorder(std::string identity, const model::DnsNode& options, uint64_t seed, size_t threads)
    : identity_(std::move(identity)) {
  for (size_t i = 0; i < threads; ++i)
    threads_.push_back(std::make_unique<ThreadRecorder>(options, seed + i));
}

Recorder::~Recorder() = default;

void Recorder::drain() {
  for (const auto& thread : threads_)
    thread->ring_.take([this](std::span<const std::byte> record) { write(record); });
  if (frames_) frames_->tick(rt::monotonic_now());
  if (!lines_) return;
  lines_->flush();
  if (--looks_in_ > 0) return;
  looks_in_ = drains_between_looks;
  lines_->look_for_rotation();
}

void Recorder::write(std::span<const std::byte> record) {
  Stored stored;
  std::memcpy(&stored, record.data(), sizeof stored);
  const auto query = record.subspan(sizeof stored, stored.query_size);
  const auto reply = record.subspan(sizeof stored + stored.query_size, stored.reply_size);
  if (stored.taps_query) tap(stored.exchange, MessageType::auth_query, query);
  if (stored.taps_reply) tap(stored.exchange, MessageType::auth_response, reply);
  if (!stored.logs) return;
  write_json(stored.exchange, bytes_of(query), stored.reply_bytes, lines_->lines());
  lines_->line_added();
}

void Recorder::tap(const Exchange& exchange, MessageType type, std::span<const std::byte> message) {
  encoded_.clear();
  encode({type, exchange.protocol, exchange.client, exchange.server, exchange.time, message}, identity_,
         version, encoded_);
  (frames_->put(encoded_) ? frames_written_ : frames_lost_).fetch_add(1, std::memory_order_relaxed);
}

void Recorder::collect(std::vector<CounterValue>& into) const {
  const auto add = [&](const char* name, const char* help, uint64_t value) {
    into.push_back({name, help, CounterValue::Kind::counter, {}, static_cast<double>(value)});
  };
  uint64_t dropped = 0;
  for (const auto& thread : threads_) dropped += thread->ring_.dropped();
  add("popnet_dns_records_dropped_total",
      "queries that dnstap and query log have missed because they could not keep up", dropped);
  if (frames_) {
    add("popnet_dns_tap_frames_total", "dnstap messages handed to the file or the reader",
        frames_written_.load(std::memory_order_relaxed));
    add("popnet_dns_tap_lost_total", "dnstap messages for which there was no reader, or no room",
        frames_lost_.load(std::memory_order_relaxed));
  }
  if (lines_) {
    add("popnet_dns_log_lines_total", "lines written to the query log", lines_->written());
    add("popnet_dns_log_lost_total", "lines of the query log that could not be written", lines_->unwritten());
  }
}

// ---- a line

void write_json(const Exchange& exchange, std::span<const uint8_t> query, size_t reply_bytes,
                std::string& out) {
  Query parsed;
  parse_query(query, parsed);
  const auto to = std::back_inserter(out);
  out += "{\"time\":";
  records::put_json_time(exchange.time, out);
  out += ",\"client\":";
  records::put_json(exchange.client.address.to_string(), out);
  fmt::format_to(to, ",\"port\":{},\"transport\":\"{}\"", exchange.client.port, to_string(exchange.protocol));
  if (parsed.question_size != 0) {
    out += ",\"name\":";
    records::put_json(parsed.name.to_text(), out);
    out += ",\"type\":";
    records::put_json(type_name(parsed.type), out);
    if (parsed.qclass != class_in) fmt::format_to(to, ",\"class\":\"CLASS{}\"", parsed.qclass);
  }
  if (parsed.subnet.size != 0 && parsed.subnet.family != 0) {
    const Prefix subnet(subnet_address(query, parsed.subnet), parsed.subnet.length());
    out += ",\"subnet\":";
    records::put_json(subnet.to_string(), out);
  }
  if (parsed.edns) fmt::format_to(to, ",\"udp_size\":{},\"do\":{}", parsed.udp_size, parsed.dnssec_ok);
  if (reply_bytes == 0) {
    out += ",\"rcode\":null";
  } else {
    const char* name = rcode_name(exchange.rcode);
    out += ",\"rcode\":";
    records::put_json(name != nullptr ? name : fmt::format("RCODE{}", exchange.rcode), out);
    fmt::format_to(to, ",\"kind\":\"{}\",\"truncated\":{}", exchange.kind, exchange.truncated);
  }
  fmt::format_to(to, ",\"query_bytes\":{},\"reply_bytes\":{}}}\n", query.size(), reply_bytes);
}

}  // namespace popnet::dns::tap
