#!/usr/bin/env python3
"""Zones go to secondaries: whole and by differences, signed, told of; Knot, NSD and BIND as secondaries, dig as a judge."""
import base64
import os
import re
import signal
import socket
import subprocess
import threading
import time

from play import check, equal, run, scene, site, until
from play_dig import run_dig
from play_dns import dig
from play_dns_servers import bind, bind_key, knot, knot_key, knot_peer, nsd, nsd_key, split
from play_http import PATIENCE

KEY, SECRET = "transfer.test", base64.b64encode(bytes(range(32))).decode()
ZONE = """$TTL 300
@        SOA ns1 hostmaster {serial} 3600 600 604800 60
@        NS  ns1
@        MX  10 Mail
ns1      A   127.0.0.1
mail     A   192.0.2.25
www      A   192.0.2.{serial}
*.wild   TXT "a wildcard"
a.b.deep TXT "deep" "er"
tree     DNAME deep
cut      NS  ns.cut
ns.cut   A   192.0.2.54
below.cut TXT "occluded, but of the zone"
caa      CAA 0 issue "ca.example.net"
odd      TYPE65400 \\# 3 010203
{more}
"""


def write(stage, serial, more=""):
    return stage.file("zone.test.zone", ZONE.format(serial=serial, more=more))


def primary(stage, sites=(), notify=(), algorithm="hmac-sha256", more="", key=KEY, **transfer):
    if key:
        transfer["key"] = key
    return stage.popnet(sites, dns={"tsig_keys": [{"name": KEY, "algorithm": algorithm, "secret": SECRET}]},
                        zones=[{"name": "zone.test", "file": write(stage, 1, more),
                                "transfer": {"notify": list(notify), **transfer}}])


def next_version(stage, popnet, serial, more=""):
    write(stage, serial, more)
    popnet.signal(signal.SIGHUP)
    until(f"version {serial}", lambda: soa(popnet.dns) == serial)


def soa(server):
    answer = run_dig(server, "zone.test", "soa").answer
    return int(answer[0].split()[6]) if answer else None


def fetch(server, kind="axfr", key=f"hmac-sha256:{KEY}:{SECRET}", *options):
    """Lines of records as dig prints them, or the words it has for a refusal."""
    host, port = server.rsplit(":", 1)
    command = ["dig", f"@{host}", "-p", port, *(["-y", key] if key else []), "+tcp", "+tries=1", f"+time={int(PATIENCE)}",
               *options, "zone.test", kind]
    text = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE).stdout
    records = [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";") and "TSIG" not in line]
    return records, text


def asked_for(popnet):
    """Transfers in the log: "IXFR … from 1" is one by differences."""
    return re.findall(r"([AI]XFR) of zone\.test\. to \S+ \(serial (\d+)\)(, from \d+)?", popnet.log())


@scene
def whole_zones_go_to_who_signs(stage):
    """AXFR has every record of the file, between two SOAs; without the key, or with a wrong one, nothing."""
    popnet = primary(stage)
    records, text = fetch(popnet.dns)
    equal("first and last", (records[0].split()[3], records[-1]), ("SOA", records[0]))
    equal("each once, and all", len(set(records)), len(records) - 1)
    names = sorted(f"{line.split()[0]} {line.split()[3]}" for line in records[:-1])
    equal("what there is", names, sorted([
        "zone.test. SOA", "zone.test. NS", "zone.test. MX", "ns1.zone.test. A", "mail.zone.test. A", "www.zone.test. A",
        "*.wild.zone.test. TXT", "a.b.deep.zone.test. TXT", "tree.zone.test. DNAME", "cut.zone.test. NS", "ns.cut.zone.test. A",
        "below.cut.zone.test. TXT", "caa.zone.test. CAA", "odd.zone.test. TYPE65400"]))
    check("dig believes the signature", "WARNING" not in text and "Couldn't verify" not in text, text)
    equal("no key", fetch(popnet.dns, key=None)[0], [])
    wrong = base64.b64encode(bytes(32)).decode()
    check("a wrong secret", "BADSIG" in fetch(popnet.dns, key=f"hmac-sha256:{KEY}:{wrong}")[1])
    check("a wrong key", "BADKEY" in fetch(popnet.dns, key=f"hmac-sha256:other.test:{SECRET}")[1])
    check("a wrong algorithm", "BADKEY" in fetch(popnet.dns, key=f"hmac-sha512:{KEY}:{SECRET}")[1])
    signed = run_dig(popnet.dns, "-y", f"hmac-sha256:{KEY}:{SECRET}", "www.zone.test")
    check("a signed question has a signed answer", signed.answer and "TSIG" in signed.text and not signed.warnings, signed.text)


