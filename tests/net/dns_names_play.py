#!/usr/bin/env python3
"""Zones of every name: the root (RFC 8806), classless reverse zones (RFC 2317), escaped characters; over UDP and TCP."""
import os
import subprocess

from play import POPNET, check, equal, run, scene, site, until
from play_dig import ask_both, run_dig
from play_dns_servers import nsd
from play_http import PATIENCE
from play_sign import keys_of, sign
from play_validators import ask_delv

ROOT_SOA = ". 60 IN SOA a.root-servers.test. nstld.test. 2024010101 1800 900 604800 60"
ROOT = """$TTL 518400
. 86400 SOA a.root-servers.test. nstld.test. 2024010101 1800 900 604800 60
. NS a.root-servers.test.
. NS b.root-servers.test.
a.root-servers.test. A 192.0.2.1
b.root-servers.test. AAAA 2001:db8::b
com. 172800 NS a.gtld-servers.com.
com. 172800 NS b.gtld-servers.net.
com. 86400 DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
net. 172800 NS b.gtld-servers.net.
a.gtld-servers.com. 172800 A 192.0.2.65
b.gtld-servers.net. 172800 A 192.0.2.66
b.gtld-servers.net. 172800 AAAA 2001:db8::66
"""
CLASSLESS = "0/25.2.0.192.in-addr.arpa"
REVERSE = f"""$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 60
@ NS ns
@ NS ns.example.net.
ns A 192.0.2.53
{"".join(f"{i} PTR host-{i}.example.{chr(10)}" for i in range(1, 5))}"""
PARENT = f"""$TTL 300
@ SOA ns.example.net. hostmaster.example.net. 1 3600 600 604800 60
@ NS ns.example.net.
0/25 NS ns.0/25
ns.0/25 A 192.0.2.53
{"".join(f"{i} CNAME {i}.0/25{chr(10)}" for i in range(1, 5))}"""
ODD = r"a\.b\032\255._tcp.example"
PLAIN = "@ 300 SOA ns h 1 3600 600 604800 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n* 300 TXT \"any\"\n"


def zone(stage, name, text, **options):
    file = stage.file(f"zone-{len(os.listdir(stage.folder))}", f"$ORIGIN {name.rstrip('.')}.\n{text}")
    return {"name": name, "file": file, **options}


def the_root_answers(dns, *options):
    ask = lambda *arguments: ask_both(dns, *options, *arguments)
    equal("its SOA", ask(".", "soa").answer, [ROOT_SOA.replace(" 60 IN", " 86400 IN", 1)])
    equal("its name servers, with addresses beside them only on demand", sorted(ask(".", "ns").answer),
          [". 518400 IN NS a.root-servers.test.", ". 518400 IN NS b.root-servers.test."])
    com = ask("www.example.com", "aaaa")
    equal("a TLD is delegated", (com.status, "aa" in com.flags, sorted(line for line in com.authority if " NS " in line)),
          ("NOERROR", False, ["com. 172800 IN NS a.gtld-servers.com.", "com. 172800 IN NS b.gtld-servers.net."]))
    equal("with all glue", sorted(com.additional), ["a.gtld-servers.com. 172800 IN A 192.0.2.65",
                                                    "b.gtld-servers.net. 172800 IN A 192.0.2.66",
                                                    "b.gtld-servers.net. 172800 IN AAAA 2001:db8::66"])
    equal("DS is the root's", [line.split()[:4] for line in ask("com", "ds").answer], [["com.", "86400", "IN", "DS"]])
    missing = ask("no.such.tld", "a")
    equal("a TLD that is not there", (missing.status, "aa" in missing.flags, missing.authority), ("NXDOMAIN", True, [ROOT_SOA]))
    empty = ask("root-servers.test", "a")
    equal("an empty non-terminal", (empty.status, empty.authority), ("NOERROR", [ROOT_SOA]))
    nothing = ask(".", "mx")
    equal("no such type at the apex", (nothing.status, nothing.authority), ("NOERROR", [ROOT_SOA]))


@scene
def the_root_zone(stage):
    """A TLD is delegated with glue, a missing one is denied; another zone of the node is found inside of it."""
    popnet = stage.popnet(zones=[zone(stage, ".", ROOT), zone(stage, "inner.example", PLAIN)])
    the_root_answers(popnet.dns)
    equal("another zone of ours", ask_both(popnet.dns, "x.inner.example", "txt").answer, ['x.inner.example. 300 IN TXT "any"'])
    check("is counted by its name", popnet.counter("popnet_dns_zone_answers_total", zone=".", kind="referral") >= 2)


def delv_agrees(dns, what, anchor):
    for name, kind in ((".", "SOA"), (".", "NS"), (".", "MX"), (".", "DNSKEY"), ("com", "DS"), ("net", "DS"), ("no.such.tld", "A"),
                       ("root-servers.test", "A"), ("a.root-servers.test", "A"), ("test", "TXT")):
        said = ask_delv(dns, anchor, ".", name, kind)
        check(f"{what}: delv {name} {kind}", "fully validated" in said, said)


