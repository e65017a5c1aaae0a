#!/usr/bin/env python3
"""The configs that stand side by side in docs/routing.md answer alike: gdnsd's and PowerDNS's own programs beside popnet, while
web servers die."""
import os
import re
import subprocess

import yaml

from play import PATIENCE, ROOT, check, equal, run, scene, until
from play_dig import run_dig
from play_dns import dig
from play_docs import blocks

DATABASE = os.path.join(ROOT, "tests/data/GeoIP2-City-Test.mmdb")
BRITAIN, STATES, OFFICE, NOWHERE = "81.2.69.160/27", "216.160.83.56/29", "192.0.2.0/24", "203.0.113.0/24"
CLIENTS = (BRITAIN, STATES, OFFICE, NOWHERE)
SERVERS = {"192.0.2.1": "eu1", "192.0.2.2": "eu2", "198.51.100.1": "us1", "198.51.100.2": "us2"}
NAME = "www.shop.example"
ZONE = ("@ SOA ns1 hostmaster 1 3600 600 604800 60\n@ NS ns1\n@ 300 MX 10 mail\nns1 A 192.0.2.53\nmail A 192.0.2.25\n"
        "alias 60 CNAME mail\n*.wild TXT \"a wildcard\"\n")
ASKED = (("shop.example", "NS"), ("shop.example", "MX"), ("mail.shop.example", "A"), ("alias.shop.example", "CNAME"), ("x.wild.shop.example", "TXT"))


class Migration:
    """nginx in place of the four servers, at addresses of this play and one port; popnet with the config of the page."""

    def __init__(self, stage, popnet_block, zone=None):
        """`zone`: the text of a file for shop.example."""
        self.stage, self.web, self.address = stage, {}, {}
        self.port = int(stage.endpoint().rsplit(":", 1)[1])
        for address, name in SERVERS.items():
            self.address[address] = stage.address()
            self.web[name] = stage.nginx(name, files={"/health": "well"}, address=f"{self.address[address]}:{self.port}")
        self.names = {here: SERVERS[there] for there, here in self.address.items()}
        config = yaml.safe_load(popnet_block)
        for origin in config["sites"][0]["origins"]:
            origin["address"] = f"{self.address[origin['address'].split(':')[0]]}:{self.port}"
        config["sites"][0]["probes"][0].update(interval="200ms", timeout="200ms", rise=1, fall=1)
        config.setdefault("network", {})["geo_file"] = DATABASE
        zones = {"zones": [{"name": "shop.example", "file": stage.file("popnet/shop.example", zone)}]} if zone else {}
        self.popnet = stage.popnet(config["sites"], **zones, network=config["network"], node={"edge": False, "probe": True})

    def placed(self, text):
        """Another server's config with the addresses of this play."""
        for there, here in self.address.items():
            text = re.sub(rf"(?<![\d.]){re.escape(there)}(?![\d./])", here, text)
        return text

    def answers(self, server, client):
        return {self.names.get(address, address) for address in dig(server, NAME, subnet=client).addresses()}

    def alike(self, other, what, compare):
        until(what, lambda: all(compare(self.answers(self.popnet.dns, client), self.answers(other, client))
                                for client in CLIENTS), 30)


@scene
def gdnsd(stage):
    """Regions and an exception by network: gdnsd and popnet answer with the same addresses, also when a region is gone."""
    theirs, ours = blocks("routing.md", "Move from gdnsd")
    migration = Migration(stage, ours, "$TTL 86400\n" + ZONE)
    text = migration.placed(theirs).replace("interval => 5, timeout => 2", f"port => {migration.port}, interval => 2, timeout => 1, "
                                              "up_thresh => 1, ok_thresh => 1, down_thresh => 1")
    dns = stage.endpoint()
    base = os.path.join(stage.folder, "gdnsd")
    for folder in ("run", "state"):
        os.makedirs(os.path.join(base, folder))
    stage.file("gdnsd/geoip/GeoLite2-Country.mmdb", open(DATABASE, "rb").read())
    stage.file("gdnsd/zones/shop.example", ZONE + "www 30 DYNA geoip!shop\n")
    stage.file("gdnsd/config", f"options => {{ listen => {dns}, run_dir => {base}/run, state_dir => {base}/state }}\n{text}")
    stage.spawn("gdnsd", ["/usr/sbin/gdnsd", "-c", base, "start"])
    until("gdnsd answers", lambda: answers(dns))
    same_zone(migration.popnet.dns, dns)
    migration.alike(dns, "all are alive: the same addresses", lambda a, b: a == b)
    equal("Britain's", migration.answers(dns, BRITAIN), {"eu1", "eu2"})
    equal("the office's", migration.answers(dns, OFFICE), {"us1", "us2"})
    for victim in ("eu1", "eu2"):
        migration.web[victim].kill()
    until("Europe is gone: popnet sends Britain to America", lambda: migration.answers(migration.popnet.dns, BRITAIN) == {"us1", "us2"})
    migration.alike(dns, "and so does gdnsd", lambda a, b: a == b)


