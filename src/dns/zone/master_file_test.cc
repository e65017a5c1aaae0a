// Lines of master files: what their data is on the wire, and what is said of those that are wrong.
#include "dns/zone/master_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "dns/wire/protocol.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string head = "$ORIGIN example.com.\n$TTL 3600\n";  // what is tried stands in line 3
const std::string hex20 = std::string(40, 'a'), hex32 = std::string(64, 'a'), hex48 = std::string(96, 'a');

class MasterFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "popnet-master-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  /// The problems of a file with the head and these lines, without the folder.
  std::vector<std::string> read(const std::string& lines) {
    write("zone", head + lines);
    records_ = Records(parse_name("example.com").value(), "");
    Problems problems;
    EXPECT_TRUE(read_master_file(folder_ + "/zone", records_, problems));
    std::vector<std::string> told = problems.lines();
    for (std::string& line : told)
      if (line.starts_with(folder_ + "/")) line.erase(0, folder_.size() + 1);
    return told;
  }
  /// The data of the only record, in hexadecimal.
  std::string data(const std::string& line) {
    EXPECT_THAT(read(line), ElementsAre()) << line;
    if (records_.size() != 1) return fmt::format("{} records", records_.size());
    std::string hex;
    for (const uint8_t b : records_[0].data) hex += fmt::format("{:02x}", b);
    return hex;
  }
  struct Refused {
    std::string line;
    int column;
    std::string what;
  };
  void expect_refused(const std::vector<Refused>& table) {
    for (const auto& [line, column, what] : table) {
      const auto told = read(line + "\n");
      ASSERT_EQ(told.size(), 1U) << line << ::testing::PrintToString(told);
      EXPECT_THAT(told[0], StartsWith(fmt::format("zone:3:{}: zone example.com.: ", column))) << line;
      EXPECT_THAT(told[0], HasSubstr(what)) << line;
      EXPECT_EQ(records_.size(), 0U) << line;
    }
  }
  void expect_data(const std::vector<std::pair<std::string, std::string>>& table) {
    for (const auto& [line, hex] : table) EXPECT_EQ(data(line + "\n"), hex) << line;
  }

  std::string folder_;
  Records records_{Name(), ""};
};

TEST_F(MasterFile, NumbersOutOfRangeAreRefused) {
  expect_refused({
      {"@ MX 65546 ns1", 6, "MX has the preference 65546, write a number from 0 to 65535"},
      {"@ MX -1 ns1", 6, "MX has the preference -1, write a number from 0"},
      {"@ MX 0x10 ns1", 6, "MX has the preference 0x10, write"},
      {"@ MX 1.5 ns1", 6, "MX has the preference 1.5, write"},
      {"s SRV 0 0 70000 ns1", 11, "SRV has the port 70000, write a number from 0 to 65535"},
      {"@ CAA 256 issue x", 7, "CAA has the flags 256, write a number from 0 to 255"},
      {"t TLSA 259 1 1 " + hex32, 8,
       "TLSA has the usage 259, write a number from 0 to 255 or a name like PKIX-TA"},
      {"d DS 1 300 2 " + hex32, 8, "DS has the algorithm 300, write a number from 0 to 255"},
      {"d DS 65536 8 2 " + hex32, 6, "DS has the key tag 65536"},
      {"c CERT 70000 0 0 AAAA", 8,
       "CERT has the type 70000, write a number from 0 to 65535 or a name like PKIX"},
      {"n NAPTR 70000 0 \"\" \"\" \"\" .", 9, "NAPTR has the order 70000"},
      {"n NAPTR 0 70000 \"\" \"\" \"\" .", 11, "NAPTR has the preference 70000"},
      {"z ZONEMD 4294967296 1 1 " + hex48, 10,
       "ZONEMD has the serial 4294967296, write a number from 0 to 4294967295"},
      {"@ SOA ns1 mail 4294967296 1 1 1 1", 16, "SOA has the serial 4294967296"},
      {"@ SOA ns1 mail 1 1 1 1 2147483648", 24, "SOA has the minimum 2147483648, write a length of time"},
      {"i IPSECKEY 256 0 2 . AAAA", 12, "IPSECKEY has the precedence 256"},
      {"i HIP 256 00 AAAA", 7, "HIP has the host identity 256, write an algorithm"},
      {"r AMTRELAY 0 2 0 .", 14, "AMTRELAY has the discovery and type 2, write 0 or 1 and a number"},
  });
}

