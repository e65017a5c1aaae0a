#!/usr/bin/env python3
"""DNS over TLS as kdig speaks it, a certificate renewed under way, and limits on connections."""
import signal
import socket
import subprocess

from play import check, equal, run, scene, until
from play_dig import run_dig
from play_dns import make_query
from play_http import PATIENCE
from play_servers import certificate

ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"


def kdig(server, ca, name, *arguments):
    host, port = server.rsplit(":", 1)
    command = ["kdig", f"@{host}", "-p", port, f"+tls-ca={ca}", f"+tls-hostname={name}", "+retry=0", f"+timeout={int(PATIENCE)}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE).stdout


@scene
def over_tls(stage):
    """kdig trusts the certificate, gets padded answers, a whole zone, and a renewed certificate at SIGHUP."""
    pem, key = certificate(stage, "dns.test")
    tls = stage.endpoint(stage.address())
    popnet = stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE), "transfer": {"to": ["127.0.0.0/8"]}}],
                          node={"dns_server": {"tls_listen": tls, "tls_certificate": pem, "tls_key": key}})
    said = kdig(tls, pem, "dns.test", "zone.test", "soa", "ns1.zone.test", "a")
    equal("two questions, two answers", said.count("status: NOERROR"), 2)
    check("over TLS", "TLS" in said, said)
    equal("padded to 468 bytes", said.count("Received 468 B"), 2)
    check("counted", popnet.counter("popnet_dns_queries_total", transport="tls") == 2)
    for kind, records in (("axfr", ["SOA", "NS", "A", "SOA"]), ("ixfr=1", ["SOA"])):
        said = kdig(tls, pem, "dns.test", "+tls", "+noall", "+answer", "zone.test", kind)
        equal(f"{kind} over TLS", [line.split()[3] for line in said.splitlines() if line and line[0] != ";"], records)
    certificate(stage, "renewed.test")
    check("the old one until the reload", "NOERROR" not in kdig(tls, pem, "renewed.test", "zone.test", "soa"))
    popnet.signal(signal.SIGHUP)
    until("the renewed certificate", lambda: "NOERROR" in kdig(tls, pem, "renewed.test", "zone.test", "soa"))
    stage.file("dns.pem", "no certificate")
    popnet.signal(signal.SIGHUP)
    until("a broken one is told", lambda: "the certificate before stays" in popnet.log())


@scene
def limits(stage):
    """One source cannot take all connections; who dribbles bytes is closed; others go on."""
    popnet = stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}],
                          dns={"tcp_connections_per_source": 10, "tcp_idle": "1s"})
    host, port = popnet.dns.rsplit(":", 1)
    held = [socket.create_connection((host, int(port)), PATIENCE, (host, 0)) for _ in range(30)]
    until("those over the limit are closed", lambda: popnet.counter("popnet_dns_tcp_refused_total") == 20)
    equal("others are served", run_dig(popnet.dns, "+tcp", "-b", "127.0.0.1", "zone.test", "soa").status, "NOERROR")
    for connection in held:
        try:
            connection.send(b"\0")  # a query that never gets whole
        except OSError:
            pass
    until("the rest, when idle", lambda: popnet.counter("popnet_dns_tcp_closed_total") >= 11)
    for connection in held:
        connection.close()


@scene
def queries_pass_a_transfer(stage):
    """A zone of some megabytes is on its way, and a query behind it on the same connection is answered before its end."""
    records = "".join(f"h{i} 300 IN TXT \"{'x' * 200}\"\n" for i in range(20_000))
    popnet = stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE + records),
                                  "transfer": {"to": ["127.0.0.0/8"]}}])
    host, port = popnet.dns.rsplit(":", 1)
    transfer, query, another = make_query("zone.test", "AXFR"), make_query("ns1.zone.test"), make_query("zone.test", "AXFR")
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        stream = client.makefile("rb")
        client.sendall(b"".join(len(message).to_bytes(2, "big") + message for message in (transfer, query, another)))
        ids = []
        while ids.count(another[:2]) == 0:
            message = stream.read(int.from_bytes(stream.read(2), "big"))
            ids.append(message[:2])
        of_transfer = [at for at, ident in enumerate(ids) if ident == transfer[:2]]
        check("a transfer of many messages", len(of_transfer) > 50, len(of_transfer))
        check(f"the query passed it: reply {ids.index(query[:2]) + 1} of {len(ids)}", ids.index(query[:2]) < 20)
        check("a second transfer waits for the first", of_transfer[-1] < ids.index(another[:2]))
        client.sendall(len(query).to_bytes(2, "big") + query)
        until("so it is in the second", lambda: stream.read(int.from_bytes(stream.read(2), "big"))[:2] == query[:2])


if __name__ == "__main__":
    run()
