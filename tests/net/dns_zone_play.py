#!/usr/bin/env python3
"""A zone from a master file, asked by dig and through a real resolver, changed while it is served."""
import signal

from play import check, equal, run, scene, site, until
from play_dig import ask_both, run_dig
from play_dns_servers import bind

ZONE = """$TTL 300
@        SOA ns1 hostmaster 2024010101 3600 600 604800 60
@        NS  ns1
@        MX  10 mail
ns1      A   127.0.0.1
mail     A   192.0.2.25
www      A   192.0.2.80
www      AAAA 2001:db8::80
alias    CNAME www
first    CNAME second
second   CNAME alias
dead     CNAME nowhere
inside   CNAME x.sub
*.walias CNAME a.b.tree
tree     DNAME deep
*.wild   A   192.0.2.99
a.b.deep TXT "deep"
sub      NS  ns.sub
ns.sub   A   192.0.2.54
caa      CAA 0 issue "ca.example.net"
srv      SRV 1 2 443 www
alpn     HTTPS 1 . alpn=h2 ipv4hint=192.0.2.80
""" + "".join(f'big TXT "{i:03} {"x" * 200}"\n' for i in range(40))


def serve(stage, text=ZONE):
    return stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", text)}])


@scene
def every_kind_of_answer(stage):
    """dig sees what the master file says, over UDP and TCP."""
    dns = serve(stage).dns
    dig = lambda *arguments: ask_both(dns, "+noedns", *arguments)
    equal("an address", dig("www.zone.test").answer, ["www.zone.test. 300 IN A 192.0.2.80"])
    equal("the case of the question", dig("wWw.zOne.tEst").question, ["wWw.zOne.tEst. IN A"])
    equal("an alias with its target", dig("alias.zone.test", "aaaa").answer,
          ["alias.zone.test. 300 IN CNAME www.zone.test.", "www.zone.test. 300 IN AAAA 2001:db8::80"])
    equal("a chain of them", dig("first.zone.test").answer,
          ["first.zone.test. 300 IN CNAME second.zone.test.", "second.zone.test. 300 IN CNAME alias.zone.test.",
           "alias.zone.test. 300 IN CNAME www.zone.test.", "www.zone.test. 300 IN A 192.0.2.80"])
    equal("a wildcard", dig("any.thing.wild.zone.test").answer, ["any.thing.wild.zone.test. 300 IN A 192.0.2.99"])
    equal("at a wildcard's own name", dig("*.wild.zone.test").answer, ["*.wild.zone.test. 300 IN A 192.0.2.99"])
    renamed = ["tree.zone.test. 300 IN DNAME deep.zone.test.", "a.b.tree.zone.test. 300 IN CNAME a.b.deep.zone.test.",
               'a.b.deep.zone.test. 300 IN TXT "deep"']
    equal("a DNAME", dig("a.b.tree.zone.test", "txt").answer, renamed)
    equal("itself", dig("tree.zone.test", "dname").answer, renamed[:1])
    equal("by way of a wildcard's alias", dig("x.walias.zone.test", "txt").answer,
          ["x.walias.zone.test. 300 IN CNAME a.b.tree.zone.test."] + renamed)
    equal("ANY gets one set", dig("www.zone.test", "any").answer, ["www.zone.test. 300 IN A 192.0.2.80"])
    equal("CAA", dig("caa.zone.test", "caa").answer, ['caa.zone.test. 300 IN CAA 0 issue "ca.example.net"'])
    equal("SRV", dig("srv.zone.test", "srv").answer, ["srv.zone.test. 300 IN SRV 1 2 443 www.zone.test."])
    equal("HTTPS", dig("alpn.zone.test", "https").answer, ['alpn.zone.test. 300 IN HTTPS 1 . alpn="h2" ipv4hint=192.0.2.80'])
    missing = dig("nowhere.zone.test")
    soa = ["zone.test. 60 IN SOA ns1.zone.test. hostmaster.zone.test. 2024010101 3600 600 604800 60"]
    equal("no such name, with the negative TTL", (missing.status, missing.authority), ("NXDOMAIN", soa))
    for name, kind, status, answer in (("www", "mx", "NOERROR", 0), ("any.wild", "mx", "NOERROR", 0), ("dead", "a", "NXDOMAIN", 1),
                                       ("x.tree", "a", "NXDOMAIN", 2), ("b.tree", "a", "NOERROR", 2)):
        none = dig(f"{name}.zone.test", kind)
        equal(f"{name} {kind}", (none.status, len(none.answer), none.authority), (status, answer, soa))
    empty = dig("b.deep.zone.test")
    equal("an empty non-terminal", (empty.status, empty.authority), ("NOERROR", soa))
    referral = dig("www.sub.zone.test")
    equal("a delegation", (referral.authority, referral.additional),
          (["sub.zone.test. 300 IN NS ns.sub.zone.test."], ["ns.sub.zone.test. 300 IN A 192.0.2.54"]))
    check("a delegation is not authoritative", "aa" not in referral.flags, referral.flags)
    inside = dig("inside.zone.test")
    equal("an alias into it", (inside.answer, inside.authority, inside.additional, "aa" in inside.flags),
          (["inside.zone.test. 300 IN CNAME x.sub.zone.test."], referral.authority, referral.additional, True))
    equal("another's name", dig("www.example.org").status, "REFUSED")
    for name, kind in (("zone.test", "mx"), ("zone.test", "ns"), ("srv.zone.test", "srv"), ("www.zone.test", "a")):
        told = dig(name, kind)
        equal(f"minimal: {name} {kind}", (len(told.answer), told.authority, told.additional), (1, [], []))