TEST_F(MasterFile, LengthsOfTime) {
  for (const char* wrong :
       {"4294967296", "2147483648", "1x", "1hh", "1.5h", "0x10", "1h30", "99999999999h", "4000w"}) {
    expect_refused(
        {{fmt::format("www {} IN A 192.0.2.1", wrong), 5,
          fmt::format("the TTL is {}, write a length of time like 300 or 1h30m, at most 2147483647 s",
                      wrong)}});
    expect_refused({{fmt::format("$TTL {}", wrong), 1, "$TTL wants a length of time, at most 2147483647 s"}});
  }
  const std::vector<std::pair<std::string, uint32_t>> right = {
      {"0", 0}, {"2147483647", 2147483647}, {"1h30m", 5400}, {"1W2D3H4M5S", 788645}, {"90s", 90}};
  for (const auto& [text, seconds] : right) {
    EXPECT_THAT(read(fmt::format("www {} A 192.0.2.1\n", text)), ElementsAre()) << text;
    EXPECT_EQ(records_[0].ttl, seconds) << text;
  }
}

TEST_F(MasterFile, BytesInTextMustBeWholeAndFitTheirType) {
  expect_refused({
      {"u TYPE65400 \\# 4 01020z04", 18, "01020z04 is not hexadecimal, write digits 0-9 and a-f"},
      {"u TYPE65400 \\# 4 010203", 16, "\\# says 4 bytes but 6 hexadecimal digits follow"},
      {"u TYPE65400 \\# four", 16, "\\# wants the number of bytes behind it"},
      {"u TYPE65400 \\#", 15, "\\# wants the number of bytes behind it"},
      {"u TYPE65400 abc", 13,
       "the fields of TYPE65400 are not known, write its data like \\# 4 c0000201 (RFC 3597)"},
      {"d DS 1 8 99 abc", 13,
       "DS has the digest abc which ends an odd number of digits, write bytes of two digits"},
      {"d DS 1 8 99 aabx", 13, "DS has the digest aabx, write bytes of two digits each"},
      {"d DS 1 8 99", 12, "DS has no digest, write bytes of two digits each, 0-9 or a-f"},
      {"d DS 1 8 1 " + hex32, 12, "the digest of DS has 32 bytes, write the 20 that type 1 makes"},
      {"d DS 1 8 2 " + hex20, 12, "the digest of DS has 20 bytes, write the 32 that type 2 makes"},
      {"d DS 1 8 4 " + hex32, 12, "write the 48 that type 4 makes"},
      {"f SSHFP 1 1 aabb", 13, "the fingerprint of SSHFP has 2 bytes, write the 20 that type 1 makes"},
      {"f SSHFP 1 2 " + hex20, 13, "write the 32 that type 2 makes"},
      {"f SSHFP 1 1 ", 13, "SSHFP has no fingerprint"},
      {"t TLSA 3 1 1 " + hex20, 14, "the certificate data of TLSA has 20 bytes, write the 32"},
      {"t TLSA 3 1 0 abc", 14, "TLSA has the certificate data abc which ends an odd number"},
      {"z ZONEMD 1 1 1 " + hex32, 16, "the digest of ZONEMD has 32 bytes, write the 48"},
      {"z ZONEMD 1 1 2 " + hex48, 16, "the digest of ZONEMD has 48 bytes, write the 64"},
      {"k DNSKEY 256 3 13 AAA", 19, "DNSKEY has the public key AAA, write whole base64"},
      {"k DNSKEY 256 3 13 A*AA", 19, "DNSKEY has the public key A*AA, write whole base64"},
      {"k DNSKEY 256 3 13", 18, "DNSKEY has no public key, write whole base64"},
  });
  expect_data({
      {"u TYPE65400 \\# 4 01 0203 04", "01020304"},
      {"u TYPE65400 \\# 0", ""},
      {"d DS 1 ECDSAP256SHA256 2 " + hex20 + " " + hex32.substr(40), "00010d02" + hex32},
      {"d CDS 0 0 0 00", "0000000000"},
      {"d CDNSKEY 0 3 0 AA==", "0000030000"},
      {"k DNSKEY 256 3 13 AQID BAUG Bw==", "0100030d01020304050607"},
      {"t TLSA DANE-EE SPKI SHA2-256 " + hex32, "030101" + hex32},
  });
}

