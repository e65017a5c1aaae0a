#!/usr/bin/env python3
"""DNS by AF_XDP, on a pair of Ethernet interfaces: what it answers, what it leaves to the kernel, how it comes and goes."""
import contextlib
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading

import own_network
from play import POPNET, check, equal, run, scene, until
from play_dns import Reply, make_query
from wire import Wire, ip

ZONE = ("@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"
        + "".join(f"h{i} 300 IN A 198.51.100.{i % 250}\n" for i in range(1000))
        + "".join(f'big 300 IN TXT "{i:0>200}"\n' for i in range(10)))
QUERY = make_query("h7.zone.test")
LONG_QUERY = QUERY[:-2] + struct.pack("!HHH", 2004, 12, 2000) + bytes(2000)  # padding (RFC 7830)
ANSWER = bytes([198, 51, 100, 7])


def serve(stage, wire, name="popnet", listen=None, mode="auto", **node):
    """popnet on the wire: its admin address stays on the loopback interface."""
    return stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}], name=name,
                        node={"threads": 1, "edge": False,
                              "dns_listen": listen or [f"{wire.here_v4}:53", f"[{wire.here_v6}]:53"],
                              "dns_server": {"xdp": [{"interface": wire.here, "mode": mode}]}, **node})


def client(wire, server, family=socket.AF_INET):
    sock = wire.socket_there(family, socket.SOCK_DGRAM)
    sock.connect(server)
    return sock


def ask(sock, query=QUERY):
    sock.send(query)
    return sock.recv(4096)


def frames(popnet, verdict="fine"):
    return popnet.counter("popnet_dns_xdp_frames_total", verdict=verdict)