@scene
def bounds(stage):
    """An answer has eight aliases at most, and a resolver goes on from there; names of 127 labels are answered like others."""
    chain = "".join(f"c{i} CNAME c{i + 1}\n" for i in range(10)) + "c10 A 192.0.2.10\nround CNAME trip\ntrip CNAME round\nme CNAME me\nmuch DNAME much.longer\n"
    popnet = serve(stage, ZONE + chain)
    equal("a chain of ten", ask_both(popnet.dns, "c0.zone.test").answer,
          [f"c{i}.zone.test. 300 IN CNAME c{i + 1}.zone.test." for i in range(8)])
    equal("its end", ask_both(popnet.dns, "c3.zone.test").answer[-1], "c10.zone.test. 300 IN A 192.0.2.10")
    resolver = stage.unbound({"zone.test": [popnet.dns]})
    equal("for a resolver", run_dig(resolver.address, "+rec", "c0.zone.test").answer[-1].split()[-1], "192.0.2.10")
    equal("a circle", len(ask_both(popnet.dns, "round.zone.test").answer), 2)
    equal("of one", len(ask_both(popnet.dns, "me.zone.test").answer), 1)
    for below, labels, status, answers in (("", 122, "NXDOMAIN", 0), ("b.deep.", 118, "NXDOMAIN", 0), ("wild.", 119, "NOERROR", 1),
                                           ("sub.", 120, "NOERROR", 0), ("tree.", 119, "NXDOMAIN", 2)):
        told = ask_both(popnet.dns, "a." * labels + below + "zone.test")
        equal(f"{labels} labels below {below}zone.test", (told.status, len(told.answer)), (status, answers))
    equal("a DNAME makes a name too long", ask_both(popnet.dns, "a." * 119 + "much.zone.test").status, "YXDOMAIN")