TEST_F(MasterFile, TypesWithTextOfTheirOwn) {
  expect_refused({
      {"c CSYNC 1 3 A NONSENSE", 15, "CSYNC has the types NONSENSE, write types like A or TYPE65280"},
      {"l LOC 91 N 0 E 0", 7, "LOC has the location 91, write one like 52 22 23.000 N"},
      {"l LOC 90 0 0.001 N 0 E 0", 18, "LOC has the location N"},
      {"l LOC 42 60 N 0 E 0", 10, "LOC has the location 60"},
      {"l LOC 42 21 60 N 0 E 0", 13, "LOC has the location 60"},
      {"l LOC 42 21 54 X 0 E 0", 16, "LOC has the location X"},
      {"l LOC 42 N 181 E 0", 12, "LOC has the location 181"},
      {"l LOC 42 N 18 E 42849672.96", 17, "LOC has the location 42849672.96"},
      {"l LOC 42 N 18 E -100000.01m", 17, "LOC has the location -100000.01m"},
      {"l LOC 42 N 18 E 0 90000000.01", 19, "LOC has the location 90000000.01"},
      {"l LOC 42 N 18 E", 15, "LOC has the location E where it ends too early"},
      {"a APL 1:192.0.2.0/33", 7, "APL has the prefixes 1:192.0.2.0/33, write networks like"},
      {"a APL 2:2001:db8::/129", 7, "APL has the prefixes 2:2001:db8::/129"},
      {"a APL 1:192.0.2.0/24 3:x/1", 22, "APL has the prefixes 3:x/1"},
      {"e EUI48 00-00-5e-00-53", 9, "EUI48 has the address 00-00-5e-00-53, write six bytes"},
      {"s RRSIG A 13 2 60 20301332000000 20200101000000 1 @ AAAA", 19,
       "RRSIG has the expiration 20301332000000"},
  });
  expect_data({
      // RFC 1876 section 4: "cambridge-net.kei.com"
      {"l LOC 42 21 54 N 71 06 18 W -24m 30m",
       "00331613"
       "8917"
       "2dd0"
       "70be15f0"
       "00988"
       "d20"},
      {"l LOC 90 S 180 E -100000 0 90000000m 1.5",
       "00009912"
       "6cb02700"
       "a69fb200" +
           std::string("00000000")},
      {"a APL 1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32",
       "000118"
       "03c00002"
       "00011c84c0000240"
       "0002200420010db8"},
      {"a APL", ""},
      {"c CSYNC 66 3 A NS AAAA TYPE256",
       "00000042"
       "0003"
       "0004"
       "60000008"
       "010180"},
      {"e EUI48 00-00-5e-00-53-2a", "00005e00532a"},
      {"n NID 10 14:4fff:ff20:ee64", "000a00144fffff20ee64"},
      {"h HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAQ== rvs",
       "100200042001"
       "00107b1a74df365639cc39f1d57803010001"
       "03727673076578616d706c6503636f6d00"},
      {"i IPSECKEY 10 1 2 192.0.2.38 AQID", "0a0102c0000226010203"},
      {"i IPSECKEY 10 3 2 gw AQID",
       "0a03020267770765"
       "78616d706c6503636f6d00010203"},
      {"r AMTRELAY 10 1 2 2001:db8::15", "0a8220010db8000000000000000000000015"},
      {"w WKS 192.0.2.1 tcp smtp", "c00002010600000040"},
      {"*._dsync DSYNC CDS NOTIFY 5300 rr-endpoint.example.net.",  // RFC 9859 section 4
       "003b0114b40b72722d656e64706f696e74"
       "076578616d706c65036e657400"},
      {"d DSYNC CSYNC 128 53 scanner",
       "003e8000350773"
       "63616e6e6572076578616d706c6503636f6d00"},
      {"w WALLET BTC bc1q", "034254430462633171"},
      {"c CLA TOR", "03544f52"},
      {"h HHIT AQID", "010203"},
      {"b BRID AQID", "010203"},
      {"p X25 311061700956", "0c333131303631373030393536"},
      {"s RRSIG A 13 2 60 20300101000000 1577836800 1 @ AAAA",
       "00010d020000003c70dbd880"
       "5e0be100"
       "0001076578616d706c6503636f6d00000000"},
      {"n NSEC3PARAM 1 0 0 -", "0100000000"},
      {"n NSEC3PARAM 1 0 5 aabb", "0100000502aabb"},
      {"n NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
       "0101000c04aabbccdd1417f3df17b2b2adaef615257de4d2020b80ac6c7c"
       "0006400000000002"},
  });
}