def checksum(*parts):
    words = b"".join(part + b"\0" * (len(part) % 2) for part in parts)
    total = sum(struct.unpack(f">{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(wire, source=Wire.there_v4, payload=QUERY, wrong=0):
    """A query over IPv4 as it goes over the wire, its checksum wrong by that much."""
    addresses = socket.inet_aton(source) + socket.inet_aton(wire.here_v4)
    size = 8 + len(payload)
    udp = struct.pack(">HHHH", 4321, 53, size, 0) + payload
    udp = udp[:6] + struct.pack(">H", checksum(addresses, struct.pack(">HH", 17, size), udp) ^ wrong) + udp[8:]
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 1, 0, 64, 17, 0) + addresses
    here, there = wire.macs()
    return here + there + b"\x08\0" + header[:10] + struct.pack(">H", checksum(header)) + header[12:] + udp


@contextlib.contextmanager
def somebody_asks(wire):
    """A query every two milliseconds or so, from four ports; in the end all were answered."""
    socks = [client(wire, (wire.here_v4, 53)) for _ in range(4)]
    ended, asked, answered = threading.Event(), [0], [0]

    def send():
        while not ended.wait(0.002):
            socks[asked[0] % len(socks)].send(QUERY)
            asked[0] += 1

    def receive():
        while not (ended.is_set() and answered[0] == asked[0]):
            ready = select.select(socks, [], [], 3)[0]
            for sock in ready:
                answered[0] += ANSWER in sock.recv(4096)
            if not ready:
                return

    threads = [threading.Thread(target=work) for work in (send, receive)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        for sock in socks:
            sock.close()
    check(f"{asked[0]} queries, none lost", answered[0] == asked[0] > 0, answered[0])


@scene
def answers(stage):
    """Queries over IPv4 and IPv6 are answered past the kernel, from the address and port they went to."""
    wire = Wire(stage)
    popnet = serve(stage, wire)
    check("the interface has our filter", wire.filtered())
    for number, (family, server) in enumerate(((socket.AF_INET, (wire.here_v4, 53)), (socket.AF_INET6, (wire.here_v6, 53)))):
        with client(wire, server, family) as sock:  # connected: takes answers from there alone
            reply = ask(sock)
        check(f"{server[0]} answers", reply[:2] == QUERY[:2] and ANSWER in reply, reply)
        equal("by AF_XDP", frames(popnet), number + 1)
    equal("and counts it as UDP", popnet.counter("popnet_dns_queries_total", transport="udp"), 2)
    with client(wire, (wire.here_v4, 53)) as sock:
        check("what is too large is truncated", Reply(ask(sock, make_query("big.zone.test", "TXT"))).truncated)


@scene
def leaves_to_the_kernel(stage):
    """TCP, other ports, fragments and IP options are the kernel's, and are answered too; so are VLANs, which it has none of."""
    wire = Wire(stage)
    popnet = serve(stage, wire)
    with wire.socket_there(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.connect((wire.here_v4, 53))
        check("TCP", ANSWER in ask(sock, struct.pack(">H", len(QUERY)) + QUERY))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, client(wire, (wire.here_v4, 5300)) as sock:
        other.bind((wire.here_v4, 5300))
        sock.send(QUERY)
        equal("another port", other.recv(4096), QUERY)
    with wire.socket_there(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((wire.there, 0))
        query = frame(wire)
        raw.send(query[:12] + b"\x81\0\0\x05" + query[12:])  # a tag of VLAN 5 (IEEE 802.1Q)
    with client(wire, (wire.here_v4, 53)) as sock:
        check("fragments", ANSWER in ask(sock, LONG_QUERY))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x01" * 4)
        check("IP options", ANSWER in ask(sock))
    queries = popnet.counter("popnet_dns_queries_total", transport="udp")
    equal("both by the kernel, and not the VLAN's", (queries, frames(popnet)), (2, 0))


@scene
def hostile_frames(stage):
    """Wrong checksums, sources that may not be, cut and random frames: silence, counted; the next query is answered."""
    wire = Wire(stage)
    popnet = serve(stage, wire)
    with wire.socket_there(socket.AF_PACKET, socket.SOCK_RAW) as raw, client(wire, (wire.here_v4, 53)) as sock:
        raw.bind((wire.there, 0))
        raw.send(frame(wire))
        until("a right one is taken", lambda: frames(popnet) == 1)
        for _ in range(3):
            raw.send(frame(wire, wrong=0x1234))
        until("wrong checksums are seen", lambda: frames(popnet, "bad_checksum") == 3)
        for source in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", wire.here_v4):
            raw.send(frame(wire, source))
        until("so are impossible sources", lambda: frames(popnet, "martian") == 5)
        whole = frame(wire)
        for size in range(14, len(whole)):
            raw.send(whole[:size])
        headers = whole[:42]
        for _ in range(2000):
            raw.send(headers[:14] + bytes(a ^ b if os.urandom(1)[0] < 16 else a for a, b in zip(headers[14:], os.urandom(28)))
                     + os.urandom(60))
        check("popnet answers after all that", ANSWER in ask(sock))
    equal("none of them was answered",
          popnet.counter("popnet_dns_replies_total", rcode="NOERROR"), 2)


@scene
def no_query_is_lost(stage):
    """Under the load of a generator, while the config is read anew; and none when popnet ends: the exit code is 0."""
    wire = Wire(stage)
    popnet = serve(stage, wire)
    file = stage.file("queries", "".join(f"h{i}.zone.test A\n" for i in range(1000)))
    with client(wire, (wire.here_v4, 53)) as sock:
        ask(sock)  # so that the other side knows the way: kxdpgun asks nobody for a MAC address
    load = stage.spawn("kxdpgun", wire.there_argv("kxdpgun", "-t", "3", "-Q", "20000", "-b", "10", "-i", file, wire.here_v4))
    until("the load is there", lambda: frames(popnet) > 1000)
    for _ in range(5):
        equal("reload", popnet.api("POST", "/v1/reload").status, 200)
    equal("the generator ends", load.child.wait(30), 0)
    sent, got = (int(re.search(what + r":\s+(\d+)", load.log()).group(1)) for what in ("total queries", "total replies"))
    check("all were answered", sent == got > 50_000, load.log())
    equal("by AF_XDP", frames(popnet), sent + 1)
    equal("popnet ends", popnet.stop(), 0)
    check("and its filter is gone", not wire.filtered())


@scene
def replaced(stage):
    """serve --replace: the kernel has the queries while the interface changes hands; none is lost."""
    wire = Wire(stage)
    first = serve(stage, wire, state_dir=os.path.join(stage.folder, "state"), drain_timeout="1s")
    with somebody_asks(wire):
        second = stage.popnet(name="second", arguments=("--replace",), wait=False, zones=first.config["zones"],
                              node=first.config["node"])
        until("the second serves", lambda: "serves: " in second.log())
        until("the first has ended", lambda: not first.alive())
        until("the second answers by AF_XDP", lambda: second.alive() and frames(second) > 100)


@scene
def killed(stage):
    """After kill -9 the filter is gone at once, and popnet can start again."""
    wire = Wire(stage)
    popnet = serve(stage, wire)
    check("it is there", wire.filtered())
    popnet.kill()
    until("it is gone", lambda: not wire.filtered())
    again = serve(stage, wire, "again", mode="copy")
    with client(wire, (wire.here_v4, 53)) as sock:
        check("popnet answers again", ANSWER in ask(sock))
    equal("by AF_XDP", frames(again), 1)


@scene
def refusals(stage):
    """What cannot be had is said in one line, with exit code 3, and leaves nothing behind."""
    wire = Wire(stage)
    config = {"node": {"edge": False, "dns_listen": f"{wire.here_v4}:53", "admin_listen": stage.endpoint()},
              "zones": [{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}]}

    def refusal(why, interface=wire.here, mode="auto", prefix=()):
        path = stage.file("refused.yaml", json.dumps({**config, "node": {**config["node"], "dns_server": {
            "xdp": [{"interface": interface, "mode": mode}]}}}))
        ended = subprocess.run([*prefix, POPNET, "serve", "--config", path], capture_output=True, text=True, timeout=60,
                               check=False)
        check(f"exit code 3 and one line: {why}", ended.returncode == 3 and ended.stderr.count("\n") == 1 and why in ended.stderr,
              f"{ended.returncode} {ended.stderr}")

    refusal("none of that name", "nosuch0")
    refusal("no Ethernet", "lo")
    refusal("no zero-copy", mode="zero_copy")
    refusal("CAP_BPF", prefix=("setpriv", "--bounding-set=-bpf,-sys_admin"))
    refusal("CAP_NET_ADMIN", prefix=("setpriv", "--bounding-set=-net_admin,-sys_admin"))
    refusal("CAP_NET_RAW", prefix=("setpriv", "--bounding-set=-net_raw"))
    check("nothing was left behind", not wire.filtered())
    serve(stage, wire)
    config["node"]["dns_listen"] = f"{wire.here_v4}:5353"
    refusal("another program has an XDP filter there")
    ip("link", "set", wire.here, "mtu", "1000")
    refusal("MTU of 1000")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("not played: AF_XDP needs root")
        sys.exit(0)
    own_network.enter()
    run()
