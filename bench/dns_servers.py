"""The DNS servers that dns_bench.py measures, each started with one configuration that all can answer, and what a run costs."""
import atexit
import os
import re
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
NAMES = 10_000
SERVER_CORE, LOAD_CORE = "0", "1"


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb" if isinstance(text, bytes) else "w") as file:
        file.write(text)
    return path


def zone_text(names):
    head = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n"
    return head + "".join(f"h{i} A 192.0.2.{i % 250 + 1}\n" for i in range(names))


def queries(folder, label, names, count=NAMES):
    """Names in an order that has nothing to do with how a server keeps them."""
    path = os.path.join(folder, f"queries-{label}-{names}")
    if os.path.exists(path):
        return path
    lines = [f"{label}{i * 7919 % names}.bench.test A\n" for i in range(min(names, count * 10))]
    return write(folder, os.path.basename(path), "".join(lines))


def message(name, subnet=None):
    """A query for an A record; `subnet`: the first three bytes of a client network /24 (RFC 7871)."""
    question = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0\0\1\0\1"
    if subnet is None:
        return struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + question
    option = struct.pack(">HHHBB", 8, 7, 1, 24, 0) + subnet
    return (struct.pack(">6H", 1, 0x0100, 1, 0, 0, 1) + question
            + b"\0" + struct.pack(">HHIH", 41, 1232, 0, len(option)) + option)


def family(pid):
    """A process and all its children."""
    found = [pid]
    for parent in found:
        for task in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{task}/children") as children:
                found += [int(child) for child in children.read().split()]
    return found


class Server:
    """A running server. `row`: what it is called in the table."""

    def __init__(self, row, command, port, query_file, options=(), ask=None):
        self.row, self.port, self.query_file, self.options = row, port, query_file, options
        self.log = tempfile.TemporaryFile()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            try:
                free.bind((ADDRESS, port))
            except OSError as error:
                sys.exit(f"{row}: port {port} of {ADDRESS}: {error.strerror}")
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdout=self.log, stderr=self.log)
        atexit.register(self.stop)  # also when another server does not start
        self.costs, self.answering_costs, self.rates, self.latencies = [], [], [], []
        self.wait_until_it_answers(ask or message(open(query_file).readline().split()[0]))

    def wait_until_it_answers(self, query):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
            resolver.settimeout(0.1)
            resolver.connect((ADDRESS, self.port))
            for _ in range(1200):
                if self.process.poll() is not None:
                    break
                try:
                    resolver.send(query)
                    reply = resolver.recv(4096)
                    if reply[3] & 0xf == 0:  # NSD says SERVFAIL until it has read its zones
                        return
                except OSError:
                    pass
                time.sleep(0.05)
        self.log.seek(0)
        sys.exit(f"{self.row} does not answer:\n{self.log.read().decode()}")

    def cpu_seconds(self, thread=None):
        """Of the whole server, or of the threads whose name begins so."""
        total = 0
        for pid in family(self.process.pid):
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/comm") as name:
                    if thread is not None and not name.read().startswith(thread):
                        continue
                with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                    total += int(stat.read().split()[0])
        return total / 1e9

    def mib(self):
        """Memory of its processes; what they share counts once."""
        total = 0
        for pid in family(self.process.pid):
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                total += int(re.search(r"Pss:\s+(\d+)", rollup.read()).group(1))
        return total / 1024

    def measure(self, seconds):
        before, answering = self.cpu_seconds(), self.cpu_seconds("dns-")
        run = subprocess.run(["taskset", "-c", LOAD_CORE, "dnsperf", "-s", ADDRESS, "-p", str(self.port), "-d", self.query_file,
                              "-l", str(seconds), "-c", "8", "-T", "1", *self.options], capture_output=True, text=True)
        used, answering = self.cpu_seconds() - before, self.cpu_seconds("dns-") - answering
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
        self.answering_costs.append(answering / completed * 1e6)
        self.rates.append(completed / seconds)

    def measure_latency(self, rate, seconds):
        """Microseconds: median, p99, p99.9 of answers to evenly spaced queries; and how many of them stayed without."""
        run = subprocess.run(["taskset", "-c", LOAD_CORE, os.path.join(BUILD, "bench", "dns_latency"), ADDRESS, str(self.port),
                              self.query_file, str(int(rate)), str(seconds)], capture_output=True, text=True, check=True)
        self.latencies.append([float(word) for word in run.stdout.split()])

    @property
    def cost(self):
        return statistics.median(self.costs)

    @property
    def answering_cost(self):
        return statistics.median(self.answering_costs)

    @property
    def rate(self):
        return statistics.median(self.rates)

    def stop(self):
        atexit.unregister(self.stop)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
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