@scene
def addresses_are_enough_without_a_key(stage):
    """Who is in `to` needs no key, unless there is one; others are refused."""
    popnet = primary(stage, key=None, to=["127.0.0.0/8"])
    check("from there", len(fetch(popnet.dns, key=None)[0]) > 10)
    other = primary(stage, key=None, to=["192.0.2.0/24"])
    equal("from elsewhere", fetch(other.dns, key=None)[0], [])
    both = primary(stage, to=["192.0.2.0/24"], algorithm="hmac-sha512")
    equal("with a key, but from elsewhere", fetch(both.dns, key=f"hmac-sha512:{KEY}:{SECRET}")[0], [])


@scene
def large_zones_take_many_messages(stage):
    """A zone of many messages, each signed, arrives whole, with either algorithm."""
    more = "\n".join(f"h{i} TXT \"{i:0100}\"" for i in range(20000))
    for algorithm in ("hmac-sha256", "hmac-sha512"):
        popnet = primary(stage, algorithm=algorithm, more=more)
        records, text = fetch(popnet.dns, key=f"{algorithm}:{KEY}:{SECRET}")
        equal("records", len(records), 20000 + 15)
        check("in many messages", int(re.search(r"messages (\d+)", text).group(1)) > 100, text[-300:])
        check("dig believes all of them", "Couldn't verify" not in text and "WARNING" not in text)


@scene
def differences_go_to_who_has_a_version(stage):
    """IXFR sends what changed since a version that is remembered, one SOA to who has the newest, else the whole zone."""
    popnet = primary(stage)
    next_version(stage, popnet, 2, "new A 192.0.2.77")
    next_version(stage, popnet, 3)
    records, _ = fetch(popnet.dns, "ixfr=1")
    kinds = [f"{line.split()[3]} {line.split()[6]}" if " SOA " in line else f"{line.split()[0].split('.')[0]} {line.split()[-1]}"
             for line in records]
    equal("differences", kinds, ["SOA 3", "SOA 1", "www 192.0.2.1", "SOA 2", "new 192.0.2.77", "www 192.0.2.2",
                                 "SOA 2", "new 192.0.2.77", "www 192.0.2.2", "SOA 3", "www 192.0.2.3", "SOA 3"])
    equal("nothing new", len(fetch(popnet.dns, "ixfr=3")[0]), 1)
    equal("an unknown version gets the zone", len(fetch(popnet.dns, "ixfr=4294967290")[0]), 15)
    over_udp = dig(popnet.dns, "zone.test", "IXFR")
    equal("over UDP, the present SOA alone", ([kind for _, kind, _, _ in over_udp.answers], over_udp.authoritative), (["SOA"], True))
    equal("below the zone's name nothing", dig(popnet.dns, "www.zone.test", "IXFR").rcode, "NOTAUTH")


@scene
def decided_names_go_along(stage):
    """A decided name is in the copy with its addresses of that moment, or left out."""
    origin = stage.origin(lambda asked: asked.answer(200, {}, "x"))
    shop = site("shop", [origin])
    shop["hostnames"] = [{"name": "shop.zone.test", "resolve": "origin", "ttl": "20s"}]
    popnet = primary(stage, [shop])
    records = [line for line in fetch(popnet.dns)[0] if line.startswith("shop.")]
    equal("with its answer", records, [f"shop.zone.test. 20 IN A {origin.address.rsplit(':', 1)[0]}"])
    without = stage.popnet([shop], name="without", dns=popnet.config["dns"],
                           zones=[{**popnet.config["zones"][0], "transfer": {"key": KEY, "decided": "omit"}}])
    equal("left out", [line for line in fetch(without.dns)[0] if line.startswith("shop.")], [])


