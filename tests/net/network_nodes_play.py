#!/usr/bin/env python3
"""A POP of two nodes behind one address: it has one voice, and it lives as long as one of them does."""
import os
import sys
import time

from play import check, equal, run, scene, site, until

HERE = os.path.dirname(os.path.abspath(__file__))
CONTENT, CLIENT = "static.shop.test", "127.10.1.7"
PROBE = {"kind": "http", "path": "/", "interval": "500ms", "timeout": "400ms"}


class Network:
    """ams: the nodes ams-1 and ams-2 behind a balancer; nyc: one node. One origin, on one bus."""

    def __init__(self, stage):
        self.stage = stage
        self.nats = stage.nats()
        self.nginx = stage.nginx(files={"/index.html": "home", "/static/a.css": "a" * 100})
        places = {}
        for node in ("ams-1", "ams-2", "nyc"):
            address = stage.address()
            places[node] = {key: stage.endpoint(address) for key in ("http_listen", "dns_listen", "admin_listen")}
        self.places = places
        self.address = stage.address()  # of ams
        front = stage.endpoint(self.address)
        self.balancer = stage.wait_for(stage.program(
            "balancer", [sys.executable, "-BS", os.path.join(HERE, "balancer.py")],
            [places["ams-1"]["http_listen"], places["ams-2"]["http_listen"]], front))
        nyc_host, nyc_port = places["nyc"]["http_listen"].rsplit(":", 1)
        self.sections = {
            "network": {"name": "nodes", "pop_probes": [{"kind": "http", "interval": "500ms", "timeout": "400ms"},
                                                        {"kind": "host", "interval": "500ms", "max_age": "1500ms"}],
                        "pop_load_target": 10},
            "bus": {"kind": "nats", "url": f"nats://{self.nats.address}"},
            "pops": [{"name": "ams", "addresses": self.address, "http_port": int(front.rsplit(":", 1)[1])},
                     {"name": "nyc", "addresses": nyc_host, "http_port": int(nyc_port)}],
            "clients": [{"network": "127.10.1.0/24", "latency": {"ams": "5ms", "nyc": "90ms"}}],
        }
        self.shop = site("shop", [self.nginx], [{"name": CONTENT, "resolve": "pop", "ttl": "1s"}], probes=[PROBE])
        self.nodes = {node: self.start(node) for node in places}

    def start(self, node, process=None, **more):
        settings = {"pop": node.split("-")[0], "name": node, **self.places[node], **more}
        return self.stage.popnet([self.shop], process or node, node=settings, wait=False, **self.sections)

    def pop(self, name, seen_by="nyc"):
        return next(pop for pop in self.nodes[seen_by].status()["pops"] if pop["name"] == name)

    def named(self):
        """The POP that nyc sends users near ams to."""
        return self.nodes["nyc"].dig(CONTENT, subnet="127.10.1.0/24").addresses()[0]


@scene
def a_node_dies_and_its_pop_lives(stage):
    """kill -9 of one node of two: the POP stays named all the time, the other node goes on as the leader."""
    network = Network(stage)
    for node in network.nodes.values():
        node.wait_ready()
    until("nyc hears both nodes of ams", lambda: network.pop("ams")["nodes"] == ["ams-1", "ams-2"])
    until("and finds the POP up", lambda: network.pop("ams")["health"] == "up")
    until("all answer by the shares of ams-1, the first by name",
          lambda: {node.status()["shares_author"] for node in network.nodes.values()} == {"ams-1"})
    until("the web server has one vote of each POP, not of each node",
          lambda: network.nodes["nyc"].status()["sites"][0]["origins"][0]["probers_up"] == 2)
    load = until("the load of ams is known", lambda: network.pop("ams")["load"])
    check("as a share of one machine", 0 <= load < 2, load)
    equal("users near ams are sent there", network.named(), network.address)

    network.nodes["ams-1"].kill()
    until("nyc hears only ams-2", lambda: stays_named(network) and network.pop("ams")["nodes"] == ["ams-2"])
    until("all go by the shares of ams-2 now", lambda: stays_named(network) and {
        network.nodes[name].status()["shares_author"] for name in ("ams-2", "nyc")} == {"ams-2"}, 30)
    equal("its users get what they ask for", network.nodes["ams-2"].get("/static/a.css", CONTENT).status, 200)
    equal("the POP is up", network.pop("ams")["health"], "up")

    network.nodes["ams-1"] = network.start("ams-1", "ams-1-again").wait_ready()
    until("ams-1 is back, and the leader", lambda: stays_named(network) and network.pop("ams")["nodes"] == [
        "ams-1", "ams-2"] and network.nodes["nyc"].status()["shares_author"] == "ams-1", 30)

    for name in ("ams-1", "ams-2"):
        network.nodes[name].kill()
    until("with both gone nobody is sent there", lambda: network.named() != network.address)


def stays_named(network):
    if network.named() != network.address:
        check("ams stays named", False)
    return True


@scene
def two_nodes_of_one_name(stage):
    """Two nodes that were given one name say so, both of them."""
    network = Network(stage)
    for node in network.nodes.values():
        node.wait_ready()
    address = stage.address()
    places = {key: stage.endpoint(address) for key in ("http_listen", "dns_listen", "admin_listen")}
    twin = network.start("ams-2", "ams-2-twin", **places).wait_ready()
    for node in (twin, network.nodes["ams-2"]):
        until(f"{node.name} says that there is another ams-2",
              lambda node=node: "another node of POP ams calls itself ams-2 too" in node.log())
    check("ams-1 has nothing to say about it", "calls itself" not in network.nodes["ams-1"].log())


if __name__ == "__main__":
    run()
