#!/usr/bin/env python3
"""Keys of signed zones: how they roll, end, begin again, come from elsewhere, and vanish, as validators see it."""
import os
import re
import signal
import subprocess
import time

from play import POPNET, check, equal, run, scene, until
from play_dig import run_dig
from play_http import PATIENCE
from play_signed_zone import ZONE, anchor_of, ds_of, full, keys, secure, serve, validating
from play_validators import ask_delv, look_with_dnsviz


@scene
def a_zsk_rolls(stage):
    """ZSKs replace each other every few seconds; a validating resolver with short memory never sees a bad signature."""
    text = ZONE.replace("$TTL 300", "$TTL 1").replace("604800 60", "604800 1")
    popnet = serve(stage, keys="ksk-zsk", text=text, denial="nsec3", ttl="1s", dnskey_ttl="1s", zone_ttl_max="2s", ds_ttl="1s",
                   propagation="5s", zsk_lifetime="12s")
    resolver = validating(stage, popnet, anchors=[ds_of(popnet)[0]])
    signers = lambda: {line.split()[10] for line in run_dig(popnet.dns, "+dnssec", "www.zone.test").answer if " RRSIG " in line}
    seen, deadline = set(), time.monotonic() + 20 * PATIENCE
    while len(seen) < 3:
        check("rolls go on", time.monotonic() < deadline, str(seen))
        seen |= signers()
        for name in ("www", "shop", f"n{time.monotonic_ns()}", "x.wild"):
            dug = run_dig(resolver.address, "+rec", "+dnssec", full(name))
            check(f"{name} while keys roll", secure(dug), dug.text)


class Family:
    """A signed zone below another one, whose operator follows CDS when told, and a resolver that believes nothing weaker than DS says."""

    def __init__(self, stage, **dnssec):
        self.stage = stage
        self.parent = "$TTL 1\n@ SOA ns1 h 1 3600 600 604800 1\n@ NS ns1\nns1 A 127.0.0.1\nchild NS ns.child\nns.child A 127.0.0.1\n"
        self.child = "$TTL 1\n@ SOA ns h 1 3600 600 604800 1\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n"
        self.dnssec = {"enabled": True, "keys": "ksk-zsk", "dnskey_ttl": "1s", "zone_ttl_max": "2s", "ds_ttl": "1s", **dnssec}
        self.popnet = stage.popnet(node={"key_dir": f"{stage.folder}/keys"},
                                   zones=[{"name": "up.test", "file": stage.file("up.zone", self.parent), "dnssec": {"enabled": True}},
                                          {"name": "child.up.test", "file": stage.file("child.zone", self.child), "dnssec": self.dnssec}])
        until("CDS appears", self.cds)
        self.follow_cds()
        self.keys("ds-seen")
        self.resolver = validating(stage, self.popnet, ("up.test", "child.up.test"), ds_of(self.popnet, "up.test"), "yes")
        check("secure through the parent", secure(self.resolve()))

    def cds(self):
        return [line.split(" CDS ")[1] for line in run_dig(self.popnet.dns, "child.up.test", "cds").answer]

    def signers(self, kind):
        """Algorithms of the signatures of a set at the apex."""
        dug = run_dig(self.popnet.dns, "+dnssec", "child.up.test", kind)
        return {line.split()[5] for line in dug.answer if f" RRSIG {kind.upper()} " in line}

    def follow_cds(self):
        """What the parent's operator does."""
        self.stage.file("up.zone", self.parent + "".join(f"child DS {ds}\n" for ds in self.cds()))
        self.popnet.signal(signal.SIGHUP)
        until("the parent has the DS", lambda: len(run_dig(self.popnet.dns, "child.up.test", "ds").answer) == len(self.cds()))

    def reload(self):
        self.popnet.write_config(self.popnet.config)
        self.popnet.signal(signal.SIGHUP)

    def keys(self, what, *arguments):
        return keys(self.popnet, what, "child.up.test", *arguments)

    def resolve(self):
        return run_dig(self.resolver.address, "+rec", "+dnssec", "www.child.up.test")

    def while_valid(self, what, reached):
        def step():
            dug = self.resolve()
            check("valid during the roll", secure(dug), dug.text)
            before, sync, after = (self.signers(kind) for kind in ("soa", "cds", "soa"))
            check("CDS is signed with every algorithm of the zone", not sync or before & after <= sync, f"{before} {sync} {after}")
            return reached()
        until(what, step)

    def kinds(self):
        """Roles and algorithms of all keys that there are."""
        return re.findall(r"^ *\d+ (\w+ \w+)", self.keys("list"), re.M)

    def roll(self):
        """Until the parent has the DS of the successor, whose tag this is."""
        first = self.cds()
        self.keys("roll")
        self.while_valid("CDS names the successor", lambda: self.cds() and self.cds() != first)
        look_with_dnsviz(self.stage, self.popnet.dns, "child.up.test",
                         ["child.up.test", "www.child.up.test", "nowhere.child.up.test"], "ns")
        anchor = self.stage.file("anchor", anchor_of(ds_of(self.popnet, "up.test")[0]))
        for name, kind in (("www.child.up.test", "A"), ("nowhere.child.up.test", "A"), ("child.up.test", "DNSKEY")):
            said = ask_delv(self.popnet.dns, anchor, "up.test", name, kind)
            check(f"delv, while keys roll: {name} {kind}", "fully validated" in said, said)
        self.follow_cds()
        return self.cds()[0].split()[0]


