#include "dns/guard/tsig.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "common/bytes.h"
#include "dns/wire/protocol.h"
#include "dns/wire/query.h"

namespace popnet::dns {

namespace {

constexpr uint16_t fudge = 300;      // seconds (section 10)
constexpr size_t count_offset = 10;  // of the additional section's count in the header
constexpr size_t unsigned_max = 99;  // section 5.3.1
constexpr size_t mac_size_max = 64;
constexpr size_t mac_size_min = 10;

struct Algorithm {
  std::string_view name;
  const EVP_MD* (*digest)();
  size_t mac_size;
};
const Algorithm& algorithm_of(TsigAlgorithm a) {
  static const Algorithm sha256{"hmac-sha256", EVP_sha256, 32};
  static const Algorithm sha512{"hmac-sha512", EVP_sha512, 64};
  return a == TsigAlgorithm::hmac_sha512 ? sha512 : sha256;
}
Name algorithm_name(TsigAlgorithm a) {
  return *parse_name(algorithm_of(a).name);
}

void put_u16(std::vector<uint8_t>& out, uint16_t v) {
  out.push_back(static_cast<uint8_t>(v >> 8));
  out.push_back(static_cast<uint8_t>(v));
}
void put_time(std::vector<uint8_t>& out, int64_t seconds) {
  for (int shift = 40; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(seconds >> shift));
}
void put(std::vector<uint8_t>& out, std::span<const uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void put_mac(std::vector<uint8_t>& out, std::span<const uint8_t> mac) {
  put_u16(out, static_cast<uint16_t>(mac.size()));
  put(out, mac);
}

}  // namespace

/// The fields that count; spans point into the message.
struct Tsig::Record {
  Name key, algorithm;
  int64_t time = 0;
  uint16_t fudge = 0, original_id = 0, error = 0;
  std::span<const uint8_t> mac, other;
};

std::optional<std::vector<uint8_t>> read_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  if (!std::all_of(text.begin(), text.end() - static_cast<std::ptrdiff_t>(padding), is_digit))
    return std::nullopt;
  std::vector<uint8_t> bytes(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const uint8_t*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(bytes.size() - padding);
  return bytes;
}

/// Section 4.2. The key's name may be compressed, as dnspython does; the algorithm's may not.
bool Tsig::read(std::span<const uint8_t> message, size_t offset, Record& record) {
  ByteReader in(message);
  in.seek(offset);
  const auto name = [&](Name& into) {
    const NameShape shape = in.ok() ? measure_name(message.subspan(in.position())) : NameShape{};
    if (shape.size == 0) return in.fail();
    into = Name(in.take(shape.size));
  };
  std::array<uint8_t, name_size_max> key;
  const NameShape shape = expand_name(message, offset, key);
  if (shape.size == 0) return false;
  record.key = Name(NameBytes(key).first(shape.size));
  skip_name(in);
  const uint16_t type = in.u16(), rr_class = in.u16();
  const uint32_t ttl = in.u32();
  const size_t size = in.u16();
  const size_t begin = in.position();
  if (!in.ok() || type != type::tsig || rr_class != class_any || ttl != 0) return false;
  name(record.algorithm);
  record.time = int64_t{in.u16()} << 32;
  record.time |= in.u32();
  record.fudge = in.u16();
  record.mac = in.take(in.u16());
  record.original_id = in.u16();
  record.error = in.u16();
  record.other = in.take(in.u16());
  return in.ok() && in.position() - begin == size && in.left() == 0;
}

std::vector<uint8_t> Tsig::mac(std::span<const uint8_t> input) const {
  std::vector<uint8_t> out(mac_size_max);
  unsigned size = 0;
  if (HMAC(algorithm_of(key_.algorithm).digest(), key_.secret.data(), static_cast<int>(key_.secret.size()),
           input.data(), input.size(), out.data(), &size) == nullptr)
    std::abort();  // no memory
  out.resize(size);
  return out;
}

Tsig::Tsig(std::span<const TsigKey> keys, std::span<const uint8_t> message, size_t offset, int64_t now) {
  Record record;
  error_ = TsigError::badkey;
  if (!read(message, offset, record)) return;
  key_.name = record.key;
  const auto algorithm = record.algorithm.bytes();
  wanted_algorithm_.assign(algorithm.begin(), algorithm.end());
  for (const TsigKey& key : keys)
    if (key.name == record.key && algorithm_name(key.algorithm) == record.algorithm)
      key_ = key, known_ = true;
  if (!known_) return;
  error_ = judge(message, offset, record, now, false);
}

/// Takes the MAC as that before the next message, if it is right.
TsigError Tsig::judge(std::span<const uint8_t> message, size_t offset, const Record& record, int64_t now,
                      bool timers_only) {
  peer_time_ = record.time;
  std::vector<uint8_t> input;
  if (!prior_.empty()) put_mac(input, prior_);
  put(input, pending_);
  const size_t header_at = input.size();
  put(input, message.first(offset));
  const uint16_t count =
      static_cast<uint16_t>((input[header_at + count_offset] << 8 | input[header_at + count_offset + 1]) - 1);
  input[header_at] = static_cast<uint8_t>(record.original_id >> 8);
  input[header_at + 1] = static_cast<uint8_t>(record.original_id);
  input[header_at + count_offset] = static_cast<uint8_t>(count >> 8);
  input[header_at + count_offset + 1] = static_cast<uint8_t>(count);
  if (!timers_only) {
    put(input, key_.name.bytes());
    put_u16(input, class_any);
    put_u16(input, 0), put_u16(input, 0);  // TTL
    put(input, record.algorithm.bytes());
  }
  put_time(input, record.time);
  put_u16(input, record.fudge);
  if (!timers_only) {
    put_u16(input, record.error);
    put_mac(input, record.other);  // a length leads it as well
  }
  const auto right = mac(input);
  if (record.mac.size() > right.size() || record.mac.size() < std::max(mac_size_min, right.size() / 2))
    return TsigError::badsig;
  if (CRYPTO_memcmp(right.data(), record.mac.data(), record.mac.size()) != 0) return TsigError::badsig;
  prior_.assign(record.mac.begin(), record.mac.end());
  if (record.mac.size() != right.size()) return TsigError::badtrunc;  // we want it whole (section 5.2.4)
  if (now - record.time > record.fudge || record.time - now > record.fudge) return TsigError::badtime;
  return TsigError::none;
}

size_t Tsig::size_max() const {
  const size_t algorithm = known_ ? algorithm_of(key_.algorithm).name.size() + 2 : wanted_algorithm_.size();
  return key_.name.size() + 10 + algorithm + 6 + 2 + 2 + mac_size_max + 2 + 2 + 2 + 6;
}

// A key that we do not have, and a MAC that is wrong, are told without a MAC (section 5.3.2).
size_t Tsig::append(std::span<uint8_t> room, size_t size, int64_t now) {
  const bool bare = error_ == TsigError::badkey || error_ == TsigError::badsig;
  const bool timers_only = started_;
  std::vector<uint8_t> other;
  int64_t time = now;
  if (error_ == TsigError::badtime) {
    time = peer_time_;
    put_time(other, now);
  }
  const Name known_algorithm = algorithm_name(key_.algorithm);
  const std::span<const uint8_t> algorithm =
      known_ ? known_algorithm.bytes() : std::span<const uint8_t>(wanted_algorithm_);
  std::vector<uint8_t> signature;
  if (!bare) {
    std::vector<uint8_t> input;
    if (!prior_.empty()) put_mac(input, prior_);
    put(input, room.first(size));
    if (!timers_only) {
      put(input, key_.name.bytes());
      put_u16(input, class_any);
      put_u16(input, 0), put_u16(input, 0);
      put(input, algorithm);
    }
    put_time(input, time);
    put_u16(input, fudge);
    if (!timers_only) {
      put_u16(input, static_cast<uint16_t>(error_));
      put_mac(input, other);
    }
    signature = mac(input);
    prior_ = signature;
    started_ = started_ || (room[2] & 0x80) != 0;  // what a client signs first is the query
  }
  ByteWriter out(room);
  out.rewind(size);
  out.bytes(key_.name.bytes());
  out.u16(type::tsig);
  out.u16(class_any);
  out.u32(0);
  const size_t length_at = out.size();
  out.u16(0);
  out.bytes(algorithm);
  out.u16(static_cast<uint16_t>(time >> 32));
  out.u32(static_cast<uint32_t>(time));
  out.u16(fudge);
  out.u16(static_cast<uint16_t>(signature.size()));
  out.bytes(signature);
  out.bytes(room.first(2));  // the id
  out.u16(static_cast<uint16_t>(error_));
  out.u16(static_cast<uint16_t>(other.size()));
  out.bytes(other);
  if (!out.ok()) return size;
  out.patch_u16(length_at, static_cast<uint16_t>(out.size() - length_at - 2));
  out.patch_u16(count_offset, static_cast<uint16_t>((room[count_offset] << 8 | room[count_offset + 1]) + 1));
  return out.size();
}

bool Tsig::check(std::span<const uint8_t> message, size_t offset, int64_t now) {
  if (offset == 0) {
    put(pending_, message);
    return started_ && ++unsigned_ <= unsigned_max;
  }
  Record record;
  if (!read(message, offset, record) || record.error != 0) return false;
  if (record.key == key_.name && record.algorithm == algorithm_name(key_.algorithm) &&
      judge(message, offset, record, now, started_) == TsigError::none) {
    started_ = true;
    pending_.clear();
    unsigned_ = 0;
    return true;
  }
  return false;
}

}  // namespace popnet::dns
