#!/usr/bin/env python3
"""Zones that come signed by somebody else, from a file or a primary, as validators see them: unbound and delv."""
import re
import signal

from play import check, equal, run, scene, site, until
from play_dig import run_dig
from play_dns_servers import knot, knot_peer
from play_sign import SIGNED, keys_of, sign, sign_by_ldns
from play_validators import ask_delv
from play_zone import ORIGIN, Zone

ZONE = """$TTL 300
@        3600 IN SOA ns1 hostmaster {serial} 3600 600 604800 60
@        IN NS  ns1
@        IN MX  10 Mail
ns1      IN A   127.0.0.1
mail     IN A   192.0.2.25
www      IN A   192.0.2.{serial}
www      IN AAAA 2001:db8::80
alias    IN CNAME www
chain    IN CNAME x.awild
*.awild  IN CNAME y.wild
*.wild   IN A   192.0.2.99
*.wild   IN TXT "a wildcard"
exact.wild IN TXT "beside it"
a.b.deep IN TXT "deep"
tree     IN DNAME deep
signed   IN NS  ns.signed
signed   IN DS  12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.signed IN A  192.0.2.54
plain    IN NS  ns.plain
ns.plain IN A   192.0.2.55
a.bb.plain2 IN NS ns1
{more}
"""
POSITIVE = [("www", "A"), ("www", "AAAA"), ("alias", "A"), ("x.wild", "A"), ("y.z.wild", "TXT"), ("chain", "A"), ("chain", "TXT"),
            ("*.wild", "A"), ("a.b.deep", "TXT"), ("a.b.tree", "TXT"), ("signed", "DS"), ("", "MX"), ("", "SOA"), ("", "NS"), ("", "DNSKEY")]
NEGATIVE = [("www", "TXT"), ("deep", "A"), ("b.deep", "A"), ("nowhere", "A"), ("a.www", "A"), ("x.wild", "AAAA"), ("chain", "MX"),
            ("exact.wild", "A"), ("x.exact.wild", "A"), ("zz.yy.xx", "A"), ("0", "A"), ("zzzz", "A"), ("*.wild", "AAAA"),
            ("nowhere.tree", "A")]
UNSIGNED = [("plain", "DS"), ("a.bb.plain2", "DS"), ("bb.plain2", "A"), ("plain2", "A"), ("nowhere2.bb.plain2", "A")]


def full(name):
    return f"{name}.zone.test" if name else "zone.test"


def validating(stage, popnet, anchors, zone="zone.test"):
    lines = "".join(f'  trust-anchor: "{anchor}"\n' for anchor in anchors)
    return stage.unbound({zone: [popnet.dns]}, options=f'module-config: "validator iterator"\n{lines}  val-log-level: 2\n')


def secure(dug):
    return "ad" in dug.flags and dug.status in ("NOERROR", "NXDOMAIN")


def all_is_secure(what, resolver, opt_out=False):
    """With opt-out, what is not there may be there unsigned (RFC 5155 section 9.2): no proof sets AD then."""
    ask = lambda name, kind: run_dig(resolver.address, "+rec", "+dnssec", full(name), kind)
    for name, kind in POSITIVE:
        dug = ask(name, kind)
        check(f"{what}: {name} {kind}", dug.status == "NOERROR" and dug.answer and (secure(dug) or opt_out), dug.text)
    for name, kind in NEGATIVE:
        dug = ask(name, kind)
        check(f"{what}: no {name} {kind}", dug.status in ("NOERROR", "NXDOMAIN") and (secure(dug) or opt_out), dug.text)
    for name, kind in UNSIGNED:
        dug = ask(name, kind)
        check(f"{what}: {name} {kind}", dug.status in ("NOERROR", "NXDOMAIN") and (secure(dug) or opt_out), dug.text)


def delv_agrees(stage, what, popnet, keys):
    anchors = "".join('"zone.test." static-key %s %s %s "%s"; ' % (*key.split()[-4:-1], key.split()[-1]) for key in keys)
    anchor = stage.file("anchor", f"trust-anchors {{ {anchors} }};\n")
    for name, kind in POSITIVE + NEGATIVE:
        said = ask_delv(popnet.dns, anchor, "zone.test", full(name), kind)
        check(f"{what}, delv: {name} {kind}", "fully validated" in said, said)