@scene
def a_ksk_rolls_with_its_parent(stage):
    """A successor is made when asked for; CDS tells the parent; the old key goes when the parent has the new DS."""
    family = Family(stage, propagation="3s")
    successor = family.roll()
    family.keys("ds-seen", "--tag", successor)
    tags = lambda: set(re.findall(r"^ *(\d+) ksk", family.keys("list"), re.M))
    family.while_valid("the old key is gone", lambda: tags() == {successor})


@scene
def a_roll_goes_on_beside_a_broken_file(stage):
    """What an operator has begun to change is not in force before a reload, and stops no roll; a reload that is refused begins none."""
    family = Family(stage, propagation="3s")
    stage.file("child.zone", family.child + "www CNAME edited\nedited A 192.0.2.2\n")
    family.dnssec["keys"] = "csk"
    family.reload()
    until("it is refused", lambda: "the reload was refused" in family.popnet.log())
    zsks = lambda: re.findall(r"^ *(\d+) zsk", family.keys("list"), re.M)
    old, = zsks()
    family.keys("roll", "--tag", old)
    family.while_valid("the ZSK is replaced", lambda: old not in zsks())
    equal("no other roles", sorted(family.kinds()), ["ksk ECDSAP256SHA256", "zsk ECDSAP256SHA256"])
    equal("nothing of the file", run_dig(family.popnet.dns, "edited.child.up.test").answer, [])


@scene
def an_algorithm_rolls_with_its_parent(stage):
    """KSK and ZSK together, and only when asked for; the old ones go when popnet is told which DS the parent has. Then one key for two."""
    family = Family(stage, propagation="2s", zsk_lifetime="5s")
    family.dnssec["algorithm"] = "ed25519"
    family.reload()
    zsks = lambda: re.findall(r"^ *(\d+) zsk", family.keys("list"), re.M)
    first = zsks()
    family.while_valid("ZSKs roll", lambda: not set(first) & set(zsks()))
    equal("their algorithm", set(family.kinds()) - {"ksk ECDSAP256SHA256"}, {"zsk ECDSAP256SHA256"})
    del family.dnssec["zsk_lifetime"]
    family.reload()
    successor = family.roll()
    refused = subprocess.run([POPNET, "keys", "ds-seen", "--config", family.popnet.config_path, "child.up.test"], capture_output=True,
                             text=True, timeout=4 * PATIENCE)
    check("two keys: which one?", refused.returncode != 0 and successor in refused.stderr and "--tag" in refused.stderr, refused.stderr)
    family.keys("ds-seen", "--tag", successor)
    family.while_valid("the old keys are gone", lambda: sorted(family.kinds()) == ["ksk ED25519", "zsk ED25519"])
    family.dnssec["keys"] = "csk"
    before = family.cds()
    family.reload()
    family.while_valid("CDS names the CSK", lambda: family.cds() and family.cds() != before)
    family.follow_cds()
    family.keys("ds-seen", "--tag", family.cds()[0].split()[0])
    family.while_valid("KSK and ZSK are gone", lambda: family.kinds() == ["csk ED25519"])