@scene
def what_is_counted(stage):
    """By zone and kind, by type, by rcode, by transport; of zones, the names as they are."""
    popnet = stage.popnet(zones=[{"name": zone, "file": stage.file(zone, ZONE)} for zone in ("zone.test", "other.test")])
    for name, kind, times in (("www.zone.test", "a", 3), ("alias.zone.test", "aaaa", 1), ("x.wild.zone.test", "a", 2), ("www.zone.test", "mx", 4),
                              ("nowhere.zone.test", "txt", 5), ("x.sub.zone.test", "a", 6), ("www.other.test", "a", 1), ("www.example.org", "a", 2),
                              ("odd.zone.test", "type65400", 1)):
        for number in range(times):
            run_dig(popnet.dns, "+tcp" if number == 0 else "+notcp", name, kind)
    count = lambda name, labels: popnet.counter(f"popnet_dns_{name}_total", **labels)
    for name, labels, expected in (
            ("zone_answers", {"zone": "zone.test.", "kind": "answer"}, 4), ("zone_answers", {"zone": "zone.test.", "kind": "wildcard"}, 2),
            ("zone_answers", {"zone": "zone.test.", "kind": "nodata"}, 4), ("zone_answers", {"zone": "zone.test.", "kind": "nxdomain"}, 6),
            ("zone_answers", {"zone": "zone.test.", "kind": "referral"}, 6), ("zone_answers", {"zone": "other.test."}, 1),
            ("questions", {"type": "A"}, 14), ("questions", {"type": "MX"}, 4), ("questions", {"type": "AAAA"}, 1), ("questions", {"type": "TXT"}, 5),
            ("questions", {}, 25), ("replies", {"rcode": "NOERROR"}, 17), ("replies", {"rcode": "NXDOMAIN"}, 6), ("replies", {"rcode": "REFUSED"}, 2),
            ("queries", {"transport": "tcp"}, 9), ("queries", {"transport": "udp"}, 16)):
        equal(f"{name} {labels}", count(name, labels), expected)


@scene
def large_answers(stage):
    """What does not fit into a packet is cut over UDP and whole over TCP."""
    dns = serve(stage).dns
    equal("UDP cut, TCP whole", len(ask_both(dns, "+noedns", "big.zone.test", "txt").answer), 40)
    cut = run_dig(dns, "+ignore", "+bufsize=4096", "big.zone.test", "txt")
    equal("cut over UDP", ("tc" in cut.flags, cut.answer), (True, []))
    whole = run_dig(dns, "+bufsize=4096", "big.zone.test", "txt")
    equal("dig tries TCP by itself", (whole.over_tcp, len(whole.answer)), (True, 40))
    equal("TCP at once", len(run_dig(dns, "+tcp", "big.zone.test", "txt").answer), 40)
    equal("several questions on one connection", run_dig(dns, "+tcp", "+keepopen", "www.zone.test").answer,
          ["www.zone.test. 300 IN A 192.0.2.80"])


@scene
def through_a_resolver(stage):
    """unbound, which mixes the case of its questions and checks ours, resolves all of it."""
    popnet = serve(stage)
    resolver = stage.unbound({"zone.test": [popnet.dns]}, options="use-caps-for-id: yes")
    dig = lambda *arguments: run_dig(resolver.address, "+rec", *arguments)
    addresses = lambda dug: [line.split()[4] for line in dug.answer if line.split()[3] == "A"]
    equal("an alias", addresses(dig("alias.zone.test")), ["192.0.2.80"])
    equal("a wildcard", addresses(dig("x.wild.zone.test")), ["192.0.2.99"])
    equal("no such name", dig("nowhere.zone.test").status, "NXDOMAIN")
    equal("no such type", (dig("www.zone.test", "mx").status, dig("www.zone.test", "mx").answer), ("NOERROR", []))
    equal("a large set", len(dig("+tcp", "big.zone.test", "txt").answer), 40)


@scene
def a_changed_zone(stage):
    """SIGHUP reads the zone again; a zone with an error changes nothing and is explained in the log."""
    popnet = serve(stage)
    text = lambda: run_dig(popnet.dns, "+short", "version.zone.test", "txt").text.strip()
    equal("at first", text(), "")
    stage.file("zone.test.zone", ZONE + 'version TXT "two"\n')
    popnet.signal(signal.SIGHUP)
    until("the new record is served", lambda: text() == '"two"')
    stage.file("zone.test.zone", ZONE + 'version TXT "three"\nwww CNAME alias\n')
    popnet.signal(signal.SIGHUP)
    line = ZONE.count("\n") + 2
    until("the error is in the log with its place",
          lambda: f"zone.test.zone:{line}:1: zone zone.test.: www.zone.test. has a CNAME beside other records" in popnet.log())
    equal("the old zone is served on", text(), '"two"')


