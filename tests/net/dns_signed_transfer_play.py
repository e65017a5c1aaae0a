#!/usr/bin/env python3
"""popnet signs and decides, others serve: Knot's copies of signed zones are whole and valid, also while keys roll."""
import base64
import re
import signal
import subprocess
import time

from play import check, equal, run, scene, site, until
from play_dig import run_dig
from play_dns_servers import bind, bind_key, knot, knot_key, knot_peer, nsd, nsd_key, split
from play_http import PATIENCE, Failure
from play_signed_zone import RECORDS, full, keys
from play_validators import ask_delv, copy_of, judge, serial_of

KEY, SECRET = "transfer.test", base64.b64encode(bytes(range(32))).decode()
TSIG = f"hmac-sha256:{KEY}:{SECRET}"
ZONE = "$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 600 604800 60\n" + RECORDS + """@        NS  ns.plain
www  600 A   192.0.2.81
b        A   192.0.2.1
aaa      A   192.0.2.2
c.d.wild CNAME www
below.plain TXT "occluded"
odd      TYPE65400 \\# 3 010203
shop     TXT "beside what is decided"
"""
POSITIVE = [("www", "A"), ("x.wild", "A"), ("a.b.deep", "TXT"), ("a.b.tree", "TXT"), ("c.d.wild", "AAAA"), ("signed", "DS"), ("odd", "TYPE65400"),
            ("", "MX"), ("", "DNSKEY"), ("shop", "A"), ("shop", "TXT"), ("shop", "HTTPS"), ("only", "A")]
NEGATIVE = [("www", "TXT"), ("deep", "A"), ("nowhere", "A"), ("a.www", "A"), ("x.wild", "AAAA"), ("plain", "DS"), ("shop", "AAAA"),
            ("x.shop", "A"), ("only", "HTTPS"), ("only", "TXT"), ("x.y.only", "A"), ("zzz", "A")]


def primary(stage, text=None, notify=(), ttl="20s", decided="answer", name="popnet", node=None, **dnssec):
    shop = site("shop", [stage.origin(lambda asked: asked.answer(200, {}, "x"))])
    shop["hostnames"] = [{"name": f"{host}.zone.test", "resolve": "origin", "ttl": ttl} for host in ("shop", "only")]
    shop["hostnames"][0]["https_alpn"] = ["h2"]
    return stage.popnet([shop], name=name, node={"key_dir": f"{stage.folder}/keys", **(node or {})},
                        dns={"tsig_keys": [{"name": KEY, "secret": SECRET}]},
                        zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", text or ZONE.format(serial=1)),
                                "dnssec": {"enabled": True, **dnssec},
                                "transfer": {"key": KEY, "notify": list(notify), "decided": decided}}])


def secondary(stage, popnet, endpoint, more=""):
    return knot(stage, endpoint, knot_key(KEY, SECRET) + knot_peer(popnet.dns, "[notify, transfer]", KEY) + f"""
zone:
  - domain: zone.test
    master: popnet
    acl: popnet
    storage: {{base}}
{more}""")


def soa(server):
    """The serial number that queries show; None while there is no zone."""
    try:
        answer = run_dig(server, "zone.test", "soa").answer
    except Failure:
        return None
    return int(answer[0].split()[6]) if answer else None


def delv_believes(stage, popnet, server):
    """delv, with the DS that popnet tells, of answers of another server."""
    number = re.search(r" DS (\d+) (\d+) (\d+) ([0-9a-f]+)", keys(popnet, "list", "zone.test")).groups()
    anchor = stage.file("anchor", 'trust-anchors {{ "zone.test." static-ds {} {} {} "{}"; }};\n'.format(*number))
    for name, qtype in POSITIVE + NEGATIVE:
        said = ask_delv(server, anchor, "zone.test", full(name), qtype)
        check(f"{name} {qtype}", "fully validated" in said, said)
        check(f"{name} {qtype} is {'not ' if (name, qtype) in NEGATIVE else ''}there", ("negative" in said) == ((name, qtype) in NEGATIVE), said)


