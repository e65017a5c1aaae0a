#!/usr/bin/env python3
"""popnet as a secondary of hidden primaries: Knot, NSD, BIND and popnet; their death, bad zones, signing, decided names."""
import base64
import re
import signal
import time

from play import check, equal, run, scene, site, until
from play_dig import run_dig
from play_dns_servers import bind, bind_key, knot, knot_key, knot_peer, nsd, nsd_key, split
from play_http import Failure

KEY, SECRET = "transfer.test", base64.b64encode(bytes(range(32))).decode()
TSIG = {"tsig_keys": [{"name": KEY, "secret": SECRET}]}
ZONE = """$TTL 300
@        SOA ns1 hostmaster {serial} {refresh} 1 {expire} 60
@        NS  ns1
@        MX  10 Mail
ns1      A   127.0.0.1
mail     A   192.0.2.25
www      A   192.0.2.{serial}
shop     A   192.0.2.99
*.wild   TXT "a wildcard"
a.b.deep TXT "deep" "er"
tree     DNAME deep
cut      NS  ns.cut
ns.cut   A   192.0.2.54
caa      CAA 0 issue "ca.example.net"
https    HTTPS 1 . alpn=h2 ipv4hint=192.0.2.80
odd      TYPE65400 \\# 3 010203
{more}
"""


def write(stage, serial, more="", refresh=3600, expire=604800):
    return stage.file("zone.test.zone", ZONE.format(serial=serial, more=more, refresh=refresh, expire=expire))


def secondary(stage, *primaries, sites=(), key=KEY, dnssec=None, name="secondary", address=None, **more):
    endpoint = stage.endpoint(address)
    zone = {"name": "zone.test", "secondary": {"primaries": list(primaries), "key": key, "notify_from": ["127.0.0.0/8"]}, **more}
    if dnssec:
        zone["dnssec"] = dnssec
    return stage.popnet(sites, name=name, dns=TSIG, zones=[zone],
                        node={"state_dir": f"{stage.folder}/{name}", "dns_listen": endpoint})


def primary(stage, serial=1, notify=(), more="", name="primary", **times):
    return stage.popnet(name=name, dns=TSIG, zones=[{"name": "zone.test", "file": write(stage, serial, more, **times),
                                                     "transfer": {"key": KEY, "notify": list(notify)}}])


def serial_at(server):
    try:
        answer = run_dig(server, "zone.test", "soa").answer
    except Failure:
        return None
    return int(answer[0].split()[6]) if answer else None


def status(server, name="www.zone.test"):
    return run_dig(server, name).status


def has(popnet, serial):
    until(f"version {serial} is there", lambda: serial_at(popnet.dns) == serial)


def knots(stage, endpoint, told):
    return knot(stage, endpoint, knot_key(KEY, SECRET) + knot_peer(told, "transfer", KEY) + f"""
zone:
  - domain: zone.test
    notify: popnet
    acl: popnet
    file: {stage.folder}/zone.test.zone
    journal-content: changes
    zonefile-load: difference
    zonefile-sync: -1
""")


def nsds(stage, endpoint, told):
    return nsd(stage, endpoint, nsd_key(KEY, SECRET) + f"""
zone:
  name: zone.test
  zonefile: {stage.folder}/zone.test.zone
  provide-xfr: 127.0.0.0/8 {KEY}
  notify: {told.replace(":", "@")} {KEY}
  store-ixfr: yes
  create-ixfr: yes
""")


def binds(stage, endpoint, told):
    host, port = split(told)
    return bind(stage, endpoint, bind_key(KEY, SECRET) + f"""
zone "zone.test" {{ type primary; file "{stage.folder}/zone.test.zone"; journal "{stage.folder}/bind/journal"; check-integrity no;
                    allow-transfer {{ key "{KEY}"; }}; also-notify {{ {host} port {port} key "{KEY}"; }}; }};
""", "ixfr-from-differences yes; notify explicit; notify-delay 0; startup-notify-rate 100;")