@scene
def one_of_two_is_broken_at_a_start(stage):
    """It gets SERVFAIL, is explained in the log and counted; the other is served, its config may change; mended, it is served after a
    reload. With nothing else to serve the program says what is wrong, and ends with exit code 1."""
    broken = ZONE + "www CNAME alias\n"
    line = ZONE.count("\n") + 1
    why = f"zone.test.zone:{line}:1: zone zone.test.: www.zone.test. has a CNAME beside other records"
    zones = [{"name": "zone.test", "file": stage.file("zone.test.zone", broken), "transfer": {"to": ["127.0.0.0/8"]}},
             {"name": "other.test", "file": stage.file("other.test.zone", ZONE)},
             {"name": "child.zone.test", "file": stage.file("child.zone", ZONE)}]
    popnet = stage.popnet(zones=zones)
    asked = ask_both(popnet.dns, "www.zone.test")
    equal("of the broken zone", (asked.status, "EDE: 24" in asked.text, asked.answer), ("SERVFAIL", True, []))
    equal("a transfer of it", "Transfer failed" in run_dig(popnet.dns, "+tcp", "zone.test", "axfr").text, True)
    for other in ("www.other.test", "www.child.zone.test"):
        equal("of another", ask_both(popnet.dns, other).status, "NOERROR")
    equal("the DS record of a zone below it would stand in it", ask_both(popnet.dns, "child.zone.test", "ds").status, "SERVFAIL")
    check("the log says why", why in popnet.log() and "1 of 3 zones are broken" in popnet.log(), popnet.log())
    equal("counted", popnet.counter("popnet_dns_zones_left_out"), 1)
    stage.file("other.test.zone", ZONE + 'version TXT "two"\n')
    popnet.signal(signal.SIGHUP)
    until("the other has changed", lambda: run_dig(popnet.dns, "+short", "version.other.test", "txt").text.strip() == '"two"')
    check("it was said again", popnet.log().count(why) == 2 and "still answered with SERVFAIL" in popnet.log(), popnet.log())
    equal("of the broken zone", ask_both(popnet.dns, "www.zone.test").status, "SERVFAIL")
    stage.file("zone.test.zone", ZONE)
    popnet.signal(signal.SIGHUP)
    until("mended, it is served", lambda: run_dig(popnet.dns, "www.zone.test").answer == ["www.zone.test. 300 IN A 192.0.2.80"])
    equal("and there is no DS record", ask_both(popnet.dns, "child.zone.test", "ds").status, "NOERROR")
    equal("and counted no more", popnet.counter("popnet_dns_zones_left_out"), 0)
    stage.file("zone.test.zone", broken)
    alone = stage.popnet(name="alone", wait=False, zones=zones[:1])
    equal("with nothing else to serve", alone.child.wait(15), 1)
    check("the log says why", why in alone.log(), alone.log())
    alone.killed = True  # need not end well


@scene
def the_apex_is_decided(stage):
    """A hostname at the apex of a zone: its addresses are decided, all else comes from the file, over UDP and TCP."""
    origin = stage.origin(lambda asked: asked.answer(200, {}, "x"))
    shop = site("shop", [origin])
    shop["hostnames"] = [{"name": "zone.test", "resolve": "origin", "ttl": "20s"}]
    dns = stage.popnet([shop], zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE + "up CNAME @\n")}]).dns
    host = origin.address.rsplit(":", 1)[0]
    dig = lambda *arguments: ask_both(dns, *arguments)
    equal("decided", dig("zone.test").answer, [f"zone.test. 20 IN A {host}"])
    equal("by an alias", dig("up.zone.test").answer, ["up.zone.test. 300 IN CNAME zone.test.", f"zone.test. 20 IN A {host}"])
    equal("the file's mail", dig("zone.test", "mx").answer, ["zone.test. 300 IN MX 10 mail.zone.test."])
    equal("the file's servers", dig("zone.test", "ns").answer, ["zone.test. 300 IN NS ns1.zone.test."])
    none = dig("zone.test", "aaaa")
    equal("no address of that family", (none.status, none.answer, len(none.authority)), ("NOERROR", [], 1))


