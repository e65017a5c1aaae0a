// The filter, loaded into this machine's kernel and run there on packets. Needs CAP_BPF and CAP_NET_ADMIN.
#include "rt/xdp/filter.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <cerrno>
#include <string>

#include "rt/fd.h"

namespace popnet::rt {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr std::array<uint8_t, 6> our_mac = {0x02, 0xfe, 0x80, 0xff, 0x00, 0xaa};

Bytes frame_to(const Endpoint& to) {
  Bytes frame(our_mac.begin(), our_mac.end());
  const auto append = [&](std::initializer_list<int> bytes) {
    for (const int byte : bytes) frame.push_back(static_cast<uint8_t>(byte));
  };
  append({2, 0, 0, 0, 0, 9});
  const auto address = to.address.bytes();
  if (to.address.is_v4()) {
    append({0x08, 0x00, 0x45, 0, 0, 48, 0, 1, 0x40, 0, 64, 17, 0, 0, 198, 51, 100, 7});
  } else {
    append(
        {0x86, 0xdd, 0x60, 1, 2, 3, 0, 28, 17, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7});
  }
  frame.insert(frame.end(), address.begin(), address.end());
  append({0x10, 0xe1, to.port >> 8, to.port & 0xff, 0, 28, 0, 0});
  frame.resize(frame.size() + 20);
  return frame;
}

class Filter : public testing::Test {
 protected:
  // Any map that frames can be redirected to will do; this one needs no socket: slot 0 is the loopback interface.
  void SetUp() override {
    map_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_DEVMAP, "test", sizeof(int), sizeof(int), 2, nullptr));
    if (!map_.valid() && (errno == EPERM || errno == EACCES)) GTEST_SKIP() << "may not use BPF";
    ASSERT_TRUE(map_.valid()) << std::strerror(errno);
    const int slot = 0;
    const auto loopback = static_cast<int>(if_nametoindex("lo"));
    ASSERT_EQ(bpf_map_update_elem(map_.get(), &slot, &loopback, BPF_ANY), 0);
  }

  void load(const std::vector<Endpoint>& endpoints) {
    const auto code = make_filter(our_mac, endpoints, map_.get());
    std::string log(1 << 16, '\0');
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.log_level = 1, options.log_buf = log.data(), options.log_size = static_cast<uint32_t>(log.size());
    program_ =
        UniqueFd(bpf_prog_load(BPF_PROG_TYPE_XDP, "test", "Apache-2.0", code.data(), code.size(), &options));
    ASSERT_TRUE(program_.valid()) << std::strerror(errno) << "\n" << log.c_str();
  }
  void load(std::initializer_list<const char*> endpoints) {
    std::vector<Endpoint> parsed;
    for (const char* text : endpoints) parsed.push_back(Endpoint::parse(text).value());
    load(parsed);
  }

  /// XDP_REDIRECT: the socket's. XDP_PASS: the kernel's.
  uint32_t verdict(const Bytes& frame, uint32_t queue = 0) {
    xdp_md context{};
    context.data_end = static_cast<uint32_t>(frame.size());
    context.ingress_ifindex = if_nametoindex("lo");
    context.rx_queue_index = queue;
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data(), options.data_size_in = static_cast<uint32_t>(frame.size());
    options.ctx_in = &context, options.ctx_size_in = sizeof context;
    EXPECT_EQ(bpf_prog_test_run_opts(program_.get(), &options), 0) << std::strerror(errno);
    return options.retval;
  }
  uint32_t verdict(const char* to) { return verdict(frame_to(Endpoint::parse(to).value())); }

  UniqueFd map_, program_;
};

TEST_F(Filter, picks_udp_to_our_endpoints) {
  load({"192.0.2.53:53", "203.0.113.200:5353", "[2001:db8::ff53]:53", "[fe80::8000]:65535"});
  EXPECT_EQ(verdict("192.0.2.53:53"), XDP_REDIRECT);
  EXPECT_EQ(verdict("203.0.113.200:5353"), XDP_REDIRECT);
  EXPECT_EQ(verdict("[2001:db8::ff53]:53"), XDP_REDIRECT);
  EXPECT_EQ(verdict("[fe80::8000]:65535"), XDP_REDIRECT);
}

