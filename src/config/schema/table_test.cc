#include "config/schema/table.h"

#include <gtest/gtest.h>

namespace popnet::config {
namespace {

enum class Colour { red, green };

struct Inner {
  int depth = 0;
};

struct Base : model::KindOptions {
  std::string path;
};

struct Sample : Base {
  uint16_t port = 0;
  double ratio = 0;
  bool on = false;
  Duration wait{};
  uint64_t room = 0;
  uint64_t line = 0;
  Colour colour = Colour::red;
  IpAddress address;
  Endpoint endpoint;
  Prefix prefix;
  std::vector<int> codes;
  std::optional<Duration> ttl;
  Inner inner;
  std::optional<Inner> maybe;
  std::vector<Inner> many;
};

const Table<Inner>& inner_table() {
  static const Table<Inner> table("inner", "An inner section.",
                                  {option("depth", &Inner::depth).integer(0, 9, 3)});
  return table;
}

const Table<Sample>& sample_table() {
  static const Table<Sample> table(
      "sample", "Every type once.",
      {
          option("path", &Sample::path)
              .text("/")
              .help("A path.")
              .check([](const std::string& path) -> Status {
                if (path.starts_with("/")) return {};
                return Error{ErrorCode::invalid, "'" + path + "' is not a path, start it with /"};
              }),
          option("port", &Sample::port).integer(1, 65535, 80).restart(),
          option("ratio", &Sample::ratio).number(0, 1, 0.25),
          option("on", &Sample::on).boolean(true),
          option("wait", &Sample::wait).duration("10ms", "1m", "2s"),
          option("room", &Sample::room).size("1KiB", "1TiB", "64MiB"),
          option("line", &Sample::line).bit_rate("0", "1Tbit", "10Gbit"),
          option("colour", &Sample::colour).choice({{"red", Colour::red}, {"green", Colour::green}}, "green"),
          option("address", &Sample::address).address("192.0.2.1"),
          option("endpoint", &Sample::endpoint).endpoint("[2001:db8::1]:53"),
          option("prefix", &Sample::prefix).prefix(),
          option("codes", &Sample::codes).integer(100, 599).preset({"200", "204"}),
          option("ttl", &Sample::ttl).duration("0", "1d"),
          option("inner", &Sample::inner).section(inner_table()),
          option("maybe", &Sample::maybe).section(inner_table()),
          option("many", &Sample::many).section(inner_table()),
      },
      [](const Sample& s) -> Status {
        if (s.ratio < 1 || s.on) return {};
        return Error{ErrorCode::invalid, "ratio 1 needs on"};
      });
  return table;
}

std::string refusal(const std::string& name, std::string_view text) {
  Sample sample = sample_table().make();
  const Status status = sample_table().find(name)->set(&sample, text);
  return status.ok() ? "accepted" : status.error().message;
}

TEST(Table, MakesEveryDefault) {
  const Sample s = sample_table().make();
  EXPECT_EQ(s.path, "/");
  EXPECT_EQ(s.port, 80);
  EXPECT_EQ(s.ratio, 0.25);
  EXPECT_TRUE(s.on);
  EXPECT_EQ(s.wait, std::chrono::seconds(2));
  EXPECT_EQ(s.room, uint64_t{64} << 20);
  EXPECT_EQ(s.line, 10'000'000'000U);
  EXPECT_EQ(s.colour, Colour::green);
  EXPECT_EQ(s.address.to_string(), "192.0.2.1");
  EXPECT_EQ(s.endpoint.to_string(), "[2001:db8::1]:53");
  EXPECT_EQ(s.codes, (std::vector<int>{200, 204}));
  EXPECT_FALSE(s.ttl);
  EXPECT_EQ(s.inner.depth, 3);
  EXPECT_FALSE(s.maybe);
  EXPECT_TRUE(s.many.empty());
}

TEST(Table, RefusalsSayWhatWouldBeRight) {
  EXPECT_EQ(refusal("port", "0"), "'0' is out of bounds, write a whole number from 1 to 65535");
  EXPECT_EQ(refusal("port", "80x"), "'80x' is not a whole number, write a whole number from 1 to 65535");
  EXPECT_EQ(refusal("port", "99999999999999999999"),
            "'99999999999999999999' is not a whole number, write a whole number from 1 to 65535");
  EXPECT_EQ(refusal("ratio", "nan"), "'nan' is out of bounds, write a number from 0 to 1");
  EXPECT_EQ(refusal("on", "yes"), "'yes' is neither true nor false, write true or false");
  EXPECT_EQ(refusal("wait", "2"),
            "'2' is not a duration, write one like 500ms, 20s or 1h30m, from 10ms to 1m");
  EXPECT_EQ(refusal("wait", "2h"), "'2h' is out of bounds, write a duration from 10ms to 1m");
  EXPECT_EQ(refusal("room", "12"),
            "'12' is not a size, write one like 64KiB, 512MiB or 20GB, from 1KiB to 1TiB");
  EXPECT_EQ(refusal("line", "10Gb"),
            "'10Gb' is not a bit rate, write one like 500Mbit or 10Gbit, from 0 to 1Tbit");
  EXPECT_EQ(refusal("colour", "blue"), "'blue' is not known here, write one of red, green");
  EXPECT_EQ(refusal("address", "192.0.2"),
            "'192.0.2' is not an IP address, write one like 192.0.2.1 or 2001:db8::1");
  EXPECT_EQ(refusal("endpoint", "192.0.2.1"),
            "'192.0.2.1' is not an address with a port, write one like 192.0.2.1:80 or [2001:db8::1]:80");
  EXPECT_EQ(refusal("prefix", "192.0.2.1/24"),
            "'192.0.2.1/24' is not an address prefix, write one like 198.51.100.0/24 or 2001:db8::/32, with "
            "no bits set "
            "behind the length");
  EXPECT_EQ(refusal("path", "index.html"), "'index.html' is not a path, start it with /");
}

TEST(Table, ConditionSeesTheWholeSection) {
  Sample s = sample_table().make();
  EXPECT_TRUE(sample_table().check(&s).ok());
  s.ratio = 1;
  s.on = false;
  EXPECT_EQ(sample_table().check(&s).error().message, "ratio 1 needs on");
}

TEST(Table, NamesTheNearestOption) {
  EXPECT_EQ(sample_table().nearest("adress"), "address");
  EXPECT_EQ(sample_table().nearest("prot"), "port");
  EXPECT_EQ(sample_table().nearest("something else"), "");
}

TEST(Table, KindTableMakesOptionsThatItsTableFills) {
  const KindTable kind = kind_table(sample_table());
  EXPECT_EQ(kind.name, "sample");
  const KindTable::Made made = kind.make();
  ASSERT_TRUE(kind.table->find("path")->set(made.object, "/x").ok());
  const auto& options = dynamic_cast<const Sample&>(*made.options);
  EXPECT_EQ(options.path, "/x");
  EXPECT_TRUE(options.codes.empty()) << "a list that is written must not stand behind its default";
}

TEST(Table, RefusesADefaultOutsideItsOwnBounds) {
  EXPECT_THROW(Table<Inner>("inner", "", {option("depth", &Inner::depth).integer(0, 9, 10)}),
               std::logic_error);
  EXPECT_THROW(Table<Inner>("inner", "",
                            {option("depth", &Inner::depth).integer(0, 9),
                             option("depth", &Inner::depth).integer(0, 9)}),
               std::logic_error);
  EXPECT_THROW(Table<Inner>("inner", "", {option("depth", &Inner::depth)}), std::logic_error);
}

}  // namespace
}  // namespace popnet::config
