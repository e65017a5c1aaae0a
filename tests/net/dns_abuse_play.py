#!/usr/bin/env python3
"""Abuse, where it takes a network of one's own to show it: what gets no answer over UDP, and limits by networks of IPv6."""
import socket
import struct
import subprocess

import own_network
from play import PATIENCE, check, equal, run, scene, until
from play_dns import make_query, read_tcp

IP_FREEBIND = 15
ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"


def datagram(port, payload, to):
    """UDP from that port, without a checksum, which IPv4 allows."""
    return struct.pack("!4H", port, to, 8 + len(payload), 0) + payload


@scene
def nothing_comes_back(stage):
    """Sent by the kernel from a raw socket; all that leaves the server is looked at."""
    popnet = stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}], node={"threads": 1})
    host, port = popnet.dns.rsplit(":", 1)
    query, here = make_query("ns1.zone.test"), stage.address()
    flagged = lambda bits: query[:2] + struct.pack("!H", bits) + query[4:]
    silent = {"a reply": flagged(0x8000), "an error": flagged(0x8401), "a reply to a NOTIFY": flagged(0xA400), "a reply of opcode 15": flagged(0xF800),
              "nothing": b"", "half of a header": query[:6], "eleven bytes": query[:11]}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        raw.bind((here, 0))
        raw.settimeout(15)
        for what, payload in silent.items():
            raw.sendto(datagram(4321, payload, int(port)), (host, 0))
        for payload in (query, flagged(0x7800), flagged(0x2000), query + b"x"):  # what else has an answer: NOERROR, NOTIMP, FORMERR
            raw.sendto(datagram(0, payload, int(port)), (host, 0))
        raw.sendto(datagram(4322, query, int(port)), (host, 0))
        reply = raw.recv(2000)[20:]  # behind the header of IPv4
        equal("the first that comes back is that to the last", struct.unpack("!2H", reply[:4]), (int(port), 4322))
        check("and is an answer", reply[8:10] == query[:2] and socket.inet_aton("192.0.2.1") in reply)
    until("all of them came", lambda: popnet.counter("popnet_dns_queries_total", transport="udp") == len(silent) + 5)
    equal("one had a reply", sum(popnet.values("popnet_dns_replies_total")), 1)
    equal("the others are counted", popnet.counter("popnet_dns_dropped_total"), len(silent) + 4)


@scene
def networks_of_ipv6(stage):
    """A /64 counts as one source of TCP connections, a /56 as one client of the rate limit; others are answered."""
    popnet = stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}],
                          node={"dns_listen": ["[2001:db8::53]:53"], "threads": 1},
                          dns={"tcp_connections_per_source": 4, "rate_limit": {"per_second": 5, "slip": 0}})
    query = make_query("ns1.zone.test")

    def ask(source, style=socket.SOCK_STREAM):
        client = socket.socket(socket.AF_INET6, style)
        client.settimeout(PATIENCE)
        client.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)  # the whole network is this machine's, and no address of it written down
        client.bind((source, 0))
        client.connect(("2001:db8::53", 53))
        client.sendall((len(query).to_bytes(2, "big") if style == socket.SOCK_STREAM else b"") + query)
        return client

    held = [ask(f"2001:db8:0:1::{i}") for i in range(1, 5)]
    check("four of one /64", all(read_tcp(client)[:2] == query[:2] for client in held))
    with ask("2001:db8:0:1::99") as fifth:
        try:
            equal("a fifth", fifth.recv(2), b"")
        except ConnectionResetError:
            pass
    equal("is refused", popnet.counter("popnet_dns_tcp_refused_total"), 1)
    with ask("2001:db8:0:2::1") as other:
        check("another /64 is not", read_tcp(other)[:2] == query[:2])
    flood = [ask(f"2001:db8:0:1{i % 256:02x}::1", socket.SOCK_DGRAM) for i in range(200)]
    until("one /56 is limited", lambda: popnet.counter("popnet_dns_rate_limit_dropped_total") > 100)
    with ask("2001:db8:0:200::1", socket.SOCK_DGRAM) as other:
        equal("another is not", other.recv(2000)[:2], query[:2])
    for client in (*held, *flood):
        client.close()


if __name__ == "__main__":
    own_network.enter()
    subprocess.run(["ip", "address", "add", "2001:db8::53/128", "dev", "lo", "nodad"], check=True)
    subprocess.run(["ip", "route", "add", "local", "2001:db8::/48", "dev", "lo"], check=True)
    run()