@scene
def signing_ends(stage):
    """CDS asks the parent to remove the DS; when it has, and resolvers know, signing is turned off. At no time is there no answer."""
    family = Family(stage, propagation="1s", keys="csk")
    family.keys("ds-remove")
    family.while_valid("CDS asks", lambda: family.cds() == ["0 0 0 00"])
    equal("CDNSKEY, too", run_dig(family.popnet.dns, "child.up.test", "cdnskey").answer[0].split(" CDNSKEY ")[1], "0 3 0 AA==")
    stage.file("up.zone", family.parent)
    family.reload()

    def while_answered(what, reached):
        def step():
            dug = family.resolve()
            check("answered", dug.status == "NOERROR" and dug.answer, dug.text)
            return reached(dug)
        until(what, step)

    while_answered("the resolver knows", lambda dug: not secure(dug))
    family.dnssec["enabled"] = False
    family.reload()
    while_answered("no signatures", lambda dug: "RRSIG" not in dug.text)


@scene
def signing_begins_again(stage):
    """With new keys, as docs/dns.md says, while the node runs: the old ones are removed, and the line of the zone in zones_with_keys."""
    state, folder = f"{stage.folder}/state", f"{stage.folder}/keys"
    dnssec = {"enabled": True}
    popnet = stage.popnet(node={"state_dir": state, "key_dir": folder},
                          zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE), "dnssec": dnssec}])
    old = ds_of(popnet)

    def reload(enabled, what, reached):
        dnssec["enabled"] = enabled
        popnet.write_config(popnet.config)
        popnet.signal(signal.SIGHUP)
        until(what, reached)

    signed = lambda: "RRSIG" in run_dig(popnet.dns, "+dnssec", "www.zone.test").text
    reload(False, "not signed", lambda: not signed())
    for name in os.listdir(folder):
        if name.startswith("Kzone.test."):
            os.unlink(os.path.join(folder, name))
    reload(True, "without the keys it is refused", lambda: "take it out of" in popnet.log())
    check("not signed", not signed())
    stage.file("state/zones_with_keys", "")
    reload(True, "signed again", signed)
    check("with another key", ds_of(popnet) != old)
    with open(f"{state}/zones_with_keys", encoding="ascii") as file:
        equal("which is remembered", file.read(), "zone.test.\n")


@scene
def keys_of_another_signer(stage):
    """A zone that was signed elsewhere goes on with its keys, whose DS the parent has: made by BIND, told since when, rolled here."""
    folder, since = f"{stage.folder}/keys", "Publish: 20240101000000\nActivate: 20240101000000\n"
    os.makedirs(folder)
    for role, flag in (("ksk", ["-f", "KSK"]), ("zsk", [])):
        made = subprocess.run(["dnssec-keygen", "-q", "-K", folder, "-a", "ED25519", *flag, "zone.test"], capture_output=True, text=True,
                              timeout=4 * PATIENCE)
        with open(f"{folder}/{made.stdout.strip()}.state", "w", encoding="utf-8") as file:
            file.write(f"Role: {role}\n{since}" + (f"Sync: 20240101000000\nDSSeen: 20240101000000\n" if role == "ksk" else ""))
        if role == "ksk":
            path = f"{folder}/{made.stdout.strip()}.key"
            ds = subprocess.run(["dnssec-dsfromkey", "-2", path], capture_output=True, text=True, timeout=4 * PATIENCE).stdout
    popnet = serve(stage, "ed25519", "ksk-zsk", dnskey_ttl="1s", propagation="1s")
    resolver = validating(stage, popnet, anchors=[ds.strip()])
    check("secure", secure(run_dig(resolver.address, "+rec", "+dnssec", "www.zone.test")))
    cds, = run_dig(popnet.dns, "zone.test", "cds").answer
    equal("CDS is the DS of before", cds.split(" CDS ")[1].replace(" ", ""), ds.split(" DS ")[1].strip().replace(" ", ""))
    keys(popnet, "roll", "zone.test")
    until("they have successors", lambda: keys(popnet, "list", "zone.test").count(" ED25519 ") == 4)


