#!/usr/bin/env python3
"""Which config is in force after a PUT, a changed file, SIGHUP, a restart, and a bus that has lost what it kept."""
import json
import os
import shutil

from play import check, equal, run, scene, site, until

NOBODY = "127.0.0.1:1"


def sites(*names):
    return [site(name, [NOBODY]) for name in names]


def put(popnet, **sections):
    return popnet.api("PUT", "/v1/config", sections)


def follower(stage, nats, name="popnet"):
    """A node that takes the network's config from the bus and keeps it on disk; those of one stage share the folder."""
    popnet = stage.popnet(sites("file"), name=name, node={"state_dir": os.path.join(stage.folder, "state")},
                          bus={"kind": "nats", "url": f"nats://{nats.address}", "follow_config": True})
    until(f"{name} is on the bus", lambda: popnet.status()["bus"]["connected"])
    return popnet


def in_force(popnet, *names):
    until(f"{popnet.name} serves {' and '.join(names)}",
          lambda: [one["name"] for one in popnet.status()["sites"]] == list(names))


@scene
def store_made_anew(stage):
    """The bus loses its store and counts from 1 again: what is put after that is in force, and still is after a restart."""
    nats = stage.nats()
    popnet = follower(stage, nats)
    for name in ("one", "two", "three"):
        equal(f"{name} is put on the bus", put(popnet, sites=sites(name)).status, 200)
        in_force(popnet, name)
    nats.kill()
    until("the bus is gone", lambda: not popnet.status()["bus"]["connected"])
    shutil.rmtree(os.path.join(stage.folder, "nats"))
    nats = stage.nats(address=nats.address)
    until("an empty one is there", lambda: popnet.status()["bus"]["connected"])
    in_force(popnet, "three")
    equal("four is put on the bus", put(popnet, sites=sites("four")).status, 200)
    in_force(popnet, "four")

    equal("the node is stopped", popnet.stop(), 0)
    again = follower(stage, nats, "again")
    in_force(again, "four")
    equal("stopped once more", again.stop(), 0)
    nats.kill()
    shutil.rmtree(os.path.join(stage.folder, "nats"))
    nats = stage.nats(address=nats.address)
    third = follower(stage, nats, "third")
    in_force(third, "four")
    equal("five is the first that this store gets", put(third, sites=sites("five")).status, 200)
    in_force(third, "five")


if __name__ == "__main__":
    run()
