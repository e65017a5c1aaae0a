#!/usr/bin/env python3
"""CPU time for each DNS query, over UDP: popnet beside a floor program, gdnsd and Knot, in one run on this machine.

One core for the server, the other for dnsperf. Each server answers the same 10,000 names; rounds alternate between the
servers, so that what else the machine does falls on all alike; the median of the rounds counts. CPU time is that of the whole
server process (/proc/PID/stat), so work beside the answering counts too.

popnet is measured in more rows: names decided query by query with a client subnet, a million names, and signed answers (DO)
from a zone and of decided names beside the same questions to unsigned ones.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("POPNET_BUILD", "out/bench"))
ADDRESS = "127.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")
NAMES = 10_000
SERVER_CORE, LOAD_CORE = "0", "1"


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def zone_text(names):
    head = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n"
    return head + "".join(f"h{i} A 192.0.2.{i % 250 + 1}\n" for i in range(names))


def queries(folder, label, names, count=NAMES):
    """Names in an order that has nothing to do with how a server keeps them."""
    lines = [f"{label}{i * 7919 % names}.bench.test A\n" for i in range(min(names, count * 10))]
    return write(folder, f"queries-{label}-{names}", "".join(lines))


class Server:
    """A running server. `row`: what it is called in the table."""

    def __init__(self, row, command, port, query_file, options=()):
        self.row, self.port, self.query_file, self.options = row, port, query_file, options
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdout=self.log, stderr=self.log)
        self.costs = []
        self.rates = []
        self.wait_until_it_answers()

    def wait_until_it_answers(self):
        name = open(self.query_file).readline().split()[0]
        labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
        query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
            resolver.settimeout(0.1)
            resolver.connect((ADDRESS, self.port))
            for _ in range(600):
                if self.process.poll() is not None:
                    break
                try:
                    resolver.send(query)
                    resolver.recv(4096)
                    return
                except OSError:
                    time.sleep(0.05)
        self.log.seek(0)
        sys.exit(f"{self.row} does not answer:\n{self.log.read().decode()}")

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident_mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1)) / 1024

    def measure(self, seconds):
        before = self.cpu_seconds()
        run = subprocess.run(["taskset", "-c", LOAD_CORE, "dnsperf", "-s", ADDRESS, "-p", str(self.port), "-d", self.query_file,
                              "-l", str(seconds), "-c", "8", "-T", "1", *self.options], capture_output=True, text=True)
        used = self.cpu_seconds() - before
        completed = int(re.search(r"Queries completed:\s+(\d+)", run.stdout).group(1))
        lost = int(re.search(r"Queries lost:\s+(\d+)", run.stdout).group(1))
        if completed == 0:
            sys.exit(f"{self.row}: dnsperf got no answer\n{run.stdout}{run.stderr}")
        if lost > completed / 1000:
            print(f"{self.row}: {lost} queries lost", file=sys.stderr)
        codes = re.search(r"Response codes:\s+(.*)", run.stdout).group(1)
        if not codes.startswith("NOERROR") or "," in codes:
            sys.exit(f"{self.row}: wrong answers: {codes}")
        self.costs.append(used / completed * 1e6)
        self.rates.append(completed / seconds)

    @property
    def cost(self):
        return statistics.median(self.costs)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def start_floor(folder, query_file):
    return Server("floor", [os.path.join(BUILD, "bench", "dns_floor"), ADDRESS, "5401"], 5401, query_file)


def start_gdnsd(folder, query_file):
    base = os.path.join(folder, "gdnsd")
    write(base, "config", f"options => {{ listen => {ADDRESS}:5402, udp_threads => 1, tcp_threads => 1, "
                          f"run_dir => {base}/run, state_dir => {base}/state }}\n")
    write(base, "zones/bench.test", zone_text(NAMES))
    for name in ("run", "state"):
        os.makedirs(os.path.join(base, name), exist_ok=True)
    return Server("gdnsd", ["gdnsd", "-c", base, "start"], 5402, query_file)


def start_knot(folder, query_file, names=NAMES, port=5403, row="knot"):
    base = os.path.join(folder, f"knot-{names}")
    zone = write(base, "bench.test.zone", zone_text(names))
    config = write(base, "knot.conf",
                   f"server:\n  listen: {ADDRESS}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                   f"  rundir: {base}\n"
                   f"database:\n  storage: {base}/db\nlog:\n  - target: stderr\n    any: error\n"
                   f"zone:\n  - domain: bench.test\n    file: {zone}\n    journal-content: none\n    zonefile-load: whole\n")
    return Server(row, ["knotd", "-c", config, "-s", f"{base}/knot.sock"], port, query_file)


def start_popnet(folder, row, port, query_file, names=NAMES, decided=0, options=(), signed=False):
    base = os.path.join(folder, f"popnet-{port}")
    zone = write(base, "bench.test.zone", zone_text(names))
    config = (f"node: {{dns_listen: '{ADDRESS}:{port}', admin_listen: '{ADDRESS}:{port + 1000}', threads: 1, edge: false,\n"
              f"       key_dir: {base}/keys, signing_rate: 1000000}}\n"
              f"zones:\n  - {{name: bench.test, file: {zone}, dnssec: {{enabled: {str(signed).lower()}}}}}\n")
    if decided:
        config += ("network: {name: bench, zone: cdn.test}\n"
                   "pops:\n  - {name: one, addresses: 127.0.0.2}\n"
                   "sites:\n  - name: shop\n    origins:\n" +
                   "".join(f"      - {{name: web{i}, address: '127.0.9.{i}:80'}}\n" for i in (1, 2, 3)) + "    hostnames:\n" +
                   "".join(f"      - {{name: d{i}.bench.test, resolve: origin}}\n" for i in range(decided)))
    path = write(base, "popnet.yaml", config)
    return Server(row, [os.path.join(BUILD, "popnet"), "serve", "--config", path], port, query_file, options)


def table(servers):
    by_row = {s.row: s for s in servers}
    print(f"\n{'':30}{'CPU us/query':>14}{'of floor':>10}{'of gdnsd':>10}{'queries/s':>12}{'MiB':>8}")
    for s in servers:
        ratio = lambda other: f"{s.cost / by_row[other].cost:.2f}" if other in by_row else ""
        print(f"{s.row:30}{s.cost:14.3f}{ratio('floor'):>10}{ratio('gdnsd'):>10}{statistics.median(s.rates):12.0f}"
              f"{s.resident_mib():8.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="of one run (at most 10)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="comma separated: floor,gdnsd,knot,popnet,decided,million,signed")
    arguments = parser.parse_args()
    seconds = min(arguments.seconds, 10)
    wanted = (arguments.only or "floor,gdnsd,knot,popnet,decided,million,signed").split(",")

    folder = tempfile.mkdtemp(prefix="popnet-bench-")
    static = queries(folder, "h", NAMES)
    starts = {
        "floor": lambda: [start_floor(folder, static)],
        "gdnsd": lambda: [start_gdnsd(folder, static)],
        "knot": lambda: [start_knot(folder, static)],
        "popnet": lambda: [start_popnet(folder, "popnet", 5404, static)],
        "decided": lambda: [start_popnet(folder, "popnet, decided by subnet", 5405, queries(folder, "d", NAMES), decided=NAMES,
                                         options=("-E", "8:00011800c63364"))],
        "million": lambda: [start_popnet(folder, "popnet, a million names", 5406, queries(folder, "h", 1_000_000),
                                         names=1_000_000),
                            start_knot(folder, queries(folder, "h", 1_000_000), 1_000_000, 5407, "knot, a million names")],
    }
    asks_dnssec = ("-D",)
    decided_names = lambda: queries(folder, "d", NAMES)
    starts["signed"] = lambda: [
        start_popnet(folder, "popnet, DO, unsigned", 5408, static, options=asks_dnssec),
        start_popnet(folder, "popnet, DO, signed", 5410, static, options=asks_dnssec, signed=True),
        start_popnet(folder, "popnet, DO, decided", 5412, decided_names(), decided=NAMES, options=asks_dnssec),
        start_popnet(folder, "popnet, DO, decided, signed", 5414, decided_names(), decided=NAMES, options=asks_dnssec, signed=True)]
    servers = []
    try:
        for key in wanted:
            print(f"starting {key} ...", file=sys.stderr)
            servers += starts[key]()
        for round_number in range(arguments.rounds):
            for server in servers:
                print(f"round {round_number + 1} of {arguments.rounds}: {server.row}", file=sys.stderr)
                server.measure(seconds)
        table(servers)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
