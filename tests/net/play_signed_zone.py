"""A zone with something of all that signing has rules for, a popnet that signs it, a resolver that validates, and `popnet keys`."""
import re
import subprocess

from play import POPNET, site
from play_http import PATIENCE, Failure

# The zone is of the play: it begins with a $TTL and a SOA record.
RECORDS = """@        NS  ns1
@        MX  10 Mail
ns1      A   127.0.0.1
mail     A   192.0.2.25
www      A   192.0.2.80
www      AAAA 2001:db8::80
*.wild   A   192.0.2.99
*.wild   TXT "a wildcard"
a.b.deep TXT "deep"
tree     DNAME deep
signed   NS  ns.signed
signed   DS  12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.signed A  192.0.2.54
plain    NS  ns.plain
ns.plain A   192.0.2.55
caa      CAA 0 issue "ca.example.net"
"""

ZONE = "$TTL 300\n@ SOA ns1 hostmaster 2024010101 3600 600 604800 60\n" + RECORDS + """alias    CNAME www
out      CNAME shop.zone.test.
naptr    NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:Info@example.com!" .
srv      SRV 1 2 443 WWW
"""


def full(name):
    return f"{name}.zone.test" if name else "zone.test"


def keys(popnet, *arguments):
    """popnet keys … with the node's config; what it says."""
    command = [POPNET, "keys", arguments[0], "--config", popnet.config_path, *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE)
    if done.returncode != 0 or done.stderr:
        raise Failure(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def serve(stage, algorithm="ecdsa-p256", keys="csk", text=ZONE, ttl="20s", **dnssec):
    origin = stage.origin(lambda asked: asked.answer(200, {}, "x"))
    shop = site("shop", [origin])
    shop["hostnames"] = [{"name": "shop.zone.test", "resolve": "origin", "ttl": ttl}]
    options = {"enabled": True, "algorithm": algorithm, "keys": keys, **dnssec}
    return stage.popnet([shop], node={"key_dir": f"{stage.folder}/keys"},
                        zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", text), "dnssec": options}])


def ds_of(popnet, zone="zone.test"):
    """DS records of the zone's keys, as in a zone file."""
    return re.findall(rf"{re.escape(zone)}\. DS [0-9a-f ]+", keys(popnet, "list", zone))


def validating(stage, popnet, zones=("zone.test",), anchors=None, harden="no"):
    anchor = "".join(f'  trust-anchor: "{ds}"\n' for ds in anchors or ds_of(popnet))
    return stage.unbound({zone: [popnet.dns] for zone in zones},
                         options=f'module-config: "validator iterator"\n{anchor}  val-log-level: 2\n  harden-algo-downgrade: {harden}\n')


def anchor_of(ds):
    """A DS record as delv wants it."""
    name, _, *numbers, digest = ds.split()
    return f'trust-anchors {{ "{name}" static-ds {" ".join(numbers)} "{digest}"; }};\n'


def secure(dug):
    return "ad" in dug.flags and dug.status in ("NOERROR", "NXDOMAIN")
