#!/usr/bin/env python3
"""docs/dns.md by the letter: its configs run as they are printed, at the addresses they name, with Knot and unbound beside them."""
import base64
import os
import re
import signal
import subprocess

import yaml

import own_network
from play import PATIENCE, POPNET, Failure, check, equal, run, scene, until
from play_dig import run_dig
from play_dns_servers import knot
from play_docs import blocks, page
from play_servers import certificate
from play_signed_zone import keys

SECRET = base64.b64encode(bytes(range(32))).decode()
ZONE = "$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 600 604800 60\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.{serial}\n"


def filled(stage, text, name="popnet"):
    """A printed config, with the secret that it wants, and its folders on the stage."""
    for words in ("the output of: openssl rand -base64 32", "the same"):
        text = text.replace(words, SECRET)
    for folder in ("/var/lib/popnet", "/etc/popnet", "/run/dnstap.sock", "/var/log/popnet"):
        text = text.replace(folder, os.path.join(stage.folder, name, os.path.basename(folder)))
    return text


def at(address, text):
    """Knot's printed config, on a machine that has other addresses as well: it sends from this one, as a machine of its own would."""
    return re.sub(r"(\n    address: \S+@53\n)", rf"\1    via: {address}\n", text)


def write_zone(stage, serial):
    return stage.file("example.com.zone", ZONE.format(serial=serial))


def checked(stage, text, name):
    """`popnet check` has nothing to say of it."""
    path = stage.file(f"{name}.yaml", text)
    done = subprocess.run([POPNET, "check", "--config", path], capture_output=True, text=True, timeout=4 * PATIENCE, check=False)
    check(f"popnet check: {done.stdout.strip()}", done.returncode == 0 and "warning" not in done.stdout, done.stdout + done.stderr)
    return path


def serve(stage, text, name="popnet", changes=()):
    """popnet by a printed config, of which only the address of the API is another's business."""
    path = checked(stage, filled(stage, text, name), name)
    sets = [f"--set={change}" for change in (f"node.admin_listen={stage.endpoint()}", *changes)]
    popnet = stage.spawn(name, [POPNET, "serve", "--config", path, *sets])
    until(f"{name} serves DNS", lambda: "serves: dns " in popnet.log() or (not popnet.alive() and check("it runs", False, popnet.log())))
    popnet.config_path = path
    return popnet


def answers(server, name, kind="a", *options):
    try:
        return sorted(line.split(" ", 4)[4] for line in run_dig(server, *options, name, kind).answer if line.split()[3] == kind.upper())
    except Failure:
        return []


@scene
def one_hostname_is_delegated(stage):
    """Two POPs, glue in the zone above, NS or CNAME records in the customer's zone: a resolver finds its way, also when one POP is gone."""
    config, above, customer = blocks("dns.md", "Delegate a name to popnet")
    web = [stage.nginx(f"web{i}", files={"/index.html": "hello"}, address=address) for i, address in enumerate(("192.0.2.80:80", "198.51.100.80:80"))]
    pops = {pop: serve(stage, config, pop, [f"node.pop={pop}"]) for pop in ("ams", "nyc")}
    addresses = sorted(server.address.rsplit(":", 1)[0] for server in web)
    for server in ("192.0.2.1:53", "198.51.100.1:53"):
        until(f"{server} answers", lambda server=server: set(answers(server, "www.shop.example")) <= set(addresses) and answers(server, "www.shop.example"))
    zones = "".join(f"  - domain: {zone}\n    file: {stage.file(zone, ZONE.format(serial=1) + text)}\n"
                    for zone, text in (("example.net", above), ("shop.example", customer)))
    parent = stage.wait_for(knot(stage, "192.0.2.53:53", f"zone:\n{zones}"))
    resolver = stage.unbound({zone: [parent.address] for zone in ("example.net", "shop.example")}, options="infra-host-ttl: 1")
    for name in ("www.shop.example", "static.shop.example"):
        found = answers(resolver.address, name, "a", "+rec")
        check(f"{name} is {found}", found and set(found) <= set(addresses))
    pops["ams"].stop()
    until("one POP alone, asked what is in no cache", lambda: answers(resolver.address, "www.shop.example", "soa", "+rec"))


@scene
def a_zone_is_signed(stage):
    """The first start makes keys; the DS records that `popnet keys list` prints are what a validator wants."""
    write_zone(stage, 80)
    popnet = serve(stage, blocks("dns.md", "Signing")[0])
    listed = {zone: keys(popnet, "list", zone) for zone in ("example.com", "cdn.example.net")}
    anchors = "".join(f'  trust-anchor: "{ds}"\n' for text in listed.values() for ds in re.findall(r"\S+ DS [0-9a-f ]+", text))
    resolver = stage.unbound({zone: ["192.0.2.1:53"] for zone in listed}, options=f'module-config: "validator iterator"\n{anchors}')
    for name, kind in (("www.example.com", "A"), ("nowhere.example.com", "A"), ("cdn.example.net", "SOA"), ("nowhere.cdn.example.net", "A")):
        dug = run_dig(resolver.address, "+rec", "+dnssec", name, kind)
        check(f"{name} {kind} is validated", "ad" in dug.flags, dug.text)


