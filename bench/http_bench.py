#!/usr/bin/env python3
"""popnet's edge beside its peers over HTTP, in one run on this machine: one core for the server, the other for the load and
the origin. Parts: hit, miss, idle, latency; bench/README.md says what each measures and how.
"""
import argparse

import http_hit
import http_idle
import http_latency
import http_miss

PARTS = {part.NAME: part for part in (http_hit, http_miss, http_idle, http_latency)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--seconds", type=int, help="of one measurement")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", help="hit: of these servers, comma separated: floor," + ",".join(http_hit.PEERS) + ",popnet")
    parser.add_argument("--sizes", help="hit: comma separated: 1 KiB,64 KiB,1 MiB")
    parser.add_argument("--connections", type=int, help="idle: how many")
    arguments = parser.parse_args()
    for name in arguments.parts or PARTS:
        if name not in PARTS:
            parser.error(f"no part is called {name}: choose of {', '.join(PARTS)}")
        PARTS[name].run(arguments)


if __name__ == "__main__":
    main()