def follows(stage, start, address=None, incremental=True):
    """The zone comes, whole and as it is; a NOTIFY brings the next version, by the difference."""
    endpoint = stage.endpoint(address)
    write(stage, 1)
    popnet = secondary(stage, endpoint)
    equal("without a version", status(popnet.dns), "SERVFAIL")
    server = start(stage, endpoint, popnet.dns)
    has(popnet, 1)
    for name, kind in (("", "mx"), ("www", "a"), ("x.wild", "txt"), ("a.b.deep", "txt"), ("caa", "caa"), ("https", "https"),
                       ("odd", "type65400"), ("a.b.tree", "txt"), ("cut", "ns"), ("nowhere", "a")):
        ask = lambda dns: run_dig(dns, "+norec", f"{name}.zone.test".lstrip("."), kind)
        ours, theirs = ask(popnet.dns), ask(endpoint)
        equal(f"{name} {kind}", (ours.status, sorted(ours.answer)), (theirs.status, sorted(theirs.answer)))
    write(stage, 2, "new A 192.0.2.77")
    server.process.signal(signal.SIGHUP)
    has(popnet, 2)
    equal("what is new", run_dig(popnet.dns, "new.zone.test").answer, ["new.zone.test. 300 IN A 192.0.2.77"])
    equal("what has changed", run_dig(popnet.dns, "www.zone.test").answer, ["www.zone.test. 300 IN A 192.0.2.2"])
    if incremental:
        until("by the difference", lambda: re.search(r"version 2 is in force \(IXFR from", popnet.log()))


@scene
def knot_is_followed(stage):
    """Knot as the primary."""
    follows(stage, knots)


@scene
def nsd_is_followed(stage):
    """NSD as the primary."""
    follows(stage, nsds, incremental=False)


@scene
def bind_is_followed(stage):
    """BIND as the primary; it listens at addresses of interfaces only."""
    follows(stage, binds, "127.0.0.1")


@scene
def the_copy_outlives_its_primary(stage):
    """A restart serves what was there while the primary is down; after EXPIRE it is served no more; a primary brings it back."""
    first = primary(stage, refresh=1, expire=6)
    popnet = secondary(stage, first.dns)
    has(popnet, 1)
    first.stop()
    popnet.stop()
    again = secondary(stage, first.dns)
    equal("from the copy, at once", serial_at(again.dns), 1)
    check("its age", 0 <= again.values("popnet_dns_fetched_zone_age_seconds", zone="zone.test.")[0] <= 6)
    until("it has expired", lambda: status(again.dns) == "SERVFAIL")
    equal("which is counted", again.values("popnet_dns_fetched_zones", state="expired"), [1])
    check("as the log says", "it has expired" in again.log())
    zone = {"name": "zone.test", "file": write(stage, 1, refresh=1, expire=6), "transfer": {"key": KEY}}
    stage.popnet(name="back", dns=TSIG, zones=[zone], node={"dns_listen": first.dns})
    has(again, 1)


@scene
def an_older_version_is_better_than_none(stage):
    """A primary that comes back with an older version, from a backup, is not believed as long as ours is good, but when that has expired."""
    first = primary(stage, 5, refresh=1, expire=6)
    popnet = secondary(stage, first.dns)
    has(popnet, 5)
    first.stop()
    zone = {"name": "zone.test", "file": write(stage, 3, refresh=1), "transfer": {"key": KEY}}
    stage.popnet(name="back", dns=TSIG, zones=[zone], node={"dns_listen": first.dns})
    until("it is looked at", lambda: "has version 3, which is older than ours, 5" in popnet.log())
    equal("ours stays", serial_at(popnet.dns), 5)
    has(popnet, 3)


@scene
def refresh_and_notify_bring_changes(stage):
    """REFRESH looks for a new version by itself; a NOTIFY from elsewhere, unsigned or for another zone counts for nothing."""
    first = primary(stage, refresh=1)
    popnet = secondary(stage, first.dns)
    has(popnet, 1)
    write(stage, 2, refresh=3600)
    first.signal(signal.SIGHUP)
    has(popnet, 2)
    notify = lambda zone, *options: run_dig(popnet.dns, "+opcode=notify", "+norec", *options, zone, "soa").status
    signed = ("-y", f"hmac-sha256:{KEY}:{SECRET}")
    equal("unsigned", notify("zone.test"), "REFUSED")
    equal("for another zone", notify("other.test", *signed), "NOTAUTH")
    write(stage, 3, refresh=3600)
    first.signal(signal.SIGHUP)
    has(first, 3)
    equal("signed", notify("zone.test", *signed), "NOERROR")
    has(popnet, 3)