// Bytes as BIND's named-rrchecker -u has them.
TEST_F(MasterFile, TypesThatNobodyNeedsAnyMore) {
  expect_data({
      {"w WKS 10.0.0.1 TCP ( telnet smtp 53 )", "0a0000010600000140000004"},
      {"w WKS 10.0.0.1 17", "0a00000111"},
      {"w WKS 10.0.0.1 udp domain", "0a0000011100000000000004"},
      {"n NSAP 0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00",
       "47000580005a0000000001e133ffffff00016100"},
      {"a ATMA +61.200123", "013631323030313233"},
      {"a ATMA 47.0005.80.005a00.0000.0001.e133.ffffff000161.00",
       "0047000580005a0000000001e133ffffff00016100"},
      {"n NXT a.b. ( A MX SIG KEY NXT )", "0161016200400100c2"},
      {"a A6 0 2001:db8::1", "0020010db8000000000000000000000001"},
      {"a A6 64 ::1:2:3:4 prefix.example.", "40000100020003000406707265666978076578616d706c6500"},
      {"a A6 61 ffff:ffff:ffff:ffff:1:2:3:4 p.", "3d070001000200030004017000"},
      {"a A6 128 p.", "80017000"},
      {"e EID 12 89 ab", "1289ab"},
      {"n NIMLOC 1289AB", "1289ab"},
      {"s SINK 8 0 2 l4ik", "0800029788a4"},
      {"s SINK 8 0 2", "080002"},
      {"s SIG A 13 2 60 20300101000000 20200101000000 1 a. AAAA",
       "00010d020000003c70dbd8805e0be1000001016100000000"},
  });
  EXPECT_EQ(data("w WKS 10.0.0.1 17 0 65535\n").size(), 2 * (5 + 8192U));
  expect_refused({
      {"w WKS 10.0.0.1 TCP 65536", 20, "WKS has the services 65536, write ports like 25 or smtp"},
      {"w WKS 10.0.0.1 tcp nonsense-port", 20, "WKS has the services nonsense-port"},
      {"w WKS 10.0.0.1 nonsense 1", 16,
       "WKS has the protocol nonsense, write a number from 0 to 255 or a name like ICMP"},
      {"n NSAP 47", 8, "NSAP has the address 47, write one like 0x47.0005.80."},
      {"n NSAP 0x", 8, "NSAP has the address 0x"},
      {"n NSAP 0x4", 8, "NSAP has the address 0x4"},
      {"a ATMA +", 8, "ATMA has the address +, write one like +61.200123"},
      {"a ATMA +12a", 8, "ATMA has the address +12a"},
      {"a ATMA 4", 8, "ATMA has the address 4"},
      {"n NXT a.b. A TYPE128", 14,
       "NXT has the types TYPE128, write types like A or NXT, with numbers below 128"},
      {"n NXT a.b.", 11, "NXT has no types"},
      {"a A6 129 p.", 6, "A6 has the address 129, write a length from 0 to 128"},
      {"a A6 1", 6, "A6 has the address 1 where it ends too early"},
      {"a A6 1 ::1", 8, "A6 has the address ::1 where it ends too early"},
      {"a A6 0 192.0.2.1", 8, "A6 has the address 192.0.2.1"},
      {"a A6 0 ::1 p.", 12, "A6 ends before p., remove this"},
      {"e EID", 6, "EID has no endpoint identifier"},
      {"e EID 1", 7, "EID has the endpoint identifier 1 which ends an odd number of digits"},
      {"s SINK 1 2", 11, "SINK has no subcoding"},
      {"g GID 1", 3, "GID is no type of records"},
      {"n NULL x", 8, "the fields of NULL are not known, write its data like \\# 4 c0000201 (RFC 3597)"},
  });
  for (const char* wrong : {"TYPE11 \\# 4 0a000001", "TYPE22 \\# 0", "TYPE34 \\# 1 00", "TYPE34 \\# 2 0161",
                            "TYPE30 \\# 2 0161", "TYPE30 \\# 3 016100", "TYPE30 \\# 4 01610080",
                            "TYPE30 \\# 4 01610000", "TYPE38 \\# 1 81", "TYPE38 \\# 1 80",
                            "TYPE38 \\# 16 "
                            "00000000000000000000000000000000",
                            "TYPE31 \\# 0", "TYPE32 \\# 0", "TYPE40 \\# 2 0101", "TYPE24 \\# 4 00010d02"})
    expect_refused({{fmt::format("x {}", wrong), 1, " bytes are not what "}});
}