TEST_F(Filter, passes_what_is_for_others) {
  load({"192.0.2.53:53", "203.0.113.200:5353", "[2001:db8::ff53]:53"});
  for (const char* to : {"192.0.2.54:53", "192.0.2.53:54", "203.0.113.200:53", "192.0.2.53:5353",
                         "[2001:db8::ff54]:53", "[2001:db9::ff53]:53", "[2001:db8::ff53]:5353"})
    EXPECT_EQ(verdict(to), XDP_PASS) << to;
}

TEST_F(Filter, passes_each_byte_that_differs) {
  for (const char* to : {"192.0.2.53:53", "[2001:db8::ff53]:53"}) {
    load({to});
    const Bytes frame = frame_to(Endpoint::parse(to).value());
    const bool v4 = frame[12] == 8;
    // Our MAC, the type, the version, the fragment word (but for "don't"), the protocol, destination and port.
    std::vector<size_t> looked_at = {0, 1, 2, 3, 4, 5, 12, 13, 14};
    for (const size_t at : v4 ? std::vector<size_t>{21, 23, 30, 31, 32, 33, 36, 37}
                              : std::vector<size_t>{20, 38, 45, 53, 56, 57})
      looked_at.push_back(at);
    for (const size_t at : looked_at) {
      Bytes other = frame;
      other[at] ^= 0x10;
      EXPECT_EQ(verdict(other), XDP_PASS) << to << ", byte " << at;
    }
    EXPECT_EQ(verdict(frame), XDP_REDIRECT);
  }
}

TEST_F(Filter, passes_fragments_and_tags) {
  load({"192.0.2.53:53"});
  Bytes frame = frame_to(Endpoint::parse("192.0.2.53:53").value());
  frame[20] = 0x20;  // more fragments
  EXPECT_EQ(verdict(frame), XDP_PASS);
  frame[20] = 0x00, frame[21] = 0x01;  // offset
  EXPECT_EQ(verdict(frame), XDP_PASS);
  frame[21] = 0;
  EXPECT_EQ(verdict(frame), XDP_REDIRECT);
  const Bytes tag = {0x81, 0x00, 0x00, 0x05};
  frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  EXPECT_EQ(verdict(frame), XDP_PASS) << "a VLAN's";
}

TEST_F(Filter, passes_too_short_and_too_long_ones) {
  for (const char* to : {"192.0.2.53:53", "[2001:db8::ff53]:53"}) {
    load({to});
    const Bytes frame = frame_to(Endpoint::parse(to).value());
    const size_t headers = frame.size() - 20;
    for (size_t size = 14; size < headers; ++size)
      EXPECT_EQ(verdict(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size))), XDP_PASS)
          << to << ", " << size;
    Bytes longer = frame;
    longer.resize(filter_frame_max);
    EXPECT_EQ(verdict(longer), XDP_REDIRECT);
    longer.resize(filter_frame_max + 1);
    EXPECT_EQ(verdict(longer), XDP_PASS);
  }
}

TEST_F(Filter, holds_as_many_endpoints_as_it_says) {
  std::vector<Endpoint> endpoints;
  for (size_t i = 0; i < filter_endpoints_max; ++i) {
    uint8_t address[16] = {0x20, 1, 0xd, 0xb8};
    address[15] = static_cast<uint8_t>(i);
    endpoints.push_back(
        {i % 2 == 0 ? IpAddress::v4(192, 0, 2, static_cast<uint8_t>(i)) : IpAddress::from_bytes(address),
         static_cast<uint16_t>(1000 + i)});
  }
  load(endpoints);
  for (const Endpoint& endpoint : endpoints) {
    EXPECT_EQ(verdict(frame_to(endpoint)), XDP_REDIRECT) << endpoint.to_string();
    EXPECT_EQ(verdict(frame_to({endpoint.address, 53})), XDP_PASS) << endpoint.to_string();
  }
}

}  // namespace
}  // namespace popnet::rt
