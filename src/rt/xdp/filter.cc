#include "rt/xdp/filter.h"

#include <cassert>
#include <cstddef>
#include <cstring>

namespace popnet::rt {

namespace {

enum Register : uint8_t { r0, r1, r2, r3, r4, r5 };

// Places in a frame. Ethernet: destination, source, type; then IP; then UDP.
constexpr int16_t eth_type = 12, ip = 14;
constexpr int16_t v4_fragment = ip + 6, v4_protocol = ip + 9, v4_destination = ip + 16, v4_udp = ip + 20;
constexpr int16_t v6_next_header = ip + 6, v6_destination = ip + 24, v6_udp = ip + 40;
constexpr int16_t udp_destination = 2;
constexpr int32_t udp_size = 8;
constexpr uint8_t protocol_udp = 17;

/// Integers as the program finds them in a packet: the bytes as they stand, in the machine's order.
int32_t as_loaded(std::span<const uint8_t> bytes) {
  assert(bytes.size() == 2 || bytes.size() == 4);
  if (bytes.size() == 2) {
    uint16_t value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  int32_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}
int32_t big_endian(uint16_t value) {
  const uint8_t bytes[2] = {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
  return as_loaded(bytes);
}

/// A place in the program that jumps lead to before it is known.
class Label {
 public:
  friend class Program;

 private:
  std::vector<size_t> jumps_;
};

/// Registers: r2 the frame, r3 its end, r4 and r5 for what is looked at.
class Program {
 public:
  explicit Program(std::span<const Endpoint> endpoints) : endpoints_(endpoints) {}

  std::vector<bpf_insn> make(const std::array<uint8_t, 6>& mac, int map_fd) && {
    load(BPF_W, r2, r1, offsetof(xdp_md, data));
    load(BPF_W, r3, r1, offsetof(xdp_md, data_end));
    pass_if_shorter(v4_udp + udp_size);
    pass_if_longer(filter_frame_max);
    pass_unless(BPF_W, 0, as_loaded(std::span(mac).first(4)));
    pass_unless(BPF_H, 4, as_loaded(std::span(mac).last(2)));
    load(BPF_H, r5, r2, eth_type);
    Label v6;
    jump(BPF_JEQ, r5, big_endian(0x86dd), v6);
    jump(BPF_JNE, r5, big_endian(0x0800), pass_);
    ipv4();
    place(v6);
    ipv6();
    place(redirect_);
    redirect_to(map_fd);
    place(pass_);
    emit(BPF_ALU64 | BPF_MOV | BPF_K, r0, 0, 0, XDP_PASS);
    emit(BPF_JMP | BPF_EXIT);
    return std::move(code_);
  }

 private:
  void ipv4() {
    pass_unless(BPF_B, ip, 0x45);  // version 4, no options
    load(BPF_H, r5, r2, v4_fragment);
    emit(BPF_ALU64 | BPF_AND | BPF_K, r5, 0, 0, big_endian(0x3fff));  // more fragments, offset
    jump(BPF_JNE, r5, 0, pass_);
    pass_unless(BPF_B, v4_protocol, protocol_udp);
    load(BPF_H, r5, r2, v4_udp + udp_destination);
    load(BPF_W, r4, r2, v4_destination);
    for (const Endpoint& endpoint : endpoints_) {
      if (!endpoint.address.is_v4()) continue;
      Label next;
      jump(BPF_JNE, r4, as_loaded(endpoint.address.bytes()), next);
      jump(BPF_JEQ, r5, big_endian(endpoint.port), redirect_);
      place(next);
    }
    jump(pass_);
  }

  void ipv6() {
    pass_if_shorter(v6_udp + udp_size);
    load(BPF_B, r5, r2, ip);
    emit(BPF_ALU64 | BPF_AND | BPF_K, r5, 0, 0, 0xf0);
    jump(BPF_JNE, r5, 0x60, pass_);
    pass_unless(BPF_B, v6_next_header, protocol_udp);
    load(BPF_H, r5, r2, v6_udp + udp_destination);
    for (const Endpoint& endpoint : endpoints_) {
      if (endpoint.address.is_v4()) continue;
      Label next;
      jump(BPF_JNE, r5, big_endian(endpoint.port), next);
      for (int16_t i = 12; i >= 0; i = static_cast<int16_t>(i - 4)) {  // addresses differ at their ends
        load(BPF_W, r4, r2, static_cast<int16_t>(v6_destination + i));
        jump(BPF_JNE, r4, as_loaded(endpoint.address.bytes().subspan(static_cast<size_t>(i), 4)), next);
      }
      jump(redirect_);
      place(next);
    }
    jump(pass_);
  }

  /// return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS)
  void redirect_to(int map_fd) {
    load(BPF_W, r2, r1, offsetof(xdp_md, rx_queue_index));
    emit(BPF_LD | BPF_DW | BPF_IMM, r1, BPF_PSEUDO_MAP_FD, 0, map_fd);
    emit(0);  // the upper half of that number
    emit(BPF_ALU64 | BPF_MOV | BPF_K, r3, 0, 0, XDP_PASS);
    emit(BPF_JMP | BPF_CALL, r0, 0, 0, BPF_FUNC_redirect_map);
    emit(BPF_JMP | BPF_EXIT);
  }

  void pass_if_shorter(int32_t size) { pass_if(BPF_JGT, size); }
  void pass_if_longer(int32_t size) { pass_if(BPF_JLT, size); }
  /// If frame + size is beyond, or before, the frame's end.
  void pass_if(uint8_t condition, int32_t size) {
    emit(BPF_ALU64 | BPF_MOV | BPF_X, r4, r2);
    emit(BPF_ALU64 | BPF_ADD | BPF_K, r4, 0, 0, size);
    pass_.jumps_.push_back(code_.size());
    emit(static_cast<uint8_t>(BPF_JMP | condition | BPF_X), r4, r3);
  }
  void pass_unless(uint8_t width, int16_t at, int32_t value) {
    load(width, r5, r2, at);
    jump(BPF_JNE, r5, value, pass_);
  }
  void load(uint8_t width, Register to, Register from, int16_t offset) {
    emit(static_cast<uint8_t>(BPF_LDX | BPF_MEM | width), to, from, offset);
  }
  void jump(uint8_t condition, Register left, int32_t right, Label& to) {
    to.jumps_.push_back(code_.size());
    emit(static_cast<uint8_t>(BPF_JMP32 | condition | BPF_K), left, 0, 0, right);
  }
  void jump(Label& to) {
    to.jumps_.push_back(code_.size());
    emit(BPF_JMP | BPF_JA);
  }
  /// Jumps to this label lead to the next instruction.
  void place(Label& label) {
    for (const size_t from : label.jumps_) {
      assert(code_.size() - from - 1 <= INT16_MAX);
      code_[from].off = static_cast<int16_t>(code_.size() - from - 1);
    }
  }
  void emit(uint8_t code, uint8_t to = 0, uint8_t from = 0, int16_t offset = 0, int32_t immediate = 0) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = to & 0xf;
    instruction.src_reg = from & 0xf;
    instruction.off = offset;
    instruction.imm = immediate;
    code_.push_back(instruction);
  }

  std::span<const Endpoint> endpoints_;
  std::vector<bpf_insn> code_;
  Label redirect_, pass_;
};

}  // namespace

std::vector<bpf_insn> make_filter(const std::array<uint8_t, 6>& mac, std::span<const Endpoint> endpoints,
                                  int map_fd) {
  assert(endpoints.size() <= filter_endpoints_max);
  return Program(endpoints).make(mac, map_fd);
}

}  // namespace popnet::rt
