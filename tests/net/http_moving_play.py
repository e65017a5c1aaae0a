#!/usr/bin/env python3
"""The configs of nginx, Varnish and Traffic Server in docs/edge.md, and ours beside them: they run, and serve the same shop alike."""
import os
import re
import subprocess

import yaml
from play import POPNET, check, equal, run, scene, until
from play import _connect as connect
from play_servers import Server

HOST = "www.shop.example"
PEERS = ("nginx", "Varnish", "Traffic Server")


def recipes():
    """{"nginx": (its config, ours), ...}"""
    docs = os.path.join(os.path.dirname(__file__), "../../docs/edge.md")
    with open(docs, encoding="utf-8") as file:
        section = file.read().split("## Coming from nginx", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```\w*\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return {peer: blocks[2 * i:2 * i + 2] for i, peer in enumerate(PEERS)}


def shop(asked):
    """What the shop's web servers say; /static says nothing of caching, and sets a cookie."""
    fields = {"/": {"Cache-Control": "max-age=60"}, "/account/me": {"Cache-Control": "max-age=60"}, "/mine": {"Cache-Control": "private"}, "/warm": {"Cache-Control": "max-age=60"},
              "/static/a.css": {"Set-Cookie": "a=b"}}
    asked.answer(200, fields.get(asked.path, {}), asked.path)


def serves_the_shop(who, address, origins):
    """What it asks its web servers for, and what users get."""
    def ask(path, method="GET", **fields):
        answer = connect(address).ask(path, HOST, method, {"Connection": "close", **fields}).answer(method)
        return answer.status, answer.fields

    for path, cookie, status, asked in (("/", "", 200, 1), ("/", "a=1", 200, 1), ("/static/a.css", "", 200, 1), ("/static/a.css", "", 200, 1), ("/account/me", "", 200, 1),
                                        ("/account/me", "", 200, 2), ("/mine", "", 200, 1), ("/mine", "", 200, 2), ("/admin/x", "", 403, 0)):
        got, _ = ask(path, **({"Cookie": cookie} if cookie else {}))
        equal(f"{who}: {path}", (got, sum(r.path == path for origin in origins for r in origin.asked)), (status, asked))
    check(f"{who}: no cookie from the store", "Set-Cookie" not in ask("/static/a.css")[1])
    equal(f"{who}: one host for the web servers", {r.fields["Host"] for origin in origins for r in origin.asked}, {HOST})


def theirs(stage, peer, endpoint, folder, origins):
    """Its config with the addresses of this stage."""
    text = recipes()[peer][0]
    for number, origin in enumerate(origins, 1):
        text = text.replace(f"192.0.2.{number}:8000", origin.address)
        text = text.replace(f'"192.0.2.{number}"; .port = "8000"', f'"{origin.host}"; .port = "{origin.port}"')
    return text.replace("listen 80;", f"listen {endpoint};").replace("/var/cache/nginx", f"{folder}/cache")


def ours(stage, peer, origins):
    config = yaml.safe_load(recipes()[peer][1])
    for site in config["sites"]:
        site["origins"] = [{"address": origin.address} for origin in origins][:len(site["origins"])]
    return stage.popnet(config["sites"], node={"cache_memory": config["node"]["cache_memory"]})


@scene
def right(stage):
    """`popnet check` finds nothing in any of ours."""
    for peer, (_, config) in recipes().items():
        result = subprocess.run([POPNET, "check", "--config", stage.file(f"{peer}.yaml", config)], capture_output=True, text=True, timeout=15)
        equal(peer, (result.returncode, result.stderr), (0, ""))


@scene
def from_nginx(stage):
    """nginx and popnet before the same web servers."""
    origins = [stage.origin(shop) for _ in range(2)]
    endpoint, folder = stage.endpoint(), os.path.join(stage.folder, "nginx")
    temp = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = stage.file("nginx/nginx.conf", f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {folder}/pid; events {{}}\n"
                        f"http {{ access_log off; {temp}\n{theirs(stage, 'nginx', endpoint, folder, origins)}\n}}\n")
    stage.wait_for(Server(stage.spawn("nginx", ["/usr/sbin/nginx", "-p", folder, "-c", config, "-e", f"{folder}/error.log"]), endpoint))
    serves_the_shop("nginx", endpoint, origins)
    others = [stage.origin(shop) for _ in range(2)]
    serves_the_shop("popnet", ours(stage, "nginx", others).http, others)


@scene
def from_varnish(stage):
    """Varnish and popnet before the same web servers."""
    origins = [stage.origin(shop) for _ in range(2)]
    endpoint, folder = stage.endpoint(), os.path.join(stage.folder, "varnish")
    config = stage.file("shop.vcl", theirs(stage, "Varnish", endpoint, folder, origins))
    stage.wait_for(Server(stage.spawn("varnish", ["/usr/sbin/varnishd", "-F", "-j", "none", "-n", folder, "-a", endpoint, "-f", config, "-s", "malloc,64m"]), endpoint))
    serves_the_shop("Varnish", endpoint, origins)
    others = [stage.origin(shop) for _ in range(2)]
    serves_the_shop("popnet", ours(stage, "Varnish", others).http, others)


def start_traffic_server(stage, endpoint, lines):
    """All that it reads and writes on the stage; `lines` of remap.config, and behind an empty line of cache.config."""
    base, (host, port) = os.path.join(stage.folder, "ats"), endpoint.rsplit(":", 1)
    places = {"prefix": "/usr", "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin", "includedir": "/usr/include",
              "libdir": "/usr/lib/trafficserver", "libexecdir": "/usr/lib/trafficserver/modules", "sysconfdir": f"{base}/etc",
              "datadir": f"{base}/data", "localstatedir": f"{base}/run", "runtimedir": f"{base}/run", "logdir": f"{base}/log", "cachedir": f"{base}/cache"}
    for folder in ("cache", "run", "log", "data"):
        os.makedirs(f"{base}/{folder}")
    remap, cache = lines.split("\n\n")
    for name, text in {
            "runroot.yaml": "".join(f"{key}: {value}\n" for key, value in places.items()), "etc/remap.config": remap + "\n", "etc/cache.config": cache,
            "etc/storage.config": f"{base}/cache 64M\n", "etc/ip_allow.yaml": "ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.0/8, action: allow, methods: ALL}\n",
            "etc/records.config": f"CONFIG proxy.config.http.server_ports STRING {port}:ip-in={host}\nCONFIG proxy.config.url_remap.pristine_host_hdr INT 1\n"
                                  "CONFIG proxy.config.admin.user_id STRING #-1\nCONFIG proxy.config.crash_log_helper STRING NULL\n"}.items():
        stage.file(f"ats/{name}", text)
    stage.wait_for(Server(stage.spawn("ats", ["/usr/bin/traffic_server", f"--run-root={base}/runroot.yaml"]), endpoint))


@scene
def from_traffic_server(stage):
    """Traffic Server and popnet before the same web server."""
    origin, endpoint = stage.origin(shop), stage.endpoint()
    start_traffic_server(stage, endpoint, theirs(stage, "Traffic Server", endpoint, stage.folder, [origin]))

    def serves_from_its_cache():  # which it opens some time after its port
        before = len(origin.asked)
        connect(endpoint).ask("/warm", HOST).answer()
        return len(origin.asked) == before
    until("its cache is open", serves_from_its_cache)
    serves_the_shop("Traffic Server", endpoint, [origin])
    others = [stage.origin(shop)]
    serves_the_shop("popnet", ours(stage, "Traffic Server", others).http, others)


if __name__ == "__main__":
    run()
