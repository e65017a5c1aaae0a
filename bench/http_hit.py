"""Hits: CPU time of the server for each, at 1 KiB, 64 KiB and 1 MiB, beside the floor program and its peers.

wrk, 32 connections. Rounds alternate between the servers, so that what else the machine does falls on all alike; the median
of the rounds counts. The origin's log proves that all were hits.
"""
import statistics
import sys

import http_servers as on

NAME, SECONDS, ROUNDS = "hit", 3, 3
PEERS = {"nginx": on.start_nginx, "haproxy": on.start_haproxy, "varnish": on.start_varnish,
         "trafficserver": on.start_trafficserver}
TARGETS = {"1 KiB": (1.2, 0.65), "64 KiB": (1.05, None), "1 MiB": (1.05, None)}  # of the floor, of the best peer


def measure(server, size, seconds, folder, costs):
    path = f"/{on.SIZES[size]}"
    for _ in range(3):
        body = server.fetch(path)
        if body is None or len(body) != on.SIZES[size]:
            sys.exit(f"{server.row} does not answer {path} as the origin does")
    fetches, before = on.origin_fetches(folder), server.cpu_seconds()
    requests = on.wrk(server, path, seconds)
    used = server.cpu_seconds() - before
    if on.origin_fetches(folder) != fetches:
        sys.exit(f"{server.row} asked the origin: these were no hits")
    costs.setdefault((server.row, size), []).append((used / requests * 1e6, requests / seconds))


def median(costs, row, size, which=0):
    values = [run[which] for run in costs.get((row, size), [])]
    return statistics.median(values) if values else None


def verdict(size, of_floor, of_best):
    said = []
    for name, ratio, target in zip(("floor", "best peer"), (of_floor, of_best), TARGETS[size]):
        if ratio and target:
            said.append(f"{'met' if ratio <= target else 'MISSED'}: {ratio:.2f} of the {name}, target {target}")
    return "; ".join(said)


def table(costs, size):
    rows = [row for row, measured in costs if measured == size]
    peers = [median(costs, row, size) for row in rows if row not in ("floor", "popnet")]
    floor, best = median(costs, "floor", size), min(peers, default=None)
    print(f"\nhit, {size:15}{'CPU us/request':>16}{'of floor':>10}{'of best peer':>14}{'requests/s':>12}")
    for row in rows:
        own = median(costs, row, size)
        of_floor = f"{own / floor:.2f}" if floor else ""
        of_best = f"{own / best:.2f}" if best and row != "floor" else ""
        print(f"{row:20}{own:16.2f}{of_floor:>10}{of_best:>14}{median(costs, row, size, 1):12.0f}")
    own = median(costs, "popnet", size)
    if own:
        print(verdict(size, floor and own / floor, best and own / best))


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
        for number in range(rounds):
            for size in sizes:
                for server in [*([floors[size]] if floors else []), *servers.values()]:
                    on.say(f"hit, round {number + 1} of {rounds}: {size}, {server.row}")
                    measure(server, size, seconds, folder, costs)
        for size in sizes:
            table(costs, size)
