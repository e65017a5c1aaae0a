#!/usr/bin/env python3
"""What legitimate queries lose while popnet is flooded: random names, spoofed sources, signatures asked for, slow TCP.

One core for the server (one DNS thread), the other for flood and legitimate load, which is 500 queries each second over UDP and 200 over
TCP (half of these on lasting connections, half on short ones) that are never asked again: what is not answered within 2 s
counts as lost. First the flood goes as fast as its core allows: what the server answered of it is its capacity, and the
next floods are parts of that.
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

os.environ.setdefault("PLAY_PATIENCE", "2")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "tests", "net"), os.path.join(ROOT, "bench")]
from dns_servers import ADDRESS, BUILD, LOAD_CORE, SERVER_CORE, write, zone_text  # noqa: E402
from paced_load import Load  # noqa: E402

PORT, ADMIN, SECONDS = 5490, 5491, 4
SLOW_CONNECTIONS, SLOW_SOURCES = 1500, 30


def counter(name):
    page = urllib.request.urlopen(f"http://{ADDRESS}:{ADMIN}/metrics").read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if re.match(name + r"[{ ]", line))


def flood(kind, rate):
    return subprocess.Popen(["taskset", "-c", LOAD_CORE, os.path.join(BUILD, "bench", "dns_flood"), ADDRESS, str(PORT), kind, str(rate), str(SECONDS)],
                            stdout=subprocess.PIPE, text=True)


class SlowConnections:
    """Many connections from few sources that send a byte of a query a second, and come again when they are closed."""

    def __enter__(self):
        self.end, self.opened = False, 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def open(self, number):
        sock = socket.socket()
        sock.bind((f"127.5.0.{number % SLOW_SOURCES + 1}", 0))
        sock.connect((ADDRESS, PORT))
        sock.setblocking(False)
        self.opened += 1
        return sock

    def run(self):
        held = {}
        while not self.end:
            begin = time.monotonic()
            for number in range(SLOW_CONNECTIONS):
                try:
                    if number not in held:
                        held[number] = self.open(number)
                    held[number].send(b"\0")
                    if held[number].recv(1) == b"":
                        held.pop(number).close()
                except BlockingIOError:
                    pass
                except OSError:
                    if number in held:
                        held.pop(number).close()
            time.sleep(max(0.0, begin + 1 - time.monotonic()))
        for sock in held.values():
            sock.close()

    def __exit__(self, *_):
        self.end = True
        self.thread.join()


def legitimate(row, during):
    """A row of the table."""
    with Load(f"{ADDRESS}:{PORT}", "udp", "h7.bench.test", 500) as udp, Load(f"{ADDRESS}:{PORT}", "tcp", "h7.bench.test", 200) as tcp:
        during()
    def cell(load):
        asked = load.answered + len(load.lost)
        return f"{len(load.lost):5d} of {asked:5d} ({100 * len(load.lost) / max(asked, 1):5.2f} %), slowest {load.slowest * 1000:6.1f} ms"
    print(f"{row:44s} UDP {cell(udp)}   TCP {cell(tcp)}", flush=True)


def flooded(kind, rate, row):
    answered = [0.0]

    def during():
        before, start = counter("popnet_dns_queries_total"), time.monotonic()
        sent = int(flood(kind, rate).communicate()[0])
        answered[0] = (counter("popnet_dns_queries_total") - before) / (time.monotonic() - start)
        print(f"  {row}: {sent / SECONDS:,.0f} sent, {answered[0]:,.0f} received, each second", file=sys.stderr)
    legitimate(row, during)
    return answered[0]


def serve(folder, rate_limit):
    zone = write(folder, "bench.test.zone", zone_text(1000))
    limit = "rate_limit: {per_second: 1000, slip: 2}" if rate_limit else "tcp_idle: 10s"
    config = write(folder, "popnet.yaml", f"""
node: {{threads: 1, dns_listen: "{ADDRESS}:{PORT}", admin_listen: "{ADDRESS}:{ADMIN}", edge: false, probe: false, state_dir: {folder}/state}}
dns: {{{limit}}}
zones: [{{name: bench.test, file: {zone}, dnssec: {{enabled: true}}}}]
""")
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, os.path.join(BUILD, "popnet"), "serve", "--config", config],
                               stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            counter("popnet_dns_queries_total")
            return process
        except OSError:
            time.sleep(0.05)
    sys.exit("popnet does not serve")


def main():
    with tempfile.TemporaryDirectory(prefix="popnet-flood-") as folder:
        server = serve(folder, rate_limit=False)
        try:
            legitimate("nothing else", lambda: time.sleep(SECONDS))
            capacity = flooded("random-names", 0, "random names, as many as go out")
            for part in (0.5, 0.8):
                flooded("random-names", int(capacity * part), f"random names, {part:.0%} of that")
            flooded("spoofed", int(capacity * 0.5), "spoofed sources, 50%")
            flooded("signed", int(capacity * 0.5), "random names, signed, 50%")
            with SlowConnections() as slow:
                legitimate(f"{SLOW_CONNECTIONS} slow TCP connections", lambda: time.sleep(2 * SECONDS))
                print(f"  slow connections: {slow.opened} opened, {counter('popnet_dns_tcp_refused_total'):.0f} refused, "
                      f"{counter('popnet_dns_tcp_evicted_total'):.0f} evicted", file=sys.stderr)
            server.terminate()
            server.wait(15)
            server = serve(folder, rate_limit=True)
            flooded("random-names", int(capacity * 0.5), "random names, rate limit on, 50%")
            flooded("spoofed", int(capacity * 0.5), "spoofed sources, rate limit on, 50%")
        finally:
            server.terminate()
            server.wait(15)


if __name__ == "__main__":
    main()