@scene
def a_bad_version_is_refused(stage):
    """A version with an error is refused with the reason, the one before stays, and the next good one is taken."""
    first = primary(stage, refresh=1)
    shop = site("shop", [stage.origin(lambda asked: asked.answer(200, {}, "x"))])
    shop["hostnames"] = [{"name": "below.away.zone.test", "resolve": "origin"}]
    popnet = secondary(stage, first.dns, sites=[shop])
    has(popnet, 1)
    equal("before", (popnet.values("popnet_dns_fetched_zone_serial"), popnet.values("popnet_dns_fetched_zone_failing")), ([1], []))
    write(stage, 2, "away NS ns.example.net.", refresh=1)
    first.signal(signal.SIGHUP)
    until("it is refused", lambda: re.search(r"version 2 \(.*\) is refused, the one before stays: .*lies below a delegation",
                                             popnet.log()))
    equal("the one before", serial_at(popnet.dns), 1)
    equal("answers", status(popnet.dns, "below.away.zone.test"), "NOERROR")
    failing = next(line for line in popnet.api("GET", "/metrics").body.decode().splitlines() if "zone_failing{" in line)
    check("in the metrics", "version 2 is refused: " in failing and 'zone="zone.test."' in failing, failing)
    equal("which count it", popnet.values("popnet_dns_fetched_zones", state="failing"), [1])
    write(stage, 3, refresh=1)
    first.signal(signal.SIGHUP)
    has(popnet, 3)


@scene
def the_second_primary_helps(stage):
    """When the first primary is silent or refuses, the next one is asked."""
    nobody = stage.endpoint()
    first = primary(stage)
    popnet = secondary(stage, nobody, first.dns)
    has(popnet, 1)
    wrong = stage.popnet(name="wrong", dns=TSIG, zones=[{"name": "zone.test", "secondary": {"primaries": [first.dns]}}])
    until("without the key nothing comes", lambda: "answers the AXFR with REFUSED" in wrong.log())
    equal("and nothing is served", status(wrong.dns), "SERVFAIL")


@scene
def decided_and_signed_here(stage):
    """A decided name takes the place of the primary's addresses; popnet signs what it got, and hands it on to others."""
    first = primary(stage, more="alias CNAME shop", refresh=1)
    origin = stage.origin(lambda asked: asked.answer(200, {}, "x"))
    shop = site("shop", [origin])
    shop["hostnames"] = [{"name": "shop.zone.test", "resolve": "origin", "ttl": "20s"}]
    popnet = secondary(stage, first.dns, sites=[shop], dnssec={"enabled": True})
    has(popnet, 1)
    host = origin.address.rsplit(":", 1)[0]
    equal("decided", [line.split()[-1] for line in run_dig(popnet.dns, "alias.zone.test").answer], ["shop.zone.test.", host])
    signed = run_dig(popnet.dns, "+dnssec", "www.zone.test")
    check("signed", any(" RRSIG A 13 " in line for line in signed.answer), signed.text)
    write(stage, 2, "alias CNAME shop")
    first.signal(signal.SIGHUP)
    until("the next version", lambda: run_dig(popnet.dns, "+short", "www.zone.test").text.strip() == "192.0.2.2")
    check("signed, too", any(" RRSIG A 13 " in line for line in run_dig(popnet.dns, "+dnssec", "www.zone.test").answer))


@scene
def copies_are_handed_on(stage):
    """A secondary is a primary to the next one, and tells it of new versions."""
    endpoint = stage.endpoint()
    first = primary(stage, refresh=1)
    middle = secondary(stage, first.dns, name="middle", transfer={"key": KEY, "notify": [endpoint]})
    last = stage.popnet(name="last", dns=TSIG, node={"state_dir": f"{stage.folder}/last", "dns_listen": endpoint},
                        zones=[{"name": "zone.test", "secondary": {"primaries": [middle.dns], "key": KEY,
                                                                   "notify_from": ["127.0.0.0/8"]}}])
    has(last, 1)
    write(stage, 2, "new A 192.0.2.77", refresh=3600)
    first.signal(signal.SIGHUP)
    has(last, 2)
    until("by the difference", lambda: "version 2 is in force (IXFR from" in last.log())


def expire_at(server):
    """What it says of the zone's age (RFC 7314), as dig asks."""
    told = re.search(r"; EXPIRE: (\d+)", run_dig(server, "+expire", "zone.test", "soa").text)
    return int(told[1]) if told else None


