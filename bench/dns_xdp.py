"""The AF_XDP part of dns_bench.py: a cable between two network namespaces (veth), the server at one end, kxdpgun at the other.

Over veth it is chance who pays for the work of the kernel: a frame is received in the sender's system call, unless the
receiver's side polls in a thread of its own (threaded NAPI). Here both sides do, each side's thread on the core of the program it
works for, with and without AF_XDP. So one core does all the work of the server: receiving the frame from the cable, all that
the kernel does with it, the server, and putting the answer on the cable. What counts is the CPU time of the
server and of that thread, from /proc/PID/task/*/schedstat.

Needs root. Servers are started anew for each round, one at a time, because an interface has one filter.
"""
import ctypes
import glob
import os
import re
import statistics
import subprocess
import sys
import time

from dns_servers import BUILD, NAMES, family, message, queries, write, zone_text

SERVER, CLIENT = "server", "client"  # the ends of the cable
ADDRESS, CLIENT_ADDRESS = "192.0.2.1", "192.0.2.2"
SERVER_CORE, LOAD_CORE = 0, 1

# What makes the kernel have a frame that arrives over veth polled, with and without a filter: receive offload here, and no
# segmentation offload at the sender (veth_skb_is_eligible_for_gro() in drivers/net/veth.c).
POLLED = """
import array, fcntl, socket, struct
SIOCETHTOOL, ETHTOOL_STSO, ETHTOOL_SGRO = 0x8946, 0x1F, 0x2C
for what, value in (ETHTOOL_STSO, 0), (ETHTOOL_SGRO, 1):
    request = array.array("B", struct.pack("II", what, value))
    fcntl.ioctl(socket.socket(), SIOCETHTOOL, struct.pack("16sP16x", b"{name}", request.buffer_info()[0]))
"""


class Cable:
    def __init__(self):
        if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
            sys.exit("xdp: needs root, to make network namespaces")
        self.other = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        while os.readlink(f"/proc/{self.other.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", SERVER, "type", "veth", "peer", "name", CLIENT, "netns", str(self.other.pid))
        for there, name, address in ((False, SERVER, ADDRESS), (True, CLIENT, CLIENT_ADDRESS)):
            self.ip("address", "add", f"{address}/24", "dev", name, there=there)
            self.ip("link", "set", name, "up", there=there)
            self.python(there, POLLED.format(name=name))
            self.run(there, ["unshare", "--mount", "sh", "-c", f"mount -t sysfs sysfs /sys && echo 1 >/sys/class/net/{name}/threaded"])

    def argv(self, there, argv):
        return ["nsenter", f"--net=/proc/{self.other.pid}/ns/net", *argv] if there else argv

    def run(self, there, argv):
        subprocess.run(self.argv(there, argv), check=True)

    def python(self, there, code):
        self.run(there, [sys.executable, "-c", code])

    def ip(self, *arguments, there=False):
        self.run(there, ["ip", *arguments])

    def threads(self, name):
        """The kernel threads that poll one end."""
        found = []
        for path in glob.glob("/proc/[0-9]*/comm"):
            try:
                with open(path) as comm:
                    if comm.read().startswith(f"napi/{name}"):
                        found.append(int(path.split("/")[2]))
            except OSError:
                pass
        return found

    def pin(self):
        for name, core in ((SERVER, SERVER_CORE), (CLIENT, LOAD_CORE)):
            for pid in self.threads(name):
                os.sched_setaffinity(pid, {core})

    def close(self):
        self.other.kill()
        self.other.wait()


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
    return total / 1e9