@scene
def files_that_are_signed(stage):
    """Signed by ldns-signzone, by NSEC and NSEC3, with opt-out, rounds and salt: unbound and delv believe every answer."""
    for what, options in {"nsec": [], "nsec3": ["-n"], "nsec3 opt-out": ["-n", "-p"],
                          "nsec3 salted": ["-n", "-t", "5", "-s", "ab12"]}.items():
        name = what.replace(" ", "-")
        text = f"$ORIGIN zone.test.\n{ZONE.format(serial=1, more='')}"
        signed = sign_by_ldns(stage.file(f"{name}.zone", text), "zone.test", options)
        popnet = stage.popnet(name=name, zones=[{"name": "zone.test", "file": signed}])
        resolver = validating(stage, popnet, keys_of(signed[:-len(".signed")]))
        all_is_secure(what, resolver, opt_out="opt-out" in what)
        if what in ("nsec", "nsec3"):
            delv_agrees(stage, what, popnet, keys_of(signed[:-len(".signed")]))
        resolver.stop()
        popnet.stop()


@scene
def random_zones_are_never_bogus(stage):
    """A validator finds nothing wrong with answers of random signed zones."""
    for seed, what in (11, "nsec"), (14, "nsec3 salted"):
        name, zone, options = what.replace(" ", "-"), Zone(seed), SIGNED[what]
        signed = sign(stage.file(f"{name}.zone", zone.text()), ORIGIN, options)
        popnet = stage.popnet(name=name, zones=[{"name": ORIGIN, "file": signed}])
        resolver = validating(stage, popnet, keys_of(signed[:-len(".signed")]), ORIGIN)
        for asked, kind in list(zone.questions())[::3]:
            dug = run_dig(resolver.address, "+rec", "+dnssec", asked, kind)
            said = [line for line in resolver.process.log().splitlines()  # delegations here lead to servers that are not there
                    if "validation failure" in line and "while building chain of trust" not in line]
            check(f"{what}: {asked} {kind}", not said, f"{said}\n{dug.text}")
        resolver.stop()
        popnet.stop()


def knot_signs(stage, endpoint, told, nsec3):
    return knot(stage, endpoint, knot_peer(told, "transfer") + f"""
policy:
  - id: signed
    algorithm: ecdsap256sha256
    nsec3: {'on' if nsec3 else 'off'}
    nsec3-iterations: 0
    nsec3-salt-length: 0
zone:
  - domain: zone.test
    notify: popnet
    acl: popnet
    file: {stage.folder}/zone.test.zone
    journal-content: all
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    serial-policy: increment
    dnssec-signing: on
    dnssec-policy: signed
""", name=f"knot-{nsec3}")


