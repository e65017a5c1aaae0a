#!/usr/bin/env python3
"""CPU time for each cache hit over HTTP: popnet beside a floor program and nginx's proxy_cache, in one run on this machine.

One core for the server, the other for wrk, keep-alive connections. Each server answers the same three objects (1 KiB, 64 KiB,
1 MiB) from its cache; rounds alternate between the servers, so that what else the machine does falls on all alike; the
median of the rounds counts. CPU time is that of all the server's processes (/proc/PID/stat).
"""
import argparse
import http.client
import http.server
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("POPNET_BUILD", "out/bench"))
ADDRESS = "127.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")
SIZES = {"1 KiB": 1024, "64 KiB": 64 * 1024, "1 MiB": 1024 * 1024}
CONNECTIONS = 32
SERVER_CORE, LOAD_CORE = "0", "1"
ORIGIN_PORT = 5480


class Origin(http.server.BaseHTTPRequestHandler):
    """Asked once for each object by each cache."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.rsplit("/", 1)[1]
        size = int(name) if name.isdigit() else 0
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Cache-Control", "max-age=86400")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"x" * size)

    def log_message(self, *_):
        pass


class Server:
    """A running server. `row`: what it is called in the table; `sizes`: the objects it has."""

    def __init__(self, row, command, port, sizes=tuple(SIZES)):
        self.row, self.port, self.sizes = row, port, sizes
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdout=self.log, stderr=self.log)
        self.costs = {size: [] for size in sizes}
        self.rates = {size: [] for size in sizes}
        for size in sizes:
            self.wait_until_cached(SIZES[size])

    def wait_until_cached(self, size):
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                for _ in range(3):
                    connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=2)
                    connection.request("GET", f"/{size}", headers={"Host": "bench.test"})
                    answer = connection.getresponse()
                    complete = answer.status == 200 and len(answer.read()) == size
                    connection.close()
                if complete:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        self.log.seek(0)
        sys.exit(f"{self.row} does not answer:\n{self.log.read().decode()}")

    def processes(self):
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        return [str(self.process.pid), *children]

    def cpu_seconds(self):
        total = 0
        for pid in self.processes():
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def measure(self, size, seconds):
        url = f"http://{ADDRESS}:{self.port}/{SIZES[size]}"
        before = self.cpu_seconds()
        run = subprocess.run(["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s",
                              "-H", "Host: bench.test", url], capture_output=True, text=True)
        used = self.cpu_seconds() - before
        done = re.search(r"(\d+) requests in ([\d.]+)(m?s)", run.stdout)
        if not done or int(done.group(1)) == 0 or "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
            sys.exit(f"{self.row}: wrk is not content\n{run.stdout}{run.stderr}")
        self.costs[size].append(used / int(done.group(1)) * 1e6)
        self.rates[size].append(int(done.group(1)) / seconds)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def start_floors():
    program = os.path.join(BUILD, "bench", "http_floor")
    return [Server("floor", [program, ADDRESS, str(5481 + i), str(SIZES[size])], 5481 + i, (size,))
            for i, size in enumerate(SIZES)]


def start_nginx(folder):
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as file:
        file.write(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_timeout 60s; keepalive_requests 1000000000;
  open_file_cache max=1000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=bench:16m inactive=1d use_temp_path=off;
  server {{
    listen {ADDRESS}:5490;
    location / {{ proxy_pass http://{ADDRESS}:{ORIGIN_PORT}; proxy_cache bench; proxy_cache_valid 200 1d; }}
  }}
}}
""")
    return [Server("nginx proxy_cache", ["nginx", "-p", folder, "-c", path], 5490)]


def start_popnet(folder):
    path = os.path.join(folder, "popnet.yaml")
    with open(path, "w") as file:
        file.write(f"node: {{http_listen: '{ADDRESS}:5491', admin_listen: '{ADDRESS}:5492', threads: 1, dns: false}}\n"
                   "sites:\n  - name: bench\n    any_host: true\n    origins:\n"
                   f"      - {{name: web, address: '{ADDRESS}:{ORIGIN_PORT}'}}\n")
    return [Server("popnet", [os.path.join(BUILD, "popnet"), "serve", "--config", path], 5491)]


def cost(servers, row, size):
    """CPU microseconds, median of the rounds; None when it was not measured."""
    for server in servers:
        if server.row == row and server.costs.get(size):
            return statistics.median(server.costs[size])
    return None


def table(servers):
    rows = list(dict.fromkeys(server.row for server in servers))
    for size in SIZES:
        print(f"\n{size:20}{'CPU us/request':>16}{'of floor':>10}{'of nginx':>10}{'requests/s':>12}")
        for row in rows:
            own = cost(servers, row, size)
            if own is None:
                continue
            ratio = lambda other: f"{own / cost(servers, other, size):.2f}" if cost(servers, other, size) else ""
            rate = next(statistics.median(s.rates[size]) for s in servers if s.row == row and size in s.rates)
            print(f"{row:20}{own:16.2f}{ratio('floor'):>10}{ratio('nginx proxy_cache'):>10}{rate:12.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4, help="of one run (at most 8)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="floor,nginx,popnet", help="comma separated: floor,nginx,popnet")
    parser.add_argument("--sizes", default=",".join(SIZES), help="comma separated: " + ",".join(SIZES))
    arguments = parser.parse_args()
    seconds = min(arguments.seconds, 8)
    sizes = arguments.sizes.split(",")

    folder = tempfile.mkdtemp(prefix="popnet-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    os.chmod(folder, 0o755)
    origin = http.server.ThreadingHTTPServer((ADDRESS, ORIGIN_PORT), Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    starts = {"floor": start_floors, "nginx": lambda: start_nginx(folder), "popnet": lambda: start_popnet(folder)}
    servers = []
    try:
        for key in arguments.only.split(","):
            print(f"starting {key} ...", file=sys.stderr)
            servers += starts[key]()
        for round_number in range(arguments.rounds):
            for size in sizes:
                for server in servers:
                    if size not in server.sizes:
                        continue
                    print(f"round {round_number + 1} of {arguments.rounds}: {size}, {server.row}", file=sys.stderr)
                    server.measure(size, seconds)
        table(servers)
    finally:
        for server in servers:
            server.stop()
        origin.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