@scene
def powerdns(stage):
    """A Lua record: PowerDNS answers with one of the addresses that popnet chooses among, also when servers die."""
    theirs, ours = blocks("routing.md", "Move from PowerDNS Lua records")
    migration = Migration(stage, ours)
    text = migration.placed(theirs).replace("http://www.shop.example/", f"http://www.shop.example:{migration.port}/")
    dns = stage.endpoint()
    host, port = dns.rsplit(":", 1)
    zone = stage.file("pdns/shop.example.zone", "$ORIGIN shop.example.\n$TTL 3600\n" + ZONE + text)
    named = stage.file("pdns/named.conf", f'zone "shop.example" {{ type master; file "{zone}"; }};\n')
    zones = stage.file("pdns/geo.yaml", "domains: []\n")
    folder = os.path.dirname(zone)
    stage.file("pdns/pdns.conf", f"""launch=bind,geoip
bind-config={named}
geoip-database-files=mmdb:{DATABASE}
geoip-zones-file={zones}
local-address={host}
local-port={port}
socket-dir={folder}
enable-lua-records=yes
edns-subnet-processing=yes
cache-ttl=0
query-cache-ttl=0
lua-health-checks-interval=1
security-poll-suffix=
""")
    stage.spawn("pdns", ["/usr/sbin/pdns_server", f"--config-dir={folder}", "--daemon=no", "--guardian=no"])
    until("PowerDNS answers", lambda: answers(dns))
    listed = subprocess.run(["pdnsutil", f"--config-dir={folder}", "list-zone", "shop.example"], capture_output=True, text=True,
                            timeout=4 * PATIENCE, check=True).stdout
    without = "".join(line for line in listed.splitlines(True) if "\tLUA\t" not in line)
    equal("pdnsutil list-zone, without the LUA record", listed.count("\n") - without.count("\n"), 1)
    same_zone(stage.popnet(name="zone", zones=[{"name": "shop.example", "file": stage.file("listed", without)}]).dns, dns)
    among = {BRITAIN: {"eu1", "eu2"}, STATES: {"us1", "us2"}, OFFICE: {"us2"}, NOWHERE: {"eu1", "eu2"}}

    def all_among(server):
        return all(migration.answers(server, client) and migration.answers(server, client) <= among[client] for client in CLIENTS)

    until("PowerDNS chooses among these", lambda: all_among(dns), 30)
    until("popnet, too", lambda: all_among(migration.popnet.dns))
    migration.web["us1"].kill()
    among[STATES] = {"us2"}
    until("us1 is dead: popnet answers us2", lambda: all_among(migration.popnet.dns))
    until("PowerDNS, too", lambda: all_among(dns), 30)
    migration.web["us2"].kill()
    among[STATES] = {"eu1"}
    until("both are dead: popnet answers eu1, and the office what it had", lambda: all_among(migration.popnet.dns))
    until("PowerDNS, too", lambda: all_among(dns), 30)


def same_zone(ours, theirs):
    """What is not decided is answered alike, with its TTL."""
    for name, kind in ASKED:
        equal(f"{name} {kind}", sorted(run_dig(ours, name, kind).answer), sorted(run_dig(theirs, name, kind).answer))
        check("which is something", run_dig(ours, name, kind).answer)


def answers(server):
    """Whether anybody answers there yet."""
    try:
        return bool(dig(server, "ns1.shop.example").addresses())
    except OSError:
        return False


if __name__ == "__main__":
    run()