TEST_F(MasterFile, DigestsOfTheWrongSizeAreRefusedAsBytesToo) {
  expect_refused({
      {"x TYPE43 \\# 24 0001080200000000000000000000000000000000000000aa", 1,
       "the digest of DS has 20 bytes, write the 32 that type 2 makes"},
      {"x TYPE59 \\# 5 0001080100", 1, "the digest of CDS has 1 bytes, write the 20"},
      {"x TYPE44 \\# 3 010200", 1, "the fingerprint of SSHFP has 1 bytes, write the 32"},
      {"x TYPE52 \\# 4 03010100", 1, "the certificate data of TLSA has 1 bytes, write the 32"},
      {"x TYPE53 \\# 4 03010200", 1, "the certificate data of SMIMEA has 1 bytes, write the 64"},
      {"x TYPE63 \\# 7 00000001010100", 1, "the digest of ZONEMD has 1 bytes, write the 48"},
  });
  expect_data({{"x TYPE43 \\# 5 00010863aa", "00010863aa"}, {"x TYPE52 \\# 4 03010000", "03010000"}});
  write("copy", "x.example.com. 60 IN TYPE44 \\# 3 010200\n");
  records_ = Records(parse_name("example.com").value(), "");
  Problems problems;
  EXPECT_TRUE(read_master_file(folder_ + "/copy", records_, problems, Digests::as_they_are));
  EXPECT_EQ(problems.count(), 0U) << "what a primary sent is kept";
  EXPECT_EQ(records_.size(), 1U);
}

TEST_F(MasterFile, TheFieldThatIsWrongIsNamed) {
  const std::string long_label(64, 'x');
  expect_refused({
      {long_label + " A 192.0.2.1", 1, " which has a label of more than 63 bytes, write a name like www"},
      {"a..b A 192.0.2.1", 1, "the owner is a..b which has an empty label"},
      {"a\\25 A 192.0.2.1", 1, "the owner is a\\25 where a backslash lacks a character or three digits"},
      {"@ MX 10 " + long_label, 9, "which has a label of more than 63 bytes"},
      {"@ MX 10 a..b", 9,
       "MX has the exchange a..b which has an empty label, write a name like www or www.example.com."},
      {"@ MX 10", 8, "MX has no exchange, write a name like www"},
      {"@ MX", 5, "MX has no preference"},
      {"@ MX 10 a b", 11, "MX ends before b, remove this"},
      {"www A 192.0.2", 7, "A has the address 192.0.2, write an IPv4 address like 192.0.2.1"},
      {"www AAAA 192.0.2.1", 10, "AAAA has the address 192.0.2.1, write an IPv6 address like 2001:db8::1"},
      {"www A 192.0.2.1 192.0.2.2", 17, "A ends before 192.0.2.2, remove this"},
      {"www NONSENSE x", 5, "NONSENSE is no type of records, write one like A or TYPE65280"},
      {"www TYPE65536 \\# 0", 5, "TYPE65536 is no type of records"},
      {"www 60 IN", 10, "the record has no type, write one like www 300 IN A 192.0.2.1"},
      {"www 60 CH TXT x", 8, "only class IN is served, write IN"},
      {"www TXT \"" + std::string(256, 'x') + "\"", 9, "TXT has the text xxx"},
      {"www TXT", 8, "TXT has no text, write strings of at most 255 bytes each"},
      {"@ SOA ns1 mail 1 2 3 4", 23, "SOA has no minimum, write a length of time"},
      {"www A 192.0.2.1 )", 17, "this parenthesis closes none, remove it"},
      {"$ORIGIN a..b", 9, "the origin is a..b which has an empty label"},
  });
  EXPECT_THAT(
      read("@ SOA ns1 mail ( ; a comment (\n  1 ; serial\n\t2 x 4 5 )\nwww A 192.0.2.1\n"),
      ElementsAre("zone:5:4: zone example.com.: SOA has the retry x, write a length of time like 300 or "
                  "1h30m, at most 4294967295 s"));
  EXPECT_EQ(records_.size(), 1U) << "what is right behind it is read";
}