@scene
def two_operators_sign(stage):
    """RFC 8901: two nodes with keys of their own, each with the other's DNSKEY and CDS records in its zone file; a resolver mixes their answers."""
    nodes = [stage.popnet(name=name, node={"key_dir": f"{stage.folder}/keys-{name}"},
                          zones=[{"name": "zone.test", "file": stage.file(f"{name}.zone", ZONE),
                                  "dnssec": {"enabled": True, "dnskey_ttl": "1s", "zone_ttl_max": "5m", "denial": denial}}])
             for name, denial in (("one", "compact"), ("two", "nsec3"))]
    records = lambda node, kind: {line.split(f" {kind} ")[1] for line in run_dig(node.dns, "zone.test", kind.lower()).answer}
    own = [records(node, "DNSKEY") for node in nodes]
    anchors = [ds for node in nodes for ds in ds_of(node)]
    for node, other, anchor in zip(nodes, own[::-1], anchors[::-1]):
        stage.file(f"{node.name}.zone", ZONE + "".join(f"@ 1 DNSKEY {key}\n" for key in other) + f"@ 1 CDS {anchor.split(' DS ')[1]}\n")
        node.signal(signal.SIGHUP)
    for node in nodes:
        until(f"{node.name} has both keys", lambda node=node: records(node, "DNSKEY") == own[0] | own[1])
        check("and the other's CDS", len(records(node, "CDS")) >= 1)
    resolver = stage.unbound({"zone.test": [node.dns for node in nodes]},
                             options='module-config: "validator iterator"\n' + "".join(f'  trust-anchor: "{ds}"\n' for ds in anchors))
    before = [node.counter("popnet_dns_queries_total", transport="udp") for node in nodes]
    for number in range(40):
        for name in (f"n{number}", f"n{number}.wild"):
            dug = run_dig(resolver.address, "+rec", "+dnssec", full(name))
            check(f"{name} is secure", secure(dug), dug.text)
    asked = [node.counter("popnet_dns_queries_total", transport="udp") - count for node, count in zip(nodes, before)]
    check(f"both were asked: {asked}", min(asked) > 5)


@scene
def keys_that_vanish_are_not_made_anew(stage):
    """Validators know the old keys: these go on signing until the folder is back; a node without them does not start."""
    config = {"state_dir": f"{stage.folder}/state", "key_dir": f"{stage.folder}/keys"}
    zones = [{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE), "dnssec": {"enabled": True}}]
    popnet = stage.popnet(node=config, zones=zones)
    resolver = validating(stage, popnet)
    check("the key is told in the log", "key" in popnet.log() and "is made" in popnet.log(), popnet.log())
    refused = subprocess.run([POPNET, "keys", "roll", "--config", popnet.config_path, "--set", "node.manage_keys=false", "zone.test"],
                             capture_output=True, text=True, timeout=4 * PATIENCE)
    check("who does not manage the keys rolls none", refused.returncode != 0 and "node.manage_keys" in refused.stderr, refused.stderr)
    until("the new key is noticed on disk", lambda: "signing zones again" in popnet.log())
    os.rename(f"{stage.folder}/keys", f"{stage.folder}/away")
    until("it is told in the log", lambda: "goes on signing from memory" in popnet.log())
    popnet.signal(signal.SIGHUP)
    until("a reload", lambda: "is in force" in popnet.log())
    for name in ("www", f"n{time.monotonic_ns()}", f"n{time.monotonic_ns()}.wild"):
        dug = run_dig(resolver.address, "+rec", "+dnssec", full(name))
        check(f"{name} without the folder", secure(dug), dug.text)
    check("no new folder", not os.path.exists(f"{stage.folder}/keys"))
    popnet.stop()
    failed = subprocess.run([POPNET, "serve", "--config", popnet.config_path], capture_output=True, text=True, timeout=4 * PATIENCE)
    check("no start without the keys", failed.returncode != 0 and "which had some" in failed.stderr, failed.stderr)


if __name__ == "__main__":
    run()