def their_keys(stage, folder):
    """KSKs of example.com, made by Knot and by PowerDNS, as the page takes them over: (who, tag, DS, private key file)."""
    command = re.search(r"`(openssl pkey -in ID\.pem [^`]*)`", page("dns.md")).group(1)
    tool = lambda *argv: subprocess.run(argv, capture_output=True, text=True, timeout=4 * PATIENCE, check=True, cwd=folder).stdout
    knots = tool("keymgr", "-D", folder, "example.com", "generate", "algorithm=ECDSAP256SHA256", "ksk=yes", "zsk=yes").strip().splitlines()[-1]
    ds = tool("keymgr", "-D", folder, "example.com", "ds", knots).splitlines()[0]
    pem = os.path.join(folder, "keys", knots)
    secret = tool("sh", "-c", command.replace("ID.pem", pem + ".pem")).strip()
    head = next(text for text in blocks("dns.md", "Signing") if text.startswith("Private-key-format"))
    yield "Knot", ds.split(" DS ")[1], re.sub(r"PrivateKey: .*", f"PrivateKey: {secret}", head)
    for name, text in (("named.conf", f'zone "example.com" {{ type master; file "{write_zone(stage, 1)}"; }};\n'),
                       ("pdns.conf", f"launch=bind\nbind-config={folder}/named.conf\nbind-dnssec-db={folder}/db\n")):
        stage.file(os.path.join(folder, name), text)
    pdnsutil = lambda *arguments: tool("pdnsutil", f"--config-dir={folder}", *arguments)
    pdnsutil("create-bind-db", f"{folder}/db")
    pdnsutil("secure-zone", "example.com")
    ds = re.search(r"DS = example\.com\. IN DS (\d+ 13 2 \w+)", pdnsutil("show-zone", "example.com")).group(1)
    yield "PowerDNS", ds, pdnsutil("export-zone-key", "example.com", "1")


@scene
def keys_are_taken_over(stage):
    """Of Knot and PowerDNS: the zone goes on with the key whose DS its parent has."""
    folder = os.path.join(stage.folder, "theirs")
    os.mkdir(folder)
    state = next(text for text in blocks("dns.md", "Signing") if text.startswith("Role: ksk")).replace("ksk", "csk")
    for who, ds, private in their_keys(stage, folder):
        write_zone(stage, 80)
        path = f"{who}/popnet/keys/Kexample.com.+013+{int(ds.split()[0]):05}"
        stage.file(f"{path}.private", private)
        stage.file(f"{path}.state", state)
        popnet = serve(stage, blocks("dns.md", "Signing")[0], who)
        check(f"the DS of before, {who}'s", f"DS {ds}" in keys(popnet, "list", "example.com"), keys(popnet, "list", "example.com"))
        equal("and no other key", keys(popnet, "list", "example.com").count(" DS "), 1)
        popnet.stop()


@scene
def knot_has_copies(stage):
    """Knot is the secondary of a zone as it is, then of one that popnet signs, and is told of the next version of each."""
    theirs = blocks("dns.md", "Hidden primary of a signed zone")[1]
    for page, signed in (("Secondaries elsewhere", False), ("Hidden primary of a signed zone", True)):
        write_zone(stage, 1)
        name = "signer" if signed else "plain"
        popnet = serve(stage, blocks("dns.md", page)[0], name)
        server = knot(stage, "192.0.2.53:53", at("192.0.2.53", filled(stage, theirs)) + "    storage: {base}\n", f"knot-{name}")
        until("Knot has it", lambda: answers(server.address, "www.example.com") == ["192.0.2.1"])
        equal("signatures", bool(answers(server.address, "www.example.com", "rrsig", "+dnssec")), signed)
        write_zone(stage, 2)
        popnet.signal(signal.SIGHUP)
        until("Knot is told", lambda: answers(server.address, "www.example.com") == ["192.0.2.2"])
        equal("nobody else gets it", run_dig("192.0.2.10:53", "+tcp", "example.com", "axfr").answer, [])
        server.stop()
        popnet.stop()


@scene
def popnet_has_a_copy(stage):
    """Knot is the primary; popnet fetches, is told of the next version, and has a copy on disk."""
    ours, theirs = blocks("dns.md", "Being a secondary")
    write_zone(stage, 1)
    popnet = serve(stage, ours)
    server = knot(stage, "192.0.2.10:53", at("192.0.2.10", filled(stage, theirs)).replace("file: ", f"file: {stage.folder}/"))
    until("popnet has it", lambda: answers("192.0.2.53:53", "www.example.com") == ["192.0.2.1"])
    write_zone(stage, 2)
    server.process.signal(signal.SIGHUP)
    until("it is told", lambda: answers("192.0.2.53:53", "www.example.com") == ["192.0.2.2"])
    equal("the copy", len(os.listdir(os.path.join(stage.folder, "popnet", "popnet", "zones"))), 1)
    popnet.stop()


@scene
def the_others_are_right(stage):
    """What else is printed on the page is without error and warning."""
    certificate(stage, "dns.test")
    folder = os.path.join(stage.folder, "other")
    os.makedirs(os.path.join(folder, "popnet"))
    for name in ("dns.pem", "dns.key"):
        os.rename(os.path.join(stage.folder, name), os.path.join(folder, "popnet", name))
    for heading in ("Abuse", "Transports", "AF_XDP: past the kernel's network stack", "Records of queries"):
        for text in blocks("dns.md", heading):
            if text.startswith(("node:", "dns:")):
                checked(stage, filled(stage, text, "other"), "other")


if __name__ == "__main__":
    own_network.enter()
    for network in ("192.0.2.0/24", "198.51.100.0/24"):
        subprocess.run(["ip", "address", "add", network, "dev", "lo"], check=True)
    run()
