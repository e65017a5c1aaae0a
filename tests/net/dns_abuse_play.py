#!/usr/bin/env python3
"""What gets no answer over UDP, so that nobody can make servers answer each other: replies, shreds, and source port 0."""
import socket
import struct

import own_network
from play import check, equal, run, scene, until
from play_dns import make_query

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


if __name__ == "__main__":
    own_network.enter()
    run()