TEST_F(MasterFile, RightTextOfEveryManner) {
  expect_data({
      {"x IN 300 A 192.0.2.1", "c0000201"},  // RFC 1035 section 5.1
      {"x 300 IN A 192.0.2.1", "c0000201"},
      {"x class1 a 192.0.2.1", "c0000201"},
      {"@ CAA 0 issue ca1.example.net",
       "0005"
       "6973737565"
       "6361312e6578616d706c652e6e6574"},  // RFC 8659 section 4.1.1
      {"@ CAA 0 issue \"ca1.example.net; a=b\"",
       "0005"
       "6973737565"
       "6361312e6578616d706c652e6e65743b20613d62"},
      {"@ CAA 0 issue \"\"", "00056973737565"},
      {"t TXT a \"b c\" \"\" \\\"\\065",
       "0161"
       "03622063"
       "00"
       "022241"},
      {"t TXT \"a\"\"b\"", "01610162"},
      {"t TXT \"\\# 1 00\"",
       "06"
       "232031203030"},
      {"n NS NS1.Example.ORG.",
       "034e5331"
       "074578616d706c65"
       "034f524700"},
      {"n NS a\\.b\\046c.", "05612e622e6300"},
      {"n NS @", "076578616d706c6503636f6d00"},
      {"n NS .", "00"},
      {"s SRV 0 65535 443 www", "0000ffff01bb03777777076578616d706c6503636f6d00"},
      {"u URI 10 1 \"ftp://ftp1.example.com/\"",
       "000a0001"
       "6674703a2f2f667470312e6578616d706c652e636f6d2f"},
      {"h HINFO ( \"a\"\n b )", "01610162"},
  });
  EXPECT_THAT(read("\tA 192.0.2.1\n$ttl 60\nwww IN A 192.0.2.1\n   ( 30 A\n 192.0.2.2 )\n"), ElementsAre());
  EXPECT_EQ(records_[2].owner, records_[1].owner);
  EXPECT_EQ(records_[1].ttl, 60U);
  EXPECT_EQ(records_[2].ttl, 30U);
}

