#!/usr/bin/env python3
"""EDNS options as dig and a second server with the same secret see them, over UDP and TCP."""
import re

from play import check, equal, run, scene, site
from play_dig import ask_both, run_dig
from play_dns_servers import bind, knot

ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"
SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"


def serve(stage, name="local", node=None, **dns):
    return stage.popnet(name=name, zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}],
                        dns=dns, node=node or {})


def cookie(dug):
    """The cookie of a reply and what dig thinks of it: good, bad or (echoed)."""
    found = re.search(r"; COOKIE: (\S+) \((\w+)\)", dug.text)
    return found.groups() if found else (None, None)


@scene
def cookies(stage):
    """dig gets a cookie, shows it again, and another node with the same secret takes it."""
    first = serve(stage, "ams", {"pop": "ams"}, cookie_secrets=[SECRET], cookies="require")
    second = serve(stage, "nyc", {"pop": "nyc"}, cookie_secrets=["0" * 32, SECRET], cookies="require")
    other = serve(stage, "sin", {"pop": "sin"}, cookies="require")
    client = "+cookie=2464c4abcf10c957"
    for transport in ("+notcp", "+tcp"):
        given, judged = cookie(run_dig(first.dns, transport, client, "zone.test", "soa"))
        equal(f"{transport}: a server cookie of 16 bytes", (len(given or ""), judged), (48, "good"))
    bad = run_dig(first.dns, "+nobadcookie", client, "zone.test", "soa")
    equal("required: BADCOOKIE for a client's part alone", (bad.status, bad.answer), ("BADCOOKIE", []))
    given, _ = cookie(bad)
    shown = f"+cookie={given}"
    equal("shown again", run_dig(first.dns, "+nobadcookie", shown, "zone.test", "soa").status, "NOERROR")
    equal("another node, where the secret is the old one", run_dig(second.dns, "+nobadcookie", shown, "zone.test", "soa").status,
          "NOERROR")
    check("it gives a cookie by its new secret", cookie(run_dig(second.dns, shown, "zone.test", "soa"))[0] != given)
    equal("a node with chance's secret", run_dig(other.dns, "+nobadcookie", shown, "zone.test", "soa").status, "BADCOOKIE")
    equal("dig tries again by itself", run_dig(other.dns, shown, "zone.test", "soa").status, "NOERROR")
    equal("no cookie at all", run_dig(first.dns, "+nocookie", "zone.test", "soa").status, "NOERROR")
    check("BADCOOKIE is counted", first.counter("popnet_dns_replies_total", rcode="BADCOOKIE") >= 1)


@scene
def cookies_of_other_servers(stage):
    """RFC 9018: BIND and Knot with the same secret take our cookies, and we theirs."""
    ours = serve(stage, cookie_secrets=[SECRET], cookies="require")
    at = stage.endpoint("127.0.0.1")
    file = stage.file("zone.test.zone", ZONE)
    others = [bind(stage, at, f'zone "zone.test" {{ type primary; file "{file}"; }};', f'cookie-secret "{SECRET}"; require-server-cookie yes;'),
              knot(stage, stage.endpoint(), f"mod-cookies:\n  - id: shared\n    secret: [ 0x{SECRET} ]\n    badcookie-slip: 1\n"
                                            f"template:\n  - id: default\n    global-module: mod-cookies/shared\n"
                                            f"zone:\n  - domain: zone.test\n    file: {file}\n")]
    ask = lambda server, shown: run_dig(server, "+nobadcookie", f"+cookie={shown}", "-b", "127.0.0.1", "zone.test", "soa")
    for other in others:
        stage.wait_for(other)
        for giver, taker in ((ours.dns, other.address), (other.address, ours.dns)):
            given, _ = cookie(ask(giver, "2464c4abcf10c957"))
            equal(f"{other.process.name}: shown to the other", ask(taker, given).status, "NOERROR")
            equal("a wrong one", ask(taker, given[:-4] + ("0000" if given[-4:] != "0000" else "1111")).status, "BADCOOKIE")


@scene
def other_options(stage):
    """NSID, keepalive, padding."""
    popnet = serve(stage, node={"dns_server": {"nsid": "ams-1"}})
    for transport in ("+notcp", "+tcp"):
        ask = lambda *arguments: run_dig(popnet.dns, transport, *arguments).text
        check(f"NSID, {transport}", '("ams-1")' in ask("+nsid", "zone.test", "soa"))
        check(f"no NSID for who does not ask, {transport}", "NSID" not in ask("zone.test", "soa"))
    kept = run_dig(popnet.dns, "+tcp", "+keepalive", "zone.test", "soa")
    check("TCP keepalive", "TCP KEEPALIVE: 10.0 secs" in kept.text, kept.text)
    check("not over UDP", "KEEPALIVE" not in run_dig(popnet.dns, "+keepalive", "zone.test", "soa").text)
    size = lambda dug: int(re.search(r"MSG SIZE\s+rcvd: (\d+)", dug.text).group(1))
    equal("padded over TCP when asked", size(run_dig(popnet.dns, "+tcp", "+padding=64", "+nocookie", "zone.test", "soa")), 468)
    check("not over UDP without a cookie", size(run_dig(popnet.dns, "+padding=64", "+nocookie", "zone.test", "soa")) < 200)
    given, _ = cookie(run_dig(popnet.dns, "+cookie=2464c4abcf10c957", "zone.test", "soa"))
    equal("over UDP with one", size(run_dig(popnet.dns, "+padding=64", f"+cookie={given}", "zone.test", "soa")), 468)


