#!/usr/bin/env python3
"""Behind dnsdist, which tells by PROXY headers (version 2) who asks: decisions, limits and the query log go by its clients."""
import json
import os
import socket

from play import check, equal, run, scene, site, until
from play_dns import dig, make_query
from play_servers import Server

ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"
RATE = 20


def dnsdist(stage, servers):
    endpoint = stage.endpoint()
    config = stage.file("dnsdist.conf", f"setLocal('{endpoint}')\nsetACL('127.0.0.0/8')\nsetSecurityPollSuffix('')\n" + "".join(
        f"newServer({{address='{server}', useProxyProtocol=true, healthCheckMode='up'}})\n" for server in servers))
    return Server(stage.spawn("dnsdist", ["dnsdist", "--supervised", "--disable-syslog", "-C", config]), endpoint)


@scene
def who_asks_is_told(stage):
    """Over UDP and TCP: two clients of dnsdist, two answers; each has its own limit; the log has their addresses."""
    near, far, balancer = (f"{stage.address().rsplit('.', 1)[0]}.{i}" for i in (101, 202, 150))
    log = os.path.join(stage.folder, "queries.log")
    shop = site("shop", [])
    shop["origins"] = [{"name": name, "address": address} for name, address in (("near", "192.0.2.1:80"), ("far", "192.0.2.2:80"))]
    shop["hostnames"] = [{"name": "shop.zone.test", "resolve": "origin", "select": "failover",
                          "chain": [{"clients": [f"{near}/32"], "targets": ["near"]}, {"targets": ["far"]}]}]
    popnet = stage.popnet([shop], zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}],
                          dns={"rate_limit": {"per_second": RATE, "slip": 0, "ipv4_prefix": 32}},
                          node={"threads": 1, "dns_server": {"proxies": ["127.0.0.0/8"], "query_log": {"file": log}}})
    server = stage.wait_for(dnsdist(stage, [popnet.dns]))
    for tcp in (False, True):
        for client, address in ((near, "192.0.2.1"), (far, "192.0.2.2")):
            equal(f"{client} over {'TCP' if tcp else 'UDP'}", dig(server.address, "shop.zone.test", tcp=tcp, source=client).addresses(), [address])
    host, port = server.address.rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.bind((near, 0))
        for _ in range(20 * RATE):
            flood.sendto(make_query("ns1.zone.test"), (host, int(port)))
    until("one client's flood is limited", lambda: popnet.counter("popnet_dns_rate_limit_dropped_total") > 10 * RATE)
    equal("another client is not", [dig(server.address, "ns1.zone.test", source=far).rcode for _ in range(5)], ["NOERROR"] * 5)
    until("the log has lines", lambda: popnet.counter("popnet_dns_log_lines_total") > 10 * RATE)
    with open(log, encoding="ascii") as lines:
        asked = {(line["client"], line["transport"]) for line in map(json.loads, lines)}
    asked.discard(("127.0.0.1", "udp"))  # dnsdist for itself, whether popnet is there
    equal("who asked", asked, {(client, transport) for client in (near, far) for transport in ("udp", "tcp")})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bare:
        before = popnet.counter("popnet_dns_dropped_total")
        bare.bind((balancer, 0))
        bare.sendto(make_query("ns1.zone.test"), tuple(int(part) if part.isdigit() else part for part in popnet.dns.rsplit(":", 1)))
        until("without a header there is no answer", lambda: popnet.counter("popnet_dns_dropped_total") == before + 1)
    check("the balancer runs", server.process.alive())


if __name__ == "__main__":
    run()
