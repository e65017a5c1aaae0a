"""Misses: CPU time of the server and added latency, when every request is for another object (1 KiB).

The origin is nginx on the load's core. popnet's store is small and full when it is measured, as one in service is: each
object that is stored pushes out another. nginx's cheapest way, proxy_pass over kept connections without a cache, is what
popnet is held against, both where it stores what it fetches and where it only passes it on. CPU time: 32 connections, as
fast as answers come. Latency: 1,000 requests a second at random moments; what it is above asking the origin itself. Rounds alternate; medians of the rounds, for ratios too.
"""
import itertools
import statistics

import http_servers as on
from ratios import ratio

NAME, SECONDS, ROUNDS = "miss", 2, 7
RATE = 1000
STORE = "16MiB"
ROWS = {"nginx, proxy_pass": ("nginx", "/plain/unique/%"), "nginx, proxy_cache": ("nginx", "/unique/%"),
        "popnet, stored": ("popnet", "/unique/%"), "popnet, proxied": ("popnet", "/page/%"),
        "popnet, not storable": ("popnet", "/unstored/%")}
numbers = itertools.count(1)


def load(server, path, seconds, *options):
    return on.Load(server, path, seconds, "--first", str(next(numbers) * 10_000_000), *options)


def measure_cost(row, server, path, seconds, results):
    before = server.cpu_seconds()
    done = load(server, path, seconds)
    results.setdefault(row, {}).setdefault("cost", []).append((server.cpu_seconds() - before) / done.requests * 1e6)


def measure_latency(row, server, path, seconds, results):
    done = load(server, path, seconds, "--rate", str(RATE))
    for name in ("p50", "p99"):
        results.setdefault(row, {}).setdefault(name, []).append(getattr(done, name))


def table(results):
    value = lambda row, name: statistics.median(results[row][name])
    of_plain = lambda row, name: ratio(results[row][name], results["nginx, proxy_pass"][name])
    direct = {name: value("origin", name) for name in ("p50", "p99")}
    print(f"\n{'miss':22}{'CPU us/request':>16}{'of proxy_pass':>15}{'added us, median':>18}{'99 %':>8}")
    for row in ROWS:
        print(f"{row:22}{value(row, 'cost'):16.2f}{of_plain(row, 'cost'):15.2f}"
              f"{value(row, 'p50') - direct['p50']:18.0f}{value(row, 'p99') - direct['p99']:8.0f}")
    print(f"(the origin itself: median {direct['p50']:.0f} us, 99 % {direct['p99']:.0f} us)")
    for row in (row for row in ROWS if row.startswith("popnet")):
        missed = [name for name in ("cost", "p50", "p99") if of_plain(row, name) >= 1]
        print(f"{row}: " + (f"MISSED: above nginx's proxy_pass in {', '.join(missed)}" if missed
                            else "met: below nginx's proxy_pass in all three"))


def run(arguments):
    seconds, rounds = arguments.seconds or SECONDS, arguments.rounds or ROUNDS
    results = {}
    with on.workplace() as folder, on.Running() as running:
        origin = running.add(on.start_origin(folder))
        servers = {"nginx": running.add(on.start_nginx(folder)),
                   "popnet": running.add(on.start_popnet(folder, memory=STORE))}
        on.say("miss: filling popnet's store")
        load(servers["popnet"], "/unique/%", 3)
        for number in range(rounds):
            on.say(f"miss, round {number + 1} of {rounds}: latency of the origin itself")
            measure_latency("origin", origin, "/unique/%", seconds, results)
            for row, (name, path) in ROWS.items():
                on.say(f"miss, round {number + 1} of {rounds}: {row}")
                measure_cost(row, servers[name], path, seconds, results)
                measure_latency(row, servers[name], path, seconds, results)
        table(results)
