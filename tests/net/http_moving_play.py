#!/usr/bin/env python3
"""The configs of nginx, Varnish and Traffic Server in docs/edge.md, and ours beside them: they run, and serve the same shop alike."""
import os
import re
import subprocess

import yaml
from play import POPNET, check, equal, run, scene
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
    fields = {"/": {"Cache-Control": "max-age=60"}, "/account/me": {"Cache-Control": "max-age=60"}, "/mine": {"Cache-Control": "private"},
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


@scene
def from_traffic_server(stage):
    """popnet with what stands beside Traffic Server's lines."""
    others = [stage.origin(shop)]
    serves_the_shop("popnet", ours(stage, "Traffic Server", others).http, others)


if __name__ == "__main__":
    run()