// RFC 3597 section 5: of a known type the bytes must be its fields, or answers would be malformed.
TEST_F(MasterFile, BytesOfKnownTypesMustBeTheirFields) {
  const char* const wrong[] = {
      "TYPE1 \\# 3 c00002",                              // A too short
      "TYPE1 \\# 5 c000020101",                          // and too long
      "TYPE28 \\# 4 c0000201",                           // AAAA
      "TYPE2 \\# 0",                                     // NS
      "TYPE2 \\# 2 c00c",                                // a pointer
      "TYPE6 \\# 2 0000",                                // SOA
      "TYPE13 \\# 2 0161",                               // HINFO
      "TYPE15 \\# 2 0001",                               // MX
      "TYPE16 \\# 0",                                    // TXT
      "TYPE16 \\# 2 0561",                               // a string that is longer than the data
      "TYPE17 \\# 1 00",                                 // RP
      "TYPE29 \\# 1 00",                                 // LOC
      "TYPE29 \\# 16 00121613ffffffff8000000000989680",  // beyond the pole
      "TYPE33 \\# 4 00000000",                           // SRV
      "TYPE35 \\# 5 0000000000",                         // NAPTR
      "TYPE37 \\# 5 0001000100",                         // CERT
      "TYPE39 \\# 0",                                    // DNAME
      "TYPE42 \\# 8 00012104c0000201",                   // APL with /33
      "TYPE43 \\# 4 00010802",                           // DS
      "TYPE44 \\# 2 0101",                               // SSHFP
      "TYPE45 \\# 3 000302",                             // IPSECKEY without its gateway
      "TYPE45 \\# 1 00",
      "TYPE46 \\# 4 00010d02",                   // RRSIG
      "TYPE47 \\# 3 016100",                     // NSEC
      "TYPE48 \\# 4 0100030d",                   // DNSKEY
      "TYPE50 \\# 6 010000000000",               // NSEC3
      "TYPE51 \\# 4 01000000",                   // NSEC3PARAM
      "TYPE52 \\# 3 030101",                     // TLSA
      "TYPE55 \\# 4 00020001",                   // HIP
      "TYPE62 \\# 8 0000000100030000",           // CSYNC with a map of no bytes
      "TYPE62 \\# 12 000000010003010140000140",  // and with windows out of order
      "TYPE63 \\# 6 000000010101",               // ZONEMD
      "TYPE104 \\# 2 000a",                      // NID
      "TYPE108 \\# 5 00005e0053",                // EUI48
      "TYPE256 \\# 3 000a00",                    // URI
      "TYPE257 \\# 1 00",                        // CAA
      "TYPE257 \\# 2 0000",                      // with an empty tag
      "TYPE257 \\# 3 00012d",                    // with a tag of "-"
      "TYPE260 \\# 2 0a03",                      // AMTRELAY
  };
  for (const char* line : wrong) {
    expect_refused({{fmt::format("x {}", line), 1, " bytes are not what "}});
  }
  expect_refused({{"x TYPE33 \\# 4 00000000", 1,
                   "4 bytes are not what SRV has, write its fields: priority, weight, port, target"}});
  expect_data({
      {"x TYPE2 \\# 3 016100", "016100"},
      {"x TYPE33 \\# 7 00000000000000", "00000000000000"},
      {"x TYPE29 \\# 16 0012161389172dd070be15f000988d20", "0012161389172dd070be15f000988d20"},
      {"x TYPE45 \\# 3 0a0002", "0a0002"},
      {"x TYPE257 \\# 3 000161", "000161"},
  });
}

// RFC 9460 appendix D.1 and D.2, behind the owner.
TEST_F(MasterFile, ServiceParameters) {
  const std::string foo =
      "03666f6f"
      "076578616d706c65"
      "03636f6d00";
  expect_data({
      {"s HTTPS 0 foo.example.com.", "0000" + foo},
      {"s SVCB 1 .", "000100"},
      {"s SVCB 16 foo.example.com. port=53", "0010" + foo + "000300020035"},
      {"s SVCB 1 foo.example.com. key667=hello", "0001" + foo + "029b000568656c6c6f"},
      {"s SVCB 1 foo.example.com. key667=\"hello\\210qoo\"", "0001" + foo + "029b000968656c6c6fd2716f6f"},
      {"s SVCB 1 foo.example.com. ( ipv6hint=\"2001:db8::1,2001:db8::53:1\" )",
       "0001" + foo +
           "00060020"
           "20010db8000000000000000000000001"
           "20010db8000000000000000000530001"},
      {"s SVCB 1 example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"", "0001" + foo.substr(8) +
                                                                              "00060010"
                                                                              "20010db8012203440000"
                                                                              "0000c0000221"},
      {"s SVCB 16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
       "001003666f6f076578616d706c65036f726700"
       "0000000400010004"
       "00010009026832"
       "0568332d3139"
       "00040004c0000201"},
      {"s SVCB 16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
       "001003666f6f076578616d706c65036f726700"
       "0001000c"
       "08665c6f6f2c626172"
       "026832"},
      {"s SVCB 16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
       "001003666f6f076578616d706c65036f726700"
       "0001000c"
       "08665c6f6f2c626172"
       "026832"},
      {"s SVCB 1 . no-default-alpn alpn=h3",
       "000100"
       "00010003026833"
       "00020000"},
      {"s SVCB 1 . key1=\\002h2 key3=\"\\001\\187\"",
       "000100"
       "00010003026832"
       "0003000201bb"},
      {"s SVCB 1 . ech=AQID dohpath=/q{?dns} ohttp",
       "000100"
       "00050003010203"
       "000700082f717b3f646e737d"
       "00080000"},
      {"s SVCB 1 . key667",
       "000100"
       "029b0000"},
  });
}

