"""Misses: CPU time of the server and added latency, when every request is for another object (1 KiB).

The origin is nginx on the load's core. popnet's store is small and full when it is measured, as one in service is: each
object that is stored pushes out another. nginx's cheapest way, proxy_pass over kept connections without a cache, is what
popnet is held against, both where it stores what it fetches and where it only passes it on. CPU time: 32 connections, as
fast as answers come, nginx's proxy_pass right before each row. Latency: 500 requests a second at random moments, to each row and to nginx's
proxy_pass at the same time, so that what else the machine does falls on both alike. Medians of the rounds, for ratios too.
"""
import concurrent.futures
import itertools
import statistics

import http_servers as on
from ratios import ratio

NAME, SECONDS, ROUNDS = "miss", 1, 11
RATE = 500
PLAIN = "nginx, proxy_pass"
STORE = "16MiB"
ROWS = {"nginx, proxy_pass": ("nginx", "/plain/unique/%"), "nginx, proxy_cache": ("nginx", "/unique/%"),
        "popnet, stored": ("popnet", "/unique/%"), "popnet, proxied": ("popnet", "/page/%"),
        "popnet, not storable": ("popnet", "/unstored/%")}
numbers = itertools.count(1)


def load(server, path, seconds, *options):
    return on.Load(server, path, seconds, "--first", str(next(numbers) * 10_000_000), *options)


def cost(server, path, seconds):
    before = server.cpu_seconds()
    done = load(server, path, seconds)
    return (server.cpu_seconds() - before) / done.requests * 1e6


def measure_cost(row, server, path, nginx, seconds, results):
    """`row`, and nginx's proxy_pass right before it."""
    results.setdefault(row, {}).setdefault("plain cost", []).append(cost(nginx, ROWS[PLAIN][1], seconds))
    results[row].setdefault("cost", []).append(cost(server, path, seconds))


def measure_latency(row, server, path, nginx, seconds, results):
    """`row` and nginx's proxy_pass at once; the list of the latter for this row is kept beside it."""
    with concurrent.futures.ThreadPoolExecutor() as together:
        both = [together.submit(load, server, path, seconds, "--rate", str(RATE)),
                together.submit(load, nginx, ROWS[PLAIN][1], seconds, "--rate", str(RATE))]
        for one, which in zip(both, ("", "plain "), strict=True):
            for name in ("p50", "p99"):
                results.setdefault(row, {}).setdefault(which + name, []).append(getattr(one.result(), name))


def table(results):
    value = lambda row, name: statistics.median(results[row][name])
    of_plain = lambda row, name: ratio(results[row][name], results[row]["plain " + name])
    print(f"\n{'miss':22}{'CPU us/request':>16}{'of proxy_pass':>15}{'median us':>12}{'of proxy_pass':>15}{'99 %':>8}{'of proxy_pass':>15}")
    for row in ROWS:
        print(f"{row:22}{value(row, 'cost'):16.2f}{of_plain(row, 'cost'):15.2f}"
              + "".join(f"{value(row, name):{width}.0f}{of_plain(row, name):15.2f}" for name, width in (("p50", 12), ("p99", 8))))
    print(f"(asking the origin itself: median {value('origin', 'p50'):.0f} us, 99 % {value('origin', 'p99'):.0f} us)")
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
            on.say(f"miss, round {number + 1} of {rounds}")
            measure_latency("origin", origin, "/unique/%", servers["nginx"], seconds, results)
            for row, (name, path) in ROWS.items():
                measure_cost(row, servers[name], path, servers["nginx"], seconds, results)
                measure_latency(row, servers[name], path, servers["nginx"], seconds, results)
        table(results)
