#!/usr/bin/env python3
"""EDNS options as dig and a second server with the same secret see them, over UDP and TCP."""
import re

from play import check, equal, run, scene
from play_dig import ask_both, run_dig

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
def other_options(stage):
    """NSID, keepalive, padding, extended errors."""
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
    refused = ask_both(popnet.dns, "www.example.org", "a")
    check("why it is refused", refused.status == "REFUSED" and "EDE: 20 (Not Authoritative)" in refused.text, refused.text)
    check("no transfer", "EDE: 18 (Prohibited)" in run_dig(popnet.dns, "+tcp", "zone.test", "axfr").text
          or "Transfer failed" in run_dig(popnet.dns, "+tcp", "zone.test", "axfr").text)


if __name__ == "__main__":
    run()
