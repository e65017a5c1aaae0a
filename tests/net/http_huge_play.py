#!/usr/bin/env python3
"""An object of 5 GiB in slices: right at every place that is looked at, in the memory that the store has."""
import os
import socket
import time

from play import check, equal, run, scene, site, until

SIZE, SLICE, MEMORY = 5 << 30, 8 << 20, 64 << 20
MARKS = {0: b"the first bytes.", SLICE - 8: b"on both sides of", 300 * SLICE + 12345: b"far within it...", SIZE - 16: b"the last bytes.."}


def film(stage):
    """nginx with a sparse file that has marks at some places."""
    nginx = stage.nginx()
    with open(os.path.join(nginx.root, "film"), "wb") as file:
        file.truncate(SIZE)
        for at, mark in MARKS.items():
            file.seek(at)
            file.write(mark)
    return nginx


def peak(popnet):
    """The most memory that the process has had, in bytes."""
    with open(f"/proc/{popnet.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def serve(stage, nginx, memory=MEMORY):
    return stage.popnet([site("a", [nginx], cache={"slice": "8MiB"}, rules=[{"path": "*", "ttl": "1h"}])],
                        node={"cache_memory": f"{memory >> 20}MiB"})


@scene
def whole_and_in_parts(stage):
    """The whole goes through a store of 64 MiB; ranges of it come from where they lie, and then from the store."""
    nginx = film(stage)
    popnet = serve(stage, nginx)
    for at, mark in MARKS.items():
        answer = popnet.get("/film", "a.test", Range=f"bytes={at}-{at + 15}")
        equal(f"16 bytes at {at}", (answer.status, answer.body, answer.fields["Content-Range"]),
              (206, mark, f"bytes {at}-{at + 15}/{SIZE}"))
    equal("from the end", popnet.get("/film", "a.test", Range="bytes=-16").body, MARKS[SIZE - 16])
    check("again: from the store", popnet.get("/film", "a.test", Range="bytes=0-15").hit)
    # The very first was given up when its user had his 16 bytes: nobody had asked for the object before.
    until("five slices were asked for", lambda: len(nginx.requests()) == 5)

    start = time.monotonic()
    client = popnet.connect().ask("/film", "a.test")
    start_line, fields = client.read_head()
    equal("the whole", (start_line, fields["Content-Length"]), ("HTTP/1.1 200 OK", str(SIZE)))
    equal("its first bytes", client.read(16), MARKS[0])
    left = SIZE - 32 - len(client.pending)
    client.pending.clear()
    room = bytearray(1 << 20)
    while left > 0:  # the kernel throws them away: nobody compares 5 GiB of zeros
        got = client.sock.recv_into(room, min(left, len(room)), socket.MSG_TRUNC)
        if got == 0:
            check("it goes on to the end", False, f"{left} bytes are missing")
        left -= got
    equal("its last bytes", client.read(16), MARKS[SIZE - 16])
    print(f"  5 GiB in {time.monotonic() - start:.1f} s, {peak(popnet) >> 20} MiB of memory at most")
    check("memory is a few times that of the store", peak(popnet) < 4 * MEMORY, peak(popnet))


@scene
def readers_that_do_not_read(stage):
    """A hundred users ask for different parts and read nothing: they hold no more than the store may have twice."""
    popnet = serve(stage, film(stage), 32 << 20)
    lazy = [popnet.connect().ask("/film", "a.test", fields={"Range": f"bytes={i * 6 * SLICE}-"}) for i in range(100)]
    until("all have begun", lambda: all(client.readable() for client in lazy), 60)
    equal("others are served", popnet.get("/film", "a.test", Range=f"bytes={SIZE - 16}-").body, MARKS[SIZE - 16])
    held = popnet.counter("popnet_http_store_bytes") + popnet.counter("popnet_http_store_held_bytes")
    check("what is stored, and held by readers", held <= (32 << 20) + (64 << 20) + 100 * (320 << 10), held)
    check("memory", peak(popnet) < 256 << 20, peak(popnet))
    for client in lazy:
        client.reset()


if __name__ == "__main__":
    run()