@scene
def notify_is_repeated(stage):
    """Who does not answer NOTIFY is told again, after longer and longer pauses; who answers is told once, and of the next version."""
    silent, polite = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    heard = {silent: [], polite: []}
    for listener in heard:
        listener.bind((stage.address(), 0))
    ended = threading.Event()

    def listen(listener):
        """From before popnet starts, or it has said it again before it is heard."""
        listener.settimeout(0.1)
        while not ended.is_set():
            try:
                message, sender = listener.recvfrom(2000)
            except TimeoutError:
                continue
            heard[listener].append((time.monotonic(), message))
            if listener is polite:
                listener.sendto(message[:2] + b"\xa4\0" + message[4:], sender)

    threads = [threading.Thread(target=listen, args=(listener,)) for listener in heard]
    for thread in threads:
        thread.start()
    try:
        popnet = primary(stage, key=None, to=["127.0.0.0/8"], notify=["%s:%d" % listener.getsockname() for listener in heard])
        until("who is silent is told three times", lambda: len(heard[silent]) >= 3)
        times = [when for when, _ in heard[silent]]
        check("after longer pauses", times[2] - times[1] > times[1] - times[0] > 0.5, times)
        equal("who has answered is told once", len(heard[polite]), 1)
        next_version(stage, popnet, 2)
        until("and of the next version", lambda: len(heard[polite]) == 2)
        for _, message in heard[silent] + heard[polite]:
            equal("NOTIFY, of the zone", (message[2] >> 3 & 15, message[12:23]), (4, b"\4zone\4test\0"))
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    for listener in heard:
        listener.close()


def knots(stage, popnet, endpoint):
    return knot(stage, endpoint, knot_key(KEY, SECRET) + knot_peer(popnet, "notify", KEY) + """
zone:
  - domain: zone.test
    master: popnet
    acl: popnet
    storage: {base}
""")


def nsds(stage, popnet, endpoint):
    return nsd(stage, endpoint, nsd_key(KEY, SECRET) + f"""
zone:
  name: zone.test
  allow-notify: 127.0.0.0/8 {KEY}
  request-xfr: {popnet.replace(":", "@")} {KEY}
""")


def binds(stage, popnet, endpoint):
    host, port = split(popnet)
    return bind(stage, endpoint, bind_key(KEY, SECRET) + f"""
zone "zone.test" {{ type secondary; file "zone"; primaries {{ {host} port {port} key "{KEY}"; }};
                    allow-notify {{ key "{KEY}"; }}; }};
""")


def follows(stage, start, address=None):
    """A secondary fetches the zone, is told of a change and takes the difference."""
    endpoint = stage.endpoint(address)
    popnet = primary(stage, notify=[endpoint])
    start(stage, popnet.dns, endpoint)
    until("it has the zone", lambda: soa_or_none(endpoint) == 1)
    equal("as it is", run_dig(endpoint, "a.b.deep.zone.test", "txt").answer, ['a.b.deep.zone.test. 300 IN TXT "deep" "er"'])
    equal("odd types too", run_dig(endpoint, "odd.zone.test", "type65400").answer[0].split()[-1], "010203")
    next_version(stage, popnet, 2, "new A 192.0.2.77")
    until("it has been told, and has the change", lambda: soa_or_none(endpoint) == 2)
    equal("what is new", run_dig(endpoint, "new.zone.test").answer, ["new.zone.test. 300 IN A 192.0.2.77"])
    equal("what has changed", run_dig(endpoint, "www.zone.test").answer, ["www.zone.test. 300 IN A 192.0.2.2"])
    check("by the difference", ("IXFR", "2", ", from 1") in asked_for(popnet), str(asked_for(popnet)))
    check("NOTIFY was heard", "does not answer NOTIFY" not in popnet.log())


def soa_or_none(server):
    from play_http import Failure
    try:
        return soa(server)
    except Failure:
        return None


@scene
def knot_follows(stage):
    """Knot as a secondary."""
    follows(stage, knots)


@scene
def nsd_follows(stage):
    """NSD as a secondary."""
    follows(stage, nsds)


@scene
def bind_follows(stage):
    """BIND as a secondary; it listens at addresses of interfaces only."""
    follows(stage, binds, "127.0.0.1")


if __name__ == "__main__":
    run()