@scene
def knot_serves_what_popnet_signs(stage):
    """The copy is whole, three validators find nothing, and delv believes what Knot answers from it: NSEC and NSEC3, one key and two."""
    for denial, kind, algorithm in (("compact", "csk", "ecdsa-p256"), ("nsec3", "ksk-zsk", "ed25519")):
        endpoint = stage.endpoint()
        popnet = primary(stage, denial=denial, keys=kind, algorithm=algorithm, notify=[endpoint])
        path, records = copy_of(stage, popnet.dns, f"{denial}.copy", TSIG)
        judge(path)
        equal("without the key nothing", copy_of(stage, popnet.dns, "none")[1], [])
        server = secondary(stage, popnet, endpoint)
        until("Knot has it", lambda: soa(endpoint))
        equal("serial numbers", (soa(endpoint), soa(popnet.dns)), (serial_of(records), serial_of(records)))
        path, theirs = copy_of(stage, endpoint, f"{denial}.knots", TSIG)
        judge(path)
        static = lambda lines: sorted(line.lower() for line in lines if " NSEC" not in line and " RRSIG " not in line)
        equal("all of it", static(theirs), static(records))
        equal("decided", [line.split()[3] for line in records if line.startswith("only.zone.test.")],
              ["A", "RRSIG"] if denial == "nsec3" else ["A", "RRSIG", "NSEC", "RRSIG"])
        delv_believes(stage, popnet, endpoint)
        server.stop()
        popnet.stop()
        subprocess.run(["rm", "-r", f"{stage.folder}/keys", f"{stage.folder}/knot"], check=True)


def nsds(stage, popnet, endpoint):
    return nsd(stage, endpoint, nsd_key(KEY, SECRET) + f"""
zone:
  name: zone.test
  allow-notify: 127.0.0.0/8 {KEY}
  request-xfr: {popnet.dns.replace(":", "@")} {KEY}
  provide-xfr: 127.0.0.0/8 {KEY}
""")


def binds(stage, popnet, endpoint):
    host, port = split(popnet.dns)
    return bind(stage, endpoint, bind_key(KEY, SECRET) + f"""
zone "zone.test" {{ type secondary; file "zone"; primaries {{ {host} port {port} key "{KEY}"; }};
                    allow-notify {{ key "{KEY}"; }}; allow-transfer {{ key "{KEY}"; }}; }};
""")


@scene
def nsd_and_bind_serve_it_too(stage):
    """They get the whole zone again when there is a new one, be it signed anew or of a new file."""
    for start, address, denial in ((nsds, None, "compact"), (binds, "127.0.0.1", "nsec3")):
        endpoint = stage.endpoint(address)
        popnet = primary(stage, denial=denial, notify=[endpoint])
        server = start(stage, popnet, endpoint)
        until(f"{server.process.name} has it", lambda: soa(endpoint))
        delv_believes(stage, popnet, endpoint)
        stage.file("zone.test.zone", ZONE.format(serial=2) + "new A 192.0.2.77\n")
        popnet.signal(signal.SIGHUP)
        until("the next version", lambda: run_dig(endpoint, "new.zone.test").answer)
        judge(copy_of(stage, endpoint, "copy", TSIG)[0])
        server.stop()
        popnet.stop()
        subprocess.run(["rm", "-r", f"{stage.folder}/keys"], check=True)


@scene
def decided_names_can_be_left_out(stage):
    """What is not in the copy is not in its chain either."""
    for denial in ("compact", "nsec3"):
        popnet = primary(stage, decided="omit", denial=denial)
        path, records = copy_of(stage, popnet.dns, f"{denial}.copy", TSIG)
        judge(path)
        equal("only", [line for line in records if line.startswith("only.")], [])
        equal("beside", {line.split()[3] for line in records if line.startswith("shop.")} - {"NSEC"}, {"TXT", "RRSIG"})
        popnet.stop()


@scene
def keys_roll_under_a_copy(stage):
    """ZSKs, then the KSK are replaced. Each step has a number of its own, is told, and what Knot has is valid, by its own judgement, too."""
    endpoint = stage.endpoint()
    text = ZONE.format(serial=1).replace("$TTL 300", "$TTL 1").replace("www  600", "www").replace("604800 60", "604800 1")
    popnet = primary(stage, text, [endpoint], ttl="1s", keys="ksk-zsk", dnskey_ttl="1s", zone_ttl_max="1s", ds_ttl="1s",
                     propagation="1s", zsk_lifetime="5s")
    secondary(stage, popnet, endpoint, more="    dnssec-validation: on\n")
    until("Knot has it", lambda: soa(endpoint))
    seen = []

    def versions(what, reached):
        """Judges every version that Knot gets until one is what was waited for."""
        records, deadline = None, time.monotonic() + 4 * PATIENCE
        while records is None or not reached(records):
            check(what, time.monotonic() < deadline, str(seen))
            until("Knot is told of the next", lambda: soa(endpoint) not in seen)
            path, records = copy_of(stage, endpoint, "knots", TSIG)
            check("numbers grow", not seen or serial_of(records) > seen[-1], f"{seen} {serial_of(records)}")
            seen.append(serial_of(records))
            judge(path)
        return records

    signers = set()
    def rolled(records):
        signers.update(line.split()[10] for line in records if line.startswith("www.zone.test.") and " RRSIG A " in line)
        return len(signers) == 3

    versions("ZSKs roll", rolled)
    cds = lambda records: [line.split()[4] for line in records if " IN CDS " in line]
    ksks = lambda: re.findall(r"^ *(\d+) ksk", keys(popnet, "list", "zone.test"), re.M)
    old, = ksks()
    keys(popnet, "roll", "--tag", old, "zone.test")
    successor = cds(versions("CDS names the successor", lambda records: cds(records) not in ([], [old])))[0]
    keys(popnet, "ds-seen", "--tag", successor, "zone.test")
    versions("the old KSK goes", lambda records: sum(" DNSKEY 257 " in line for line in records) == 1)
    equal("what is left", ksks(), [successor])


