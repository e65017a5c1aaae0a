"""A zone with something of all that signing has rules for, and `popnet keys`."""
import subprocess

from play import POPNET
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


def full(name):
    return f"{name}.zone.test" if name else "zone.test"


def keys(popnet, *arguments):
    """popnet keys … with the node's config; what it says."""
    command = [POPNET, "keys", arguments[0], "--config", popnet.config_path, *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE)
    if done.returncode != 0 or done.stderr:
        raise Failure(f"{' '.join(command)}: {done.stderr}")
    return done.stdout