@scene
def files_within_files(stage):
    """$INCLUDE, $ORIGIN and $TTL, types that nobody knows, SVCB with hints, a TXT record of many strings."""
    stage.file("hosts.zone", "$ORIGIN in.zone.test.\n$TTL 60\nhost A 192.0.2.9\n")
    text = ZONE + "$INCLUDE mail.zone post\n$INCLUDE hosts.zone\n$TTL 300\nafter TXT " + " ".join(f'"{"y" * 255}"' for _ in range(100)) + "\n"
    stage.file("mail.zone", "@ MX 5 mx\n_8443._foo SVCB 1 svc.example.net. port=8443 ipv6hint=2001:db8::1\nodd TYPE65400 \\# 3 010203\n")
    dns = serve(stage, text).dns
    dig = lambda *arguments: ask_both(dns, *arguments)
    equal("an origin and a TTL of its own", dig("host.in.zone.test").answer, ["host.in.zone.test. 60 IN A 192.0.2.9"])
    equal("an origin given by the other", dig("post.zone.test", "mx").answer, ["post.zone.test. 300 IN MX 5 mx.post.zone.test."])
    equal("SVCB", dig("_8443._foo.post.zone.test", "svcb").answer,
          ["_8443._foo.post.zone.test. 300 IN SVCB 1 svc.example.net. port=8443 ipv6hint=2001:db8::1"])
    equal("unknown", dig("odd.post.zone.test", "type65400").answer[0].split(" ", 4)[-1], "\\# 3 010203")
    equal("many strings, and the origin from before", dig("after.zone.test", "txt").answer[0].count("y" * 255), 100)


@scene
def types_that_nobody_needs(stage):
    """As BIND serves them, from a file, as a copy of BIND's, and from what is kept of that."""
    records = """wks WKS 10.0.0.1 TCP ( telnet smtp 53 )
nsap NSAP 0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00
atma ATMA +61.200123
atma2 ATMA 47.0005.80.005a00.0000.0001.e133.ffffff000161.00
nxt NXT a.b ( A MX SIG KEY NXT )
a6 A6 64 ::1:2:3:4 prefix.example.
whole A6 0 2001:db8::1
eid EID 12 89 ab
nimloc NIMLOC 1289AB
sink SINK 8 0 2 l4ik
px PX 10 a.b C
rp RP A txt.a
"""
    endpoint, text = stage.endpoint("127.0.0.1"), "$ORIGIN zone.test.\n" + ZONE + records
    config = f'zone "zone.test" {{ type primary; file "{stage.file("theirs", text)}"; allow-transfer {{ any; }}; }};'
    primary = stage.wait_for(bind(stage, endpoint, config, "notify no;"))
    questions = [(line.split()[0] + ".zone.test", line.split()[1]) for line in records.splitlines()]
    theirs = [run_dig(endpoint, *question).answer for question in questions]
    check("BIND has them", all(theirs))
    dns = serve(stage, ZONE + records).dns
    equal("from a file", [ask_both(dns, *question).answer for question in questions], theirs)
    copy = {"zones": [{"name": "zone.test", "secondary": {"primaries": [endpoint]}}], "node": {"state_dir": f"{stage.folder}/state"}}
    popnet = stage.popnet(name="copy", **copy)
    until("it is fetched", lambda: run_dig(popnet.dns, "zone.test", "soa").answer)
    equal("from BIND", [run_dig(popnet.dns, *question).answer for question in questions], theirs)
    popnet.stop()
    primary.stop()
    kept = stage.popnet(name="kept", **copy)
    equal("from the copy", [run_dig(kept.dns, *question).answer for question in questions], theirs)


if __name__ == "__main__":
    run()
