"""Knot, NSD and BIND for plays: what each needs to run on the stage; what zones it has, the play says in its own words.

`zones`: sections of that server's config. `name`: of its process and folder. `key()` writes a TSIG key for each of them. What
they return has not been waited for; see Stage.wait_for(). BIND listens at addresses of interfaces only: give it an endpoint at
127.0.0.1.
"""
import os

from play_servers import Server

__all__ = ["bind", "bind_key", "knot", "knot_key", "knot_peer", "nsd", "nsd_key", "split"]


def split(endpoint):
    """Address and port."""
    return endpoint.rsplit(":", 1)


def _folder(stage, name):
    base = os.path.join(stage.folder, name)
    os.makedirs(base, exist_ok=True)
    return base


def knot_key(name, secret):
    return f"key:\n  - id: {name}\n    algorithm: hmac-sha256\n    secret: {secret}\n"


def knot_peer(endpoint, action, key=None):
    """A remote and an acl, both called popnet: Knot knows who is there, and lets this machine do that ("transfer", "notify")."""
    host, port = split(endpoint)
    signed = f"    key: {key}\n" if key else ""
    return (f"remote:\n  - id: popnet\n    address: {host}@{port}\n{signed}"
            f"acl:\n  - id: popnet\n    address: 127.0.0.0/8\n{signed}    action: {action}\n")


def knot(stage, endpoint, zones, name="knot"):
    """`{base}` in the zones' text is its folder. Its configure() writes other zones, to be read at SIGHUP."""
    (host, port), base = split(endpoint), _folder(stage, name)
    configure = lambda sections: stage.file(f"{name}.conf", f"""
server:
  listen: {host}@{port}
  rundir: {base}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {base}
log:
  - target: stderr
    any: info
{sections.replace("{base}", base)}
""")
    server = Server(stage.spawn(name, ["/usr/sbin/knotd", "-c", configure(zones), "-s", f"{base}/knot.sock"]), endpoint)
    server.configure = configure
    return server


def nsd_key(name, secret):
    return f'key:\n  name: {name}\n  algorithm: hmac-sha256\n  secret: "{secret}"\n'


def nsd(stage, endpoint, zones, name="nsd"):
    (host, port), base = split(endpoint), _folder(stage, name)
    config = stage.file(f"{name}.conf", f"""
server:
  ip-address: {host}@{port}
  server-count: 1
  database: ""
  username: ""
  chroot: ""
  zonesdir: "{base}"
  xfrdfile: "{base}/xfrd.state"
  xfrdir: "{base}"
  zonelistfile: "{base}/zone.list"
  pidfile: ""
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: no
{zones}
""")
    return Server(stage.spawn(name, ["/usr/sbin/nsd", "-d", "-c", config]), endpoint)


def bind_key(name, secret):
    return f'key "{name}" {{ algorithm hmac-sha256; secret "{secret}"; }};\n'


def bind(stage, endpoint, zones, options="", name="bind"):
    """`options`: more for its block of that name."""
    (host, port), base = split(endpoint), _folder(stage, name)
    config = stage.file(f"{name}.conf", f"""
options {{
  directory "{base}"; pid-file none; session-keyfile "{base}/session.key"; lock-file none;
  listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; minimal-responses yes; {options}
}};
controls {{ }};
{zones}
""")
    return Server(stage.spawn(name, ["/usr/sbin/named", "-g", "-n", "1", "-c", config]), endpoint)
