#!/usr/bin/env python3
"""A customer's page in a real browser: the page from a web server, every image of it from the POP that is best for the user."""
import html
import os
import re
import struct
import subprocess
import tempfile
import zlib

from network import ASIA, CONTENT, EUROPE, PAGE, Network
from play import PATIENCE, Failure, check, equal, run, scene

IMAGES = 12


def png(side):
    """A square of one colour."""
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes([20 * side % 256, 90, 160]) * side) * side
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack("!2I5B", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def home_page():
    images = "".join(f'<img src="http://{CONTENT}/static/{number}.png">' for number in range(1, IMAGES + 1))
    return f"""<!doctype html><title>shop</title><h1>Shop</h1>{images}
<script>onload = () => {{ document.body.dataset.sizes = [...document.images].map(image => image.naturalWidth).join() }}</script>"""


def sizes_in_browser(stage, network, user):
    """Opens the page as this user's browser: the width of each image as it has been drawn, 0 where it has not."""
    rules = ", ".join([f"MAP {name} {network.at(network.resolve(name, user)[0])}" for name in (PAGE, CONTENT)] +
                      ["MAP * ~NOTFOUND"])
    profile = tempfile.mkdtemp(prefix="browser-", dir=stage.folder)  # a visitor who has never been here
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--no-proxy-server", "--disable-background-networking", f"--user-data-dir={profile}",
         f"--host-resolver-rules={rules}", "--dump-dom", f"http://{PAGE}/"],
        capture_output=True, text=True, check=False, timeout=4 * PATIENCE, env={**os.environ, "HOME": stage.folder})
    found = re.search(r'data-sizes="([^"]*)"', done.stdout)
    if not found:
        raise Failure(f"the page has not loaded: {html.unescape(done.stdout)[:500]}\n{done.stderr[-2000:]}")
    return [int(size) for size in found.group(1).split(",")]


def outcomes(pop):
    """How many requests of users this POP has answered, and how many of them from its store."""
    count = lambda *names: sum(pop.counter("popnet_http_requests_total", outcome=name) for name in names)
    return count("hit", "stale", "revalidated", "miss", "collapsed", "pass"), count("hit")


@scene
def a_page_and_its_images(stage):
    """Chromium draws all images; they came through one POP, which asked the web servers for each once."""
    content = {f"/static/{number}.png": png(number) for number in range(1, IMAGES + 1)}
    network = Network(stage, {"/index.html": home_page(), **content})
    for user, pop, far in ((EUROPE, "ams", "nyc"), (ASIA, "sin", "nyc")):
        equal(f"{CONTENT} is {pop} there", network.at(network.resolve(CONTENT, user)[0]), network.pops[pop].http)
        fills = sum(web.content_served() for web in network.web)
        pages = sum(web.asked("/") for web in network.web)
        equal("every image is drawn", sizes_in_browser(stage, network, user), list(range(1, IMAGES + 1)))
        equal(f"all of them came from {pop}", outcomes(network.pops[pop]), (IMAGES, 0))
        equal(f"{far} was not asked", outcomes(network.pops[far]), (0, 0))
        equal("the web servers gave each once", sum(web.content_served() for web in network.web) - fills, IMAGES)
        check("and the page itself", sum(web.asked("/") for web in network.web) > pages)
    asked = sum(web.content_served() for web in network.web)
    equal("another visitor sees the same", sizes_in_browser(stage, network, EUROPE), list(range(1, IMAGES + 1)))
    equal("out of the store of ams", outcomes(network.pops["ams"]), (2 * IMAGES, IMAGES))
    equal("the web servers gave nothing for it", sum(web.content_served() for web in network.web), asked)


if __name__ == "__main__":
    run()