def start_knot(folder, query_file, names=NAMES, port=5403, row="knot", options=(), signed=False, ask=None, networks=0):
    base = os.path.join(folder, f"knot-{port}")
    zone = write(base, "bench.test.zone", zone_text(names))
    module = ""
    if networks:
        nets = "".join(f"  - net: {client_network(i)}\n    A: 192.0.2.{i % 3 + 1}\n" for i in range(networks))
        geo = write(base, "geo.conf", "static.bench.test:\n" + nets)
        module = f"mod-geoip:\n  - id: nets\n    config-file: {geo}\n    ttl: 30\n    mode: subnet\n"
    text = (f"server:\n  listen: {ADDRESS}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
            f"  rundir: {base}\n")
    text += "  edns-client-subnet: on\n" if networks else ""
    text += (f"database:\n  storage: {base}/db\nlog:\n  - target: stderr\n    any: error\n{module}"
             "policy:\n  - id: csk\n    single-type-signing: on\n    algorithm: ecdsap256sha256\n"
             f"zone:\n  - domain: bench.test\n    file: {zone}\n    journal-content: none\n    zonefile-load: whole\n"
             "    zonefile-sync: -1\n")
    text += "    dnssec-signing: on\n    dnssec-policy: csk\n" if signed else ""
    text += "    module: mod-geoip/nets\n" if networks else ""
    config = write(base, "knot.conf", text)
    os.makedirs(os.path.join(base, "db"), exist_ok=True)
    return Server(row, ["knotd", "-c", config, "-s", f"{base}/knot.sock"], port, query_file, options, ask)


def start_nsd(folder, query_file, names=NAMES, port=5411, row="nsd"):
    base = os.path.join(folder, f"nsd-{port}")
    zone = write(base, "bench.test.zone", "$ORIGIN bench.test.\n" + zone_text(names))
    config = write(base, "nsd.conf",
                   f'server:\n  ip-address: {ADDRESS}@{port}\n  server-count: 1\n  do-ip6: no\n  username: ""\n  chroot: ""\n'
                   f'  database: ""\n  zonesdir: "{base}"\n  pidfile: "{base}/pid"\n  xfrdfile: "{base}/xfrd"\n'
                   f'  zonelistfile: "{base}/list"\n  xfrdir: "{base}"\n  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n'
                   f'  verbosity: 0\nremote-control:\n  control-enable: no\nzone:\n  name: bench.test\n  zonefile: "{zone}"\n')
    return Server(row, ["nsd", "-d", "-c", config], port, query_file)


CHAIN = """
          - {clients: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 203.0.113.0/24], targets: [web1]}
          - {continents: [EU], targets: [web1, web2]}
          - {countries: [US, CA, MX], targets: [web2, web3]}
          - {clients: [198.51.0.0/16], targets: [web1, web2, web3]}
"""


def start_popnet(folder, row, port, query_file, names=NAMES, decided=0, options=(), signed=False, chain=False):
    base = os.path.join(folder, f"popnet-{port}")
    zone = write(base, "bench.test.zone", zone_text(names))
    config = (f"node: {{dns_listen: '{ADDRESS}:{port}', admin_listen: '{ADDRESS}:{port + 1000}', threads: 1, edge: false,\n"
              f"       key_dir: {base}/keys, signing_rate: 1000000}}\n"
              f"zones:\n  - {{name: bench.test, file: {zone}, dnssec: {{enabled: {str(signed).lower()}}}}}\n")
    if decided:
        geo = f", geo_file: {ROOT}/tests/data/GeoIP2-City-Test.mmdb" if chain else ""
        rules = lambda i: "" if not chain else f"        chain: &rules{CHAIN}" if i == 0 else "        chain: *rules\n"
        config += (f"network: {{name: bench, zone: cdn.test{geo}}}\n"
                   "pops:\n  - {name: one, addresses: 127.0.0.2}\n"
                   "sites:\n  - name: shop\n    origins:\n" +
                   "".join(f"      - {{name: web{i}, address: '127.0.9.{i}:80'}}\n" for i in (1, 2, 3)) + "    hostnames:\n" +
                   "".join(f"      - name: d{i}.bench.test\n        resolve: origin\n{rules(i)}" for i in range(decided)))
    path = write(base, "popnet.yaml", config)
    return Server(row, [os.path.join(BUILD, "popnet"), "serve", "--config", path], port, query_file, options)


def client_network(i):
    return f"{10 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.0/24"


def subnet_queries(folder, networks):
    """In dnsperf's binary form: one name, asked by resolvers for many client networks in no order."""
    path = os.path.join(folder, f"queries-subnets-{networks}")
    if not os.path.exists(path):
        whole = []
        for i in range(100_000):
            n = i * 7919 % networks
            query = message("static.bench.test", bytes([10 + (n >> 16), n >> 8 & 255, n & 255]))
            whole.append(struct.pack(">H", len(query)) + query)
        write(folder, os.path.basename(path), b"".join(whole))
    return path


def start_map(folder, row, port, networks, maps):
    """popnet's DNS server with a map of so many client networks; see dns_map.cc."""
    return Server(row, [os.path.join(BUILD, "bench", "dns_map"), ADDRESS, str(port), str(networks), maps], port,
                  subnet_queries(folder, networks), ("-B",), message("static.bench.test"))
