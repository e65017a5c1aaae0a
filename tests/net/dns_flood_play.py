#!/usr/bin/env python3
"""The rate limit: one client network floods, another loses nothing; cookies and TCP are ways out."""
import socket
import threading

from play import check, equal, run, scene
from play_dig import run_dig
from play_dns import dig, make_query

ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n*.wild 300 IN A 192.0.2.2\n"
RATE, FLOOD = 20, 2000


def flood(server, source, names):
    """Sends a query for each name without waiting, then counts what came back: (whole, truncated) replies."""
    host, port = server.rsplit(":", 1)
    whole, truncated = [0], [0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.connect((host, int(port)))
        sock.settimeout(1)

        def listen():
            try:
                while True:
                    reply = sock.recv(2048)
                    (truncated if reply[2] & 2 else whole)[0] += 1
            except socket.timeout:
                pass

        listener = threading.Thread(target=listen)
        listener.start()
        for name in names:
            sock.send(make_query(name))
        listener.join()
    return whole[0], truncated[0]


@scene
def a_flood(stage):
    """Random names and one name again and again, from one network; another network asks all the while."""
    popnet = stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}], node={"threads": 1},
                          dns={"rate_limit": {"per_second": RATE, "slip": 4, "ipv4_prefix": 24}})
    floods = {"random names": [f"r{i}.zone.test" for i in range(FLOOD)],
              "names of a wildcard": [f"r{i}.wild.zone.test" for i in range(FLOOD)],
              "one name": ["ns1.zone.test"] * FLOOD}
    for number, (what, names) in enumerate(floods.items()):
        result = []
        flooding = threading.Thread(target=lambda: result.append(flood(popnet.dns, f"127.1.{number}.1", names)))
        flooding.start()
        legitimate = [dig(popnet.dns, "ns1.zone.test", source=f"127.2.{number}.{i + 1}").rcode for i in range(RATE // 2)]
        flooding.join()
        whole, truncated = result[0]
        check(f"{what}: the flood gets a few seconds' answers at most", RATE <= whole <= 6 * RATE, whole)
        check(f"{what}: some slip", 0 < truncated <= FLOOD / 4, truncated)
        equal(f"{what}: another network loses nothing", legitimate, ["NOERROR"] * (RATE // 2))
    dropped = popnet.counter("popnet_dns_rate_limit_dropped_total")
    check("what was kept back is counted", dropped > FLOOD, dropped)
    equal("TCP is not limited", [run_dig(popnet.dns, "+tcp", "ns1.zone.test").status for _ in range(RATE + 5)],
          ["NOERROR"] * (RATE + 5))


if __name__ == "__main__":
    run()