@scene
def a_signed_root(stage):
    """Signed by popnet, its keys lie in files of their own; delv proves answers, denials and delegations."""
    for denial in ("compact", "nsec3"):
        options = {"dnssec": {"enabled": True, "denial": denial, "zone_ttl_max": "144h"}}
        folder = f"{stage.folder}/keys-{denial}"
        popnet = stage.popnet(name=denial, zones=[zone(stage, ".", ROOT, **options)], node={"key_dir": folder})
        the_root_answers(popnet.dns)
        check("the key's file", any(name.startswith("K.+013+") for name in os.listdir(folder)), os.listdir(folder))
        shown = subprocess.run([POPNET, "keys", "list", "--config", popnet.config_path, "."], capture_output=True, text=True,
                               timeout=PATIENCE, check=True).stdout
        number = shown[shown.index(". DS "):].split()
        anchor = stage.file("anchor", f'trust-anchors {{ "." static-ds {" ".join(number[2:5])} "{number[5]}"; }};\n')
        delv_agrees(popnet.dns, denial, anchor)
        popnet.stop()


@scene
def a_copy_of_the_root(stage):
    """RFC 8806: signed, fetched from a primary, kept in a file, and served from it after a restart while the primary is gone."""
    endpoint, state = stage.endpoint(), f"{stage.folder}/state"
    unsigned = stage.file("root", ROOT)
    signed = sign(unsigned, ".")
    server = nsd(stage, endpoint, f"zone:\n  name: .\n  zonefile: {signed}\n  provide-xfr: 0.0.0.0/0 NOKEY\n")
    primary = stage.wait_for(server)
    zones = [{"name": ".", "secondary": {"primaries": [endpoint]}}]
    origin = stage.origin(lambda asked: asked.answer(200, {}, "x"))
    shop = site("shop", [origin])
    shop["hostnames"] = [{"name": "www.shop.com", "resolve": "origin", "ttl": "20s"}]
    popnet = stage.popnet([shop], zones=zones, node={"state_dir": state})
    until("it is fetched", lambda: run_dig(popnet.dns, ".", "soa").answer)
    the_root_answers(popnet.dns)
    equal("a hostname that the root delegates to others", ask_both(popnet.dns, "www.shop.com").answer,
          [f"www.shop.com. 20 IN A {origin.address.rsplit(':', 1)[0]}"])
    equal("stopped", popnet.stop(), 0)
    primary.stop()
    equal("the copy", os.listdir(f"{state}/zones"), ["@.zone"])
    again = stage.popnet(name="again", zones=zones, node={"state_dir": state})
    the_root_answers(again.dns)
    keys = [key.split("DNSKEY")[1].split() for key in keys_of(unsigned)]
    anchors = "".join(f'. static-key {" ".join(key[:3])} "{"".join(key[3:])}"; ' for key in keys)
    delv_agrees(again.dns, "the copy", stage.file("anchor", f"trust-anchors {{ {anchors} }};\n"))


@scene
def classless_reverse_zones(stage):
    """RFC 2317: the parent's CNAMEs lead into the zone with '/' in its name, on this node and on another."""
    signed = {"dnssec": {"enabled": True}}
    parent, child = zone(stage, "2.0.192.in-addr.arpa", PARENT), zone(stage, CLASSLESS, REVERSE, **signed)
    popnet = stage.popnet(zones=[parent, child], node={"key_dir": f"{stage.folder}/keys"})
    equal("asked as resolvers do", ask_both(popnet.dns, "-x", "192.0.2.3").answer,
          [f"3.2.0.192.in-addr.arpa. 300 IN CNAME 3.{CLASSLESS}.", f"3.{CLASSLESS}. 300 IN PTR host-3.example."])
    missing = ask_both(popnet.dns, f"77.{CLASSLESS}", "ptr")
    equal("no such host", (missing.status, missing.authority),
          ("NXDOMAIN", [f"{CLASSLESS}. 60 IN SOA ns.{CLASSLESS}. hostmaster.{CLASSLESS}. 1 3600 600 604800 60"]))
    files = [name for name in os.listdir(f"{stage.folder}/keys") if name != "lock"]
    check("its key's files have no '/'", files and all(name.startswith("K0%2F25.2.0.192.in-addr.arpa.+013+") for name in files), files)
    alone = stage.popnet(name="alone", zones=[parent])
    cut = ask_both(alone.dns, "3." + CLASSLESS, "ptr")
    equal("delegated", (cut.authority, cut.additional),
          ([f"{CLASSLESS}. 300 IN NS ns.{CLASSLESS}."], [f"ns.{CLASSLESS}. 300 IN A 192.0.2.53"]))


@scene
def odd_names(stage):
    """A dot, a blank and a byte above ASCII inside of labels, and labels that begin with '_' or '-'."""
    popnet = stage.popnet(zones=[zone(stage, name, PLAIN) for name in (ODD, "-dash-.test", "_tcp.test")])
    for name in (ODD, "-dash-.test", "_tcp.test"):
        equal(name, ask_both(popnet.dns, f"x.{name}", "txt").answer, [f'x.{name}. 300 IN TXT "any"'])
    equal("a.b\\032\\255 is another name", ask_both(popnet.dns, "x." + ODD.replace("\\.", "."), "txt").status, "REFUSED")


if __name__ == "__main__":
    run()
