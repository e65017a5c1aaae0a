"""Hits: CPU time of the server for each, at 1 KiB, 64 KiB and 1 MiB, beside the floor program and its peers.

wrk, 32 connections, and for 1 KiB also 512, as a server with users has. Rounds alternate between the servers, so that what
else the machine does falls on all alike; the median of the rounds counts, for ratios too. The origin's log proves
that all were hits.
"""
import statistics
import sys

import http_servers as on
from ratios import ratio

NAME, SECONDS, ROUNDS = "hit", 2, 5
PEERS = {"nginx": on.start_nginx, "haproxy": on.start_haproxy, "varnish": on.start_varnish,
         "trafficserver": on.start_trafficserver}
# Size, connections: of the floor, of the best peer. 0.65 of a server that costs less than 1.54 of the floor is below the floor.
TARGETS = {("1 KiB", 512): (1.2, 0.65), ("1 KiB", 32): (1.2, None), ("64 KiB", 32): (1.05, None), ("1 MiB", 32): (1.05, None)}


def measure(server, case, seconds, folder, costs):
    size, connections = case
    path = f"/{on.SIZES[size]}"
    for _ in range(3):
        body = server.fetch(path)
        if body is None or len(body) != on.SIZES[size]:
            sys.exit(f"{server.row} does not answer {path} as the origin does")
    fetches, before = on.origin_fetches(folder), server.cpu_seconds()
    requests = on.wrk(server, path, seconds, connections)
    used = server.cpu_seconds() - before
    if on.origin_fetches(folder) != fetches:
        sys.exit(f"{server.row} asked the origin: these were no hits")
    costs.setdefault((server.row, case), []).append((used / requests * 1e6, requests / seconds))


def median(costs, row, case, which=0):
    values = [run[which] for run in costs.get((row, case), [])]
    return statistics.median(values) if values else None


def verdict(case, of_floor, of_best):
    said = []
    for name, ratio, target in zip(("floor", "best peer"), (of_floor, of_best), TARGETS[case]):
        if ratio and target:
            said.append(f"{'met' if ratio <= target else 'MISSED'}: {ratio:.2f} of the {name}, target {target}")
    return "; ".join(said)


def table(costs, case):
    rows = [row for row, measured in costs if measured == case]
    peers = [row for row in rows if row not in ("floor", "popnet")]
    best = min(peers, key=lambda row: median(costs, row, case), default=None)
    of = lambda row, other: ratio(*([run[0] for run in costs[one, case]] for one in (row, other))) if other in rows else None
    print(f"\n{f'{case[0]}, {case[1]} connections':20}{'CPU us/request':>16}{'of floor':>10}{'of best peer':>14}{'requests/s':>12}")
    for row in rows:
        own = median(costs, row, case)
        of_floor, of_best = (f"{of(row, other):.2f}" if other in rows else "" for other in ("floor", best))
        print(f"{row:20}{own:16.2f}{of_floor:>10}{of_best:>14}{median(costs, row, case, 1):12.0f}")
    if "popnet" in rows:
        print(verdict(case, of("popnet", "floor"), of("popnet", best)))


def run(arguments):
    seconds, rounds = arguments.seconds or SECONDS, arguments.rounds or ROUNDS
    sizes = arguments.sizes.split(",") if arguments.sizes else list(on.SIZES)
    only = arguments.only.split(",") if arguments.only else ["floor", *PEERS, "popnet"]
    costs = {}
    with on.workplace() as folder, on.Running() as running:
        running.add(on.start_origin(folder))
        servers = {name: running.add(start(folder)) for name, start in {**PEERS, "popnet": on.start_popnet}.items()
                   if name in only}
        floors = {size: running.add(on.start_floor(folder, on.SIZES[size])) for size in sizes if "floor" in only}
        cases = [case for case in TARGETS if case[0] in sizes]
        for number in range(rounds):
            for case in cases:
                for server in [*([floors[case[0]]] if floors else []), *servers.values()]:
                    on.say(f"hit, round {number + 1} of {rounds}: {case[0]}, {case[1]} connections, {server.row}")
                    measure(server, case, seconds, folder, costs)
        for case in cases:
            table(costs, case)
