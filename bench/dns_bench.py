#!/usr/bin/env python3
"""CPU time for each DNS query over UDP, memory and latency: popnet beside a floor program, gdnsd, Knot and NSD.

One core for the server, the other for the load. Within a part every server answers the same questions; rounds alternate
between the servers, so that what else the machine does falls on all alike; the median of the rounds counts, for ratios too. CPU time is that
of all threads and processes of a server, so work beside the answering counts too. Memory is what the kernel says when the
server answers (Pss). Each part is one run and takes less than five minutes.

  static    10,000 names; and as many names that popnet decides query by query, with a client subnet, without and with a
            chain of rules for client networks and places
  million   a million names
  networks  one name, decided by a map of client networks that the queries' client subnets are spread over: a few and
            500,000, the map made once, every second, every second with all networks ranked anew, and beside them Knot's
            module geoip
  signed    answers with DNSSEC signatures beside the same without
  latency   time to the answer at half of the load that each server bears
  xdp       AF_XDP beside sockets, popnet's and Knot's, over a cable between two network namespaces; see dns_xdp.py
"""
import argparse
import shutil
import sys
import tempfile

from dns_servers import (NAMES, message, queries, start_floor, start_gdnsd, start_knot, start_map, start_nsd, start_popnet,
                         subnet_queries)
from dns_xdp import play_xdp
from ratios import ratio

MILLION, NETWORKS = 1_000_000, 500_000
ASKS_DNSSEC = ("-D",)
SUBNET = ("-E", "8:00011800c63364")


def beside(folder):
    static = queries(folder, "h", NAMES)
    return [start_floor(folder, static), start_gdnsd(folder, static), start_knot(folder, static), start_nsd(folder, static),
            start_popnet(folder, "popnet", 5404, static)]


def static(folder):
    return beside(folder) + [
        start_popnet(folder, "popnet, decided by subnet", 5405, queries(folder, "d", NAMES), decided=NAMES, options=SUBNET),
        start_popnet(folder, "popnet, decided by chain", 5416, queries(folder, "d", NAMES), decided=NAMES, options=SUBNET,
                     chain=True)]


def million(folder):
    names = queries(folder, "h", MILLION)
    return [start_popnet(folder, "popnet", 5404, queries(folder, "h", NAMES)),
            start_popnet(folder, "popnet, a million names", 5406, names, names=MILLION),
            start_knot(folder, names, MILLION, 5407, "knot, a million names"),
            start_nsd(folder, names, MILLION, 5409, "nsd, a million names")]


def networks(folder):
    return [start_map(folder, "popnet, 10 networks", 5420, 10, "once"),
            start_map(folder, "popnet, 500,000 networks", 5421, NETWORKS, "once"),
            start_map(folder, "popnet, 500,000, a new map each second", 5422, NETWORKS, "heard"),
            start_map(folder, "popnet, 500,000, all ranked anew each second", 5425, NETWORKS, "all"),
            start_knot(folder, subnet_queries(folder, 10), 10, 5423, "knot geoip, 10 networks", ("-B",),
                       ask=message("static.bench.test", bytes([10, 0, 1])), networks=10),
            start_knot(folder, subnet_queries(folder, NETWORKS), 10, 5424, "knot geoip, 500,000 networks", ("-B",),
                       ask=message("static.bench.test", bytes([10, 0, 1])), networks=NETWORKS)]


def signed(folder):
    names, decided = queries(folder, "h", NAMES), queries(folder, "d", NAMES)
    return [start_popnet(folder, "popnet, DO, unsigned", 5408, names, options=ASKS_DNSSEC),
            start_popnet(folder, "popnet, DO, signed", 5410, names, options=ASKS_DNSSEC, signed=True),
            start_popnet(folder, "popnet, DO, decided", 5412, decided, decided=NAMES, options=ASKS_DNSSEC),
            start_popnet(folder, "popnet, DO, decided, signed", 5414, decided, decided=NAMES, options=ASKS_DNSSEC, signed=True),
            start_knot(folder, names, NAMES, 5426, "knot, DO, unsigned", ASKS_DNSSEC),
            start_knot(folder, names, NAMES, 5427, "knot, DO, signed", ASKS_DNSSEC, signed=True)]


# What each part starts, and which rows its ratios are told of.
PARTS = {"static": (static, ("floor", "gdnsd")),
         "million": (million, ("popnet", "knot, a million names")),
         "networks": (networks, ("popnet, 10 networks",)),
         "signed": (signed, ("popnet, DO, unsigned", "popnet, DO, decided", "knot, DO, unsigned")),
         "latency": (beside, ("floor",)),
         "xdp": (None, ())}


def table(servers, references):
    by_row = {s.row: s for s in servers}
    short = [row.replace("popnet, ", "").replace("knot, ", "knot ") for row in references]
    heads = "".join(f"{'/ ' + name:>{max(12, len(name) + 4)}}" for name in short)
    print(f"\n{'':46}{'CPU us/query':>14}{'answering':>11}{heads}{'queries/s':>12}{'MiB':>8}")
    for s in servers:
        ratios = "".join(f"{ratio(s.costs, by_row[row].costs):{max(12, len(name) + 4)}.2f}" for row, name in zip(references, short))
        answering = f"{s.answering_cost:11.3f}" if s.answering_cost else " " * 11
        print(f"{s.row:46}{s.cost:14.3f}{answering}{ratios}{s.rate:12.0f}{s.mib():8.0f}")


def latency_table(servers):
    print(f"\n{'':40}{'queries/s':>12}{'median us':>12}{'p99 us':>10}{'p99.9 us':>10}{'lost':>8}")
    for s in servers:
        middle = sorted(s.latencies, key=lambda one: one[1])[len(s.latencies) // 2]
        lost = sum(one[3] for one in s.latencies)
        print(f"{s.row:40}{s.rate / 2:12.0f}{middle[0]:12.0f}{middle[1]:10.0f}{middle[2]:10.0f}{lost:8.0f}")


def play(part, seconds, rounds, rate):
    start, references = PARTS[part]
    folder = tempfile.mkdtemp(prefix="popnet-bench-")
    servers = []
    try:
        if part == "xdp":
            return play_xdp(folder, int(seconds), rounds, rate)
        print(f"{part}: starting ...", file=sys.stderr)
        servers = start(folder)
        for number in range(rounds):
            for server in servers:
                print(f"{part}: round {number + 1} of {rounds}: {server.row}", file=sys.stderr)
                server.measure(seconds)
                if part == "latency":
                    server.measure_latency(server.rate / 2, seconds)
        print(f"\n{part}", end="")
        latency_table(servers) if part == "latency" else table(servers, references)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="; ".join(PARTS) + "; none: all")
    parser.add_argument("--seconds", type=float, default=3, help="of one run (at most 10)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rate", type=int, default=100_000, help="queries a second in the part xdp")
    arguments = parser.parse_args()
    for part in arguments.parts:
        if part not in PARTS:
            parser.error(f"there is no part '{part}', only {', '.join(PARTS)}")
    for part in arguments.parts or PARTS:
        play(part, min(arguments.seconds, 10), arguments.rounds, arguments.rate)


if __name__ == "__main__":
    main()