@scene
def expiry_does_not_add_up(stage):
    """Behind a primary that dies: two secondaries that name each other, Knot, and one behind Knot, all expire as if they had asked it."""
    first = primary(stage, refresh=1, expire=8)
    equal("of the primary", expire_at(first.dns), 8)
    equal("unasked", run_dig(first.dns, "zone.test", "soa").text.count("EXPIRE"), 0)
    at, told = stage.endpoint(), stage.endpoint()
    pair = [stage.popnet(name=name, dns=TSIG, node={"state_dir": f"{stage.folder}/{name}", "dns_listen": own},
                         zones=[{"name": "zone.test", "transfer": {"key": KEY}, "secondary": {"primaries": primaries, "key": KEY}}])
            for name, own, primaries in (("one", at, [first.dns, told]), ("two", told, [at]))]
    endpoint = stage.endpoint()
    middle = knot(stage, endpoint, knot_key(KEY, SECRET) + knot_peer(first.dns, "transfer", KEY) + f"""
acl:
  - id: anybody
    address: 127.0.0.0/8
    key: {KEY}
    action: transfer
zone:
  - domain: zone.test
    master: popnet
    acl: anybody
    storage: {{base}}
""")
    until("Knot has it", lambda: serial_at(endpoint) == 1)
    behind = secondary(stage, endpoint, name="behind")
    for popnet in (*pair, behind):
        has(popnet, 1)
    check("what is left is told", all(0 < expire_at(server) <= 8 for server in (at, told, endpoint, behind.dns)))
    first.stop()
    died = time.monotonic()
    until("all have expired", lambda: all(status(popnet.dns) == "SERVFAIL" for popnet in (*pair, behind)), 30)
    passed = time.monotonic() - died
    check("in their time", 4 < passed < 13, passed)
    check("Knot runs", middle.process.alive())


@scene
def a_catalog_names_zones(stage):
    """Zones come and go as Knot's catalog says; the catalog itself is not answered for."""
    endpoint, told = stage.endpoint(), stage.endpoint()
    host, port = split(told)

    def sections(*zones):
        text = ZONE.format(serial=1, more="", refresh=3600, expire=604800)
        members = "".join(f"""
  - domain: {zone}
    file: {stage.file(zone, text)}
    catalog-role: member
    catalog-zone: catalog.test
    acl: fetch
    notify: popnet""" for zone in zones)
        return knot_key(KEY, SECRET) + f"""
remote:
  - id: popnet
    address: {host}@{port}
    key: {KEY}
acl:
  - id: fetch
    address: 127.0.0.0/8
    key: {KEY}
    action: transfer
zone:
  - domain: catalog.test
    catalog-role: generate
    acl: fetch
    notify: popnet{members}
"""

    server = knot(stage, endpoint, sections("one.test", "two.test"))
    popnet = stage.popnet(dns=TSIG, node={"state_dir": f"{stage.folder}/state", "dns_listen": told},
                          zones=[{"name": "catalog.test", "secondary": {"primaries": [endpoint], "key": KEY, "catalog": True,
                                                                        "notify_from": ["127.0.0.0/8"]}}])
    answers = lambda: tuple(status(popnet.dns, f"www.{name}.test") for name in ("one", "two", "three"))
    until("both are served", lambda: answers() == ("NOERROR", "NOERROR", "REFUSED"))
    equal("not the catalog", status(popnet.dns, "version.catalog.test"), "REFUSED")
    server.configure(sections("two.test", "three.test"))
    server.process.signal(signal.SIGHUP)
    until("as the new catalog says", lambda: answers() == ("REFUSED", "NOERROR", "NOERROR"))
    popnet.stop()
    server.stop()
    again = stage.popnet(name="again", dns=TSIG, node={"state_dir": f"{stage.folder}/state", "dns_listen": told},
                         zones=popnet.config["zones"])
    equal("from the copies", status(again.dns, "www.three.test"), "NOERROR")


@scene
def servers_know_each_other_by_where_they_listen(stage):
    """Without notify_from and keys: NOTIFY and the questions for the zone come from the only address of dns_listen."""
    endpoint = stage.endpoint()
    host = endpoint.rsplit(":", 1)[0]
    first = stage.popnet(name="first", zones=[{"name": "zone.test", "file": write(stage, 1),
                                               "transfer": {"to": [host], "notify": [endpoint]}}])
    second = stage.popnet(name="second", node={"state_dir": f"{stage.folder}/second", "dns_listen": endpoint},
                          zones=[{"name": "zone.test", "secondary": {"primaries": [first.dns]}}])
    has(second, 1)
    write(stage, 2)
    first.signal(signal.SIGHUP)
    has(second, 2)


if __name__ == "__main__":
    run()
