#include "probe/kinds/tcp/tcp.h"

#include <gtest/gtest.h>

#include "probe/kinds/api/testing.h"

namespace popnet::probe {
namespace {

using testing::Bench;
using namespace std::chrono_literals;

TEST(Tcp, TakesTheTimeOfAConnect) {
  Bench bench;
  const testing::ScriptedServer server([](testing::Line& line) { line.until_closed(); });
  const Outcome outcome = bench.run(TcpKind(), testing::target_at(server.endpoint()), tcp_options().make());
  ASSERT_TRUE(outcome.ok) << outcome.error;
  ASSERT_EQ(outcome.readings.size(), 1U);
  EXPECT_EQ(outcome.readings[0].metric, model::Metric::tcp_ms);
  EXPECT_GT(outcome.readings[0].value, 0);
  EXPECT_LT(outcome.readings[0].value, 1000);
}

TEST(Tcp, ItsPortOptionGoesBeforeTheTargetsPort) {
  Bench bench;
  const testing::ScriptedServer server([](testing::Line& line) { line.until_closed(); });
  const Target elsewhere = testing::target_at({server.endpoint().address, testing::free_port()});
  TcpOptions options = tcp_options().make();
  options.port = server.endpoint().port;
  EXPECT_TRUE(bench.run(TcpKind(), elsewhere, options).ok);
}

TEST(Tcp, ClosedPortIsRefused) {
  Bench bench;
  for (const char* address : {"127.0.0.1", "127.200.3.4", "::1"}) {
    const Endpoint nobody{*IpAddress::parse(address), testing::free_port(address)};
    const Outcome outcome = bench.run(TcpKind(), testing::target_at(nobody), tcp_options().make());
    EXPECT_FALSE(outcome.ok);
    EXPECT_FALSE(outcome.inconclusive);
    EXPECT_EQ(outcome.error, "connection refused");
  }
}

TEST(Tcp, SilenceEndsAtTheTimeout) {
  Bench bench;
  const testing::Deaf deaf;
  const Outcome outcome =
      bench.run(TcpKind(), testing::target_at(deaf.endpoint()), tcp_options().make(), 100ms);
  EXPECT_EQ(outcome.error, "no answer within 100ms");
}

TEST(Tcp, ACancelledAttemptIsSilent) {
  Bench bench;
  const testing::Deaf deaf;
  const TcpKind kind;
  const TcpOptions options = tcp_options().make();
  const Target target = testing::target_at(deaf.endpoint());
  bool called = false;
  bench.on([&] {
    const Context context{bench.loop(), bench.memory};
    kind.start(context, target, options, 10ms, [&](const Outcome&) { called = true; }).reset();
  });
  EXPECT_EQ(bench.run(kind, target, options, 50ms).error, "no answer within 50ms");
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace popnet::probe