@scene
def a_primary_signs(stage):
    """Knot signs and sends: whole, then by differences; the copy outlives a restart; a third server gets it from popnet."""
    for nsec3 in (False, True):
        what = "nsec3" if nsec3 else "nsec"
        endpoint = stage.endpoint()
        stage.file("zone.test.zone", ZONE.format(serial=1, more=""))
        node = {"state_dir": f"{stage.folder}/state-{what}", "dns_listen": stage.endpoint()}
        zones = [{"name": "zone.test", "secondary": {"primaries": [endpoint], "notify_from": ["127.0.0.0/8"]},
                  "transfer": {"to": ["127.0.0.0/8"]}}]
        popnet = stage.popnet(name=what, zones=zones, node=node)
        server = stage.wait_for(knot_signs(stage, endpoint, popnet.dns, nsec3))
        answer = lambda dns, name="www", kind="a": run_dig(dns, full(name), kind).answer
        until("it is there", lambda: answer(popnet.dns))
        keys = [line for line in run_dig(endpoint, "+short", "zone.test", "dnskey").text.splitlines() if re.match(r"25[67] 3 13 ", line)]
        anchors = [f"zone.test. DNSKEY {key}" for key in keys]
        resolver = validating(stage, popnet, anchors)
        all_is_secure(what, resolver)
        resolver.stop()
        stage.file("zone.test.zone", ZONE.format(serial=2, more='new IN A 192.0.2.77\n*.new IN TXT "x"'))
        server.process.signal(signal.SIGHUP)
        until("the change", lambda: answer(popnet.dns) == ["www.zone.test. 300 IN A 192.0.2.2"])
        until("by the difference", lambda: re.search(r"in force \(IXFR from", popnet.log()))  # said when it has been put in force
        equal("what is new", answer(popnet.dns, "x.new", "txt"), ['x.new.zone.test. 300 IN TXT "x"'])
        resolver = validating(stage, popnet, anchors)
        all_is_secure(f"{what}, after the difference", resolver)
        server.stop()
        popnet.stop()
        again = stage.popnet(name=f"{what}-again", zones=zones, node=node)
        equal("from the copy", answer(again.dns), ["www.zone.test. 300 IN A 192.0.2.2"])
        next_one = stage.popnet(name=f"{what}-next", zones=[{"name": "zone.test", "secondary": {"primaries": [again.dns]}}])
        until("handed on", lambda: answer(next_one.dns))
        for name, kind in POSITIVE + NEGATIVE + UNSIGNED:
            ours, theirs = (run_dig(dns, "+dnssec", full(name), kind) for dns in (again.dns, next_one.dns))
            equal(f"{name} {kind}", (theirs.status, sorted(theirs.answer), sorted(theirs.authority)),
                  (ours.status, sorted(ours.answer), sorted(ours.authority)))
        resolver.stop()
        again.stop()


@scene
def without_do_nothing_is_added(stage):
    """Who does not ask for DNSSEC gets what he always got; who asks for signatures or denials by type gets these."""
    signed = sign(stage.file("zone", f"$ORIGIN zone.test.\n{ZONE.format(serial=1, more='')}"), "zone.test")
    dns = stage.popnet(zones=[{"name": "zone.test", "file": signed}]).dns
    plain = run_dig(dns, "nowhere.zone.test")
    equal("no such name", (plain.status, len(plain.authority)), ("NXDOMAIN", 1))
    check("no signatures", "RRSIG" not in run_dig(dns, "www.zone.test").text)
    equal("a referral", len(run_dig(dns, "x.plain.zone.test").authority), 1)
    check("signatures by type", " RRSIG A 13 " in run_dig(dns, "www.zone.test", "rrsig").answer[0])
    check("NSEC by type", " NSEC " in run_dig(dns, "www.zone.test", "nsec").answer[0])


@scene
def what_cannot_be_served(stage):
    """A hostname that is decided in such a zone, too many rounds, no denials: refused, with place and reason."""
    def refused(name, text, options=(), sites=(), drop=None, sign=sign):
        signed = sign(stage.file(name, f"$ORIGIN zone.test.\n{text}"), "zone.test", options)
        if drop:
            with open(signed, encoding="utf-8") as file:
                kept = [line for line in file if not re.search(drop, line)]
            stage.file(signed, "".join(kept))
        popnet = stage.popnet(list(sites), name=f"popnet-{name}", zones=[{"name": "zone.test", "file": signed}], wait=False)
        until("it ends", lambda: not popnet.alive())
        popnet.killed = True
        return popnet.log()

    zone = ZONE.format(serial=1, more="")
    shop = site("shop", [stage.origin(lambda asked: asked.answer(200, {}, "x"))])
    shop["hostnames"] = [{"name": "shop.zone.test", "resolve": "origin"}]
    check("decided", "but its zone comes signed" in refused("decided", zone, sites=[shop]))
    check("rounds", re.search(r"rounds\.signed:\d+:1: .*hashed 200 times more", refused("rounds", zone, ["-n", "-s", "ab", "-t", "200"],
                                                                                                sign=sign_by_ldns)))
    check("no denials", re.search(r"none\.signed:1:1: .*comes signed, but has neither", refused("none", zone, drop=r"\sNSEC\s")))


if __name__ == "__main__":
    run()