// RFC 9460 appendix D.3, and more of the kind.
TEST_F(MasterFile, WrongServiceParametersAreRefused) {
  expect_refused({
      {"s SVCB 1 foo.example.com. ( key123=abc key123=def )", 40, "SVCB: key123 stands twice, write it once"},
      {"s SVCB 1 foo.example.com. mandatory", 27,
       "SVCB: mandatory wants other keys of this record, as in mandatory=alpn,port"},
      {"s SVCB 1 foo.example.com. alpn", 27, "SVCB: alpn wants one or more protocols, as in alpn=h2,h3"},
      {"s SVCB 1 foo.example.com. port", 27, "SVCB: port wants a number from 0 to 65535"},
      {"s SVCB 1 foo.example.com. ipv4hint", 27, "SVCB: ipv4hint wants IPv4 addresses"},
      {"s SVCB 1 foo.example.com. ipv6hint", 27, "SVCB: ipv6hint wants IPv6 addresses"},
      {"s SVCB 1 foo.example.com. alpn=h2 no-default-alpn=abc", 27, "SVCB: no-default-alpn wants no value"},
      {"s SVCB 1 foo.example.com. no-default-alpn", 27, "SVCB: no-default-alpn stands without alpn"},
      {"s SVCB 1 foo.example.com. mandatory=key123", 27,
       "SVCB: mandatory names key123, which the record does not have"},
      {"s SVCB 1 foo.example.com. mandatory=mandatory", 27, "SVCB: mandatory names itself, remove that"},
      {"s SVCB 1 foo.example.com. ( mandatory=key123,key123 key123=abc )", 29,
       "SVCB: mandatory names key123 twice"},
      {"s HTTPS 1 . port=65536", 13, "HTTPS: port wants a number"},
      {"s HTTPS 1 . alpn=h2 port=x", 21, "HTTPS: port wants a number"},
      {"s HTTPS 1 . ipv4hint=2001:db8::1", 13, "HTTPS: ipv4hint wants IPv4 addresses"},
      {"s HTTPS 1 . alpn=h2,,h3", 13, "HTTPS: alpn wants"},
      {"s HTTPS 1 . alpn=" + std::string(256, 'x'), 13, "HTTPS: alpn wants"},
      {"s HTTPS 1 . nonsense=1", 13, "HTTPS: nonsense is no key, write one like alpn or key667"},
      {"s HTTPS 1 . key65535=1", 13, "HTTPS: key65535 is no key"},
      {"s HTTPS 1 . key0667=1", 13, "HTTPS: key0667 is no key"},
      {"s HTTPS 1 . ech=A", 13, "HTTPS: ech wants base64"},
      {"s HTTPS 65536 .", 9, "HTTPS has the priority 65536"},
      {"s HTTPS 1", 10, "HTTPS has no target"},
      {"s TYPE64 \\# 16 00010000030002000100010003026832", 1,
       "16 bytes are not what SVCB has"},  // out of order
      {"s TYPE65 \\# 7 00010000030001", 1, "7 bytes are not what HTTPS has"},
  });
}

TEST_F(MasterFile, AnIncludedFilesNameMayHaveSpacesAndEscapes) {
  write("with space", "in A 192.0.2.1\n");
  EXPECT_THAT(read("$INCLUDE \"with space\"\n$INCLUDE with\\032space sub\n"), ElementsAre());
  EXPECT_EQ(records_.size(), 2U);
  EXPECT_THAT(read("$INCLUDE \"with  space\"\n"), ElementsAre(HasSubstr("cannot be read: No such file")));
}

}  // namespace
}  // namespace popnet::dns