@scene
def client_subnets(stage):
    """SCOPE is the largest network that has the same answer: of a decided name, of an alias to it, of NODATA; 0 of all that is static."""
    shop = site("shop", ["192.0.2.1:80", "192.0.2.2:80"])
    shop["origins"] = [{"name": "near", "address": "192.0.2.1:80"}, {"name": "far", "address": "192.0.2.2:80"},
                       {"name": "six", "address": "[2001:db8::6]:80"}]
    shop["hostnames"] = [{"name": "shop.zone.test", "resolve": "origin", "ttl": "20s", "chain": [
        {"clients": ["198.51.100.0/25"], "targets": ["near"], "select": "failover"}, {"targets": ["far", "six"], "select": "failover"}]}]
    zone = ZONE + "alias 300 IN CNAME again\nagain 300 IN CNAME shop\n*.wild 300 IN CNAME shop\n"
    dns = stage.popnet([shop], zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", zone)}]).dns

    def ask(name, kind, subnet):
        dug = ask_both(dns, f"+subnet={subnet}", name, kind)
        return dug.answer[-1].split()[-1] if dug.answer else None, dug.subnet

    inside, beside, away, six = "198.51.100.7/32", "198.51.100.128/25", "8.8.8.0/24", "2001:db8:1::/48"
    for name in ("shop.zone.test", "alias.zone.test", "x.wild.zone.test"):
        equal(f"{name}: a client of the rule", ask(name, "a", inside), ("192.0.2.1", "198.51.100.7/32/25"))
        equal(f"{name}: one beside it", ask(name, "a", beside), ("192.0.2.2", "198.51.100.128/25/25"))
        equal(f"{name}: one far away", ask(name, "a", away), ("192.0.2.2", "8.8.8.0/24/1"))
        equal(f"{name}: no rule for IPv6", ask(name, "a", six), ("192.0.2.2", "2001:db8:1::/48/0"))
        equal(f"{name}: the resolver alone", ask(name, "a", "0.0.0.0/0"), ("192.0.2.2", "0.0.0.0/0/0"))
        equal(f"{name}: an address of IPv6 there", ask(name, "aaaa", beside), ("2001:db8::6", "198.51.100.128/25/25"))
    equal("NODATA, for the same network", ask("shop.zone.test", "aaaa", inside), (None, "198.51.100.7/32/25"))
    equal("at the end of aliases", ask("alias.zone.test", "aaaa", inside)[1], "198.51.100.7/32/25")
    for name, kind in (("ns1.zone.test", "a"), ("ns1.zone.test", "txt"), ("nowhere.zone.test", "a"), ("shop.zone.test", "txt"),
                       ("alias.zone.test", "cname"), ("zone.test", "soa"), ("www.example.org", "a")):
        equal(f"{name} {kind} is for everybody", ask(name, kind, inside)[1], "198.51.100.7/32/0")
    equal("no client subnet, no scope", ask_both(dns, "shop.zone.test").subnet, None)


@scene
def errors_are_explained(stage):
    """RFC 8914: each code that docs/dns.md names, over UDP and TCP."""
    fetched = {"name": "fetched.test", "secondary": {"primaries": [stage.endpoint()]}}
    popnet = stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}, fetched])
    for what, question, status, told in (
            ("not our name", ["www.example.org", "a"], "REFUSED", "EDE: 20 (Not Authoritative)"),
            ("another class than IN", ["-c", "CH", "zone.test", "txt"], "REFUSED", "EDE: 21 (Not Supported)"),
            ("a zone that has not come", ["www.fetched.test", "a"], "SERVFAIL", "EDE: 24 (Invalid Data)"),
            ("NXNAME", ["zone.test", "type128"], "FORMERR", "EDE: 30")):
        dug = ask_both(popnet.dns, *question)
        check(f"{what}: {status}, {told}", dug.status == status and told in dug.text, dug.text)
    for zone, told in (("zone.test", "EDE: 18 (Prohibited)"), ("other.test", "EDE: 20 (Not Authoritative)")):
        dug = run_dig(popnet.dns, "+tcp", "+besteffort", "+all", "+comments", zone, "axfr")
        check(f"no transfer of {zone}", told in dug.text, dug.text)


if __name__ == "__main__":
    run()