@scene
def an_algorithm_rolls_in_each_copy(stage):
    """At every step a copy is valid, and no set, CDS included, lacks a signature of an algorithm that any other set has."""
    text = ZONE.format(serial=1).replace("$TTL 300", "$TTL 1").replace("www  600", "www").replace("604800 60", "604800 1")
    short = {"dnskey_ttl": "1s", "zone_ttl_max": "1s", "ds_ttl": "1s", "propagation": "1s"}
    popnet = primary(stage, text, ttl="1s", **short)
    seen = set()

    def copies(what, reached):
        """Judges each version until one is what was waited for."""
        records = []
        def next_one():
            if soa(popnet.dns) not in seen:
                path, records[:] = copy_of(stage, popnet.dns, "copy", TSIG)
                seen.add(serial_of(records))
                signed = {}
                for line in records:
                    if " RRSIG " in line:
                        signed.setdefault(line.split()[4], set()).add(line.split()[5])
                equal("signed alike", {kind: signed[kind] for kind in ("CDS", "CDNSKEY") if kind in signed and signed[kind] < signed["SOA"]}, {})
                judge(path)
            return records and reached(records)
        until(what, next_one)
        return records

    cds = lambda records: [line.split()[4:6] for line in records if " IN CDS " in line]
    first, = cds(copies("CDS", cds))
    keys(popnet, "ds-seen", "zone.test")
    popnet.config["zones"][0]["dnssec"]["algorithm"] = "ed25519"
    popnet.write_config(popnet.config)
    popnet.signal(signal.SIGHUP)
    until("a reload", lambda: "config 2 is in force" in popnet.log())
    keys(popnet, "roll", "zone.test")
    (successor, algorithm), = cds(copies("CDS names the successor", lambda records: cds(records) not in ([], [first])))
    equal("its algorithm", algorithm, "15")
    keys(popnet, "ds-seen", "--tag", successor, "zone.test")
    copies("the old signatures go", lambda records: not any(" RRSIG SOA 13 " in line for line in records))


@scene
def nodes_and_restarts_agree(stage):
    """A node that reads the keys, and each after a start, shows the number that the one shows that manages them; it only grows."""
    managing = {"state_dir": f"{stage.folder}/state", "dns_listen": stage.endpoint()}
    popnet = primary(stage, node=managing)
    other = primary(stage, name="other", node={"manage_keys": False})
    until("the same", lambda: soa(popnet.dns) == soa(other.dns))
    before = soa(popnet.dns)
    check("ahead of the file", f"the zone file's + {before - 1}\n" in keys(popnet, "list", "zone.test"), keys(popnet, "list", "zone.test"))
    popnet.stop()
    equal("what the other has stays", soa(other.dns), before)
    popnet = primary(stage, name="again", node=managing)
    equal("after a start", soa(popnet.dns), before)
    keys(popnet, "roll", "zone.test")
    until("it grows with the successor", lambda: soa(popnet.dns) > before)
    until("there, too", lambda: soa(other.dns) == soa(popnet.dns))
    rolled = soa(popnet.dns)
    for server in (popnet, other):
        path, records = copy_of(stage, server.dns, "copy", TSIG)
        equal("as queries show it", serial_of(records), rolled)
        judge(path)
    stage.file("zone.test.zone", ZONE.format(serial=10))
    for server in (popnet, other):
        server.signal(signal.SIGHUP)
        until("the file's number counts", lambda server=server: soa(server.dns) == rolled + 9)
    check("no warning of copies that miss something", "secondaries will not notice" not in popnet.log() + other.log())


if __name__ == "__main__":
    run()