class Row:
    def __init__(self, name, command, uses_xdp=False):
        self.name, self.command, self.uses_xdp = name, command, uses_xdp
        self.costs, self.server_costs, self.rates, self.lost = [], [], [], 0

    def measure(self, cable, folder, rate, seconds):
        log = open(os.path.join(folder, "server.log"), "w+")
        server = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), *self.command], stdout=log, stderr=log)
        try:
            self.wait(cable, server, log)
            load = self.generate(cable, folder, rate, 1)  # brings kxdpgun's own filter, and so the other end's thread
            cable.pin()
            load.communicate()
            for _ in range(3):  # the kernel may not have let go of the queue of the load before
                load = self.generate(cable, folder, rate, seconds)
                time.sleep(0.3)
                cable.pin()
                mine, polling = family(server.pid), cable.threads(SERVER)
                before = cpu_seconds(mine), cpu_seconds(polling)
                output = load.communicate()[0]
                if "total replies" in output:
                    break
            else:
                sys.exit(f"kxdpgun is not content:\n{output}")
            server_seconds, polling_seconds = (b - a for a, b in zip(before, (cpu_seconds(mine), cpu_seconds(polling))))
        finally:
            server.terminate()
            server.wait()
            log.close()
            cable.ip("link", "set", SERVER, "xdp", "off")  # Knot's filter outlives it
        sent, got = (int(re.search(what + r":\s+(\d+)", output).group(1)) for what in ("total queries", "total replies"))
        measured = got * (1 - 0.3 / seconds)  # the rest was answered before
        self.costs.append((server_seconds + polling_seconds) / measured * 1e6)
        self.server_costs.append(server_seconds / measured * 1e6)
        self.rates.append(got / seconds)
        self.lost += sent - got

    def generate(self, cable, folder, rate, seconds):
        return subprocess.Popen(cable.argv(True, ["kxdpgun", "-t", str(seconds), "-Q", str(rate), "-b", "32", "-F", str(LOAD_CORE),
                                                  "-i", queries(folder, "h", NAMES), ADDRESS]),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait(self, cable, server, log):
        """Until an answer comes over the cable."""
        code = (f"import socket,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(.1); s.connect(('{ADDRESS}',53));"
                f"s.send({message('h1.bench.test')!r}); sys.exit(0 if s.recv(4096)[3]&15==0 else 1)")
        for _ in range(200):
            if server.poll() is not None:
                break
            if subprocess.run(cable.argv(True, [sys.executable, "-c", code]), stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.05)
        log.seek(0)
        sys.exit(f"{self.name} does not answer:\n{log.read()}")


def rows(folder):
    zone = write(folder, "bench.test.zone", zone_text(NAMES))

    def popnet(name, xdp):
        config = (f"node: {{dns_listen: '{ADDRESS}:53', admin_listen: '127.0.0.1:8500', threads: 1, edge: false,\n"
                  f"       dns_server: {{xdp: [{xdp}]}}}}\nzones:\n  - {{name: bench.test, file: {zone}}}\n")
        path = write(folder, f"popnet{len(xdp)}.yaml", config)
        return Row(name, [os.path.join(BUILD, "popnet"), "serve", "--config", path], bool(xdp))

    def knot(name, xdp):
        base = os.path.join(folder, f"knot{len(xdp)}")
        config = write(base, "knot.conf",
                       f"server:\n  listen: {ADDRESS}@53\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                       f"  rundir: {base}\n{xdp}database:\n  storage: {base}/db\nlog:\n  - target: stderr\n    any: error\n"
                       f"zone:\n  - domain: bench.test\n    file: {zone}\n    journal-content: none\n    zonefile-load: whole\n")
        return Row(name, ["knotd", "-c", config, "-s", f"{base}/knot.sock"], bool(xdp))

    return [Row("floor, sockets", [os.path.join(BUILD, "bench", "dns_floor"), ADDRESS, "53"]),
            popnet("popnet, sockets", ""), popnet("popnet, AF_XDP", f"{{interface: {SERVER}}}"),
            knot("knot, sockets", ""), knot("knot, AF_XDP", f"xdp:\n  listen: {SERVER}\n")]


def play_xdp(folder, seconds, rounds, rate):
    cable = Cable()
    try:
        all_rows = rows(folder)
        for number in range(rounds):
            for row in all_rows:
                print(f"xdp: round {number + 1} of {rounds}: {row.name}", file=sys.stderr)
                row.measure(cable, folder, rate, seconds)
    finally:
        cable.close()
    median = statistics.median
    by_name = {row.name: median(row.costs) for row in all_rows}
    print(f"\nxdp: {rate} queries/s over veth\n{'':24}{'CPU us/query':>14}{'the server':>12}"
          f"{'/ popnet sockets':>18}{'/ own sockets':>15}{'answers/s':>12}{'lost':>8}")
    for row in all_rows:
        own = by_name.get(row.name.split(",")[0] + ", sockets")
        print(f"{row.name:24}{median(row.costs):14.3f}{median(row.server_costs):12.3f}"
              f"{median(row.costs) / by_name['popnet, sockets']:18.2f}{median(row.costs) / own:15.2f}{median(row.rates):12.0f}"
              f"{row.lost:8}")
