#!/usr/bin/env python3
"""Holds the sources against src/layers.txt: who includes whom, what pure folders touch, namespaces, own header first.

Prints every offence as file:line: what is wrong, and exits with 1 if there is one. With --headers it also compiles every
header alone.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SRC = os.path.join(ROOT, "src")

# What a pure folder must not include or name: threads, files, sockets, the real clock, random devices, the log.
PURE_HEADERS = {"thread", "mutex", "shared_mutex", "condition_variable", "atomic", "future", "fstream", "iostream", "cstdio",
                "filesystem", "random", "ctime", "time.h", "unistd.h", "fcntl.h", "netdb.h", "stdio.h", "common/log.h"}
PURE_NAMES = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday|random_device|"
                        r"std::rand|getenv|std::thread|std::mutex|fopen|socket\(|printf\()")


def read_table():
    table, order = {}, []
    for number, line in enumerate(open(os.path.join(SRC, "layers.txt")), 1):
        if not line[0].isalpha():
            continue
        folder, deps, packages, flags = [part.strip() for part in line.split(" : ")] if line.count(" : ") == 3 else \
            [part.strip() for part in line.split(":")]
        deps = deps.split()
        for dep in deps:
            if dep != "*" and dep not in order:
                sys.exit(f"src/layers.txt:{number}: {folder} names {dep}, which does not stand above it")
        order.append(folder)
        table[folder] = (order[:-1] if deps == ["*"] else deps, "pure" in flags)
    return table


def sources():
    for directory, _, names in os.walk(SRC):
        for name in sorted(names):
            if name.endswith((".h", ".cc")):
                yield os.path.relpath(os.path.join(directory, name), SRC)


def check_file(path, table, complain):
    folder = os.path.dirname(path)
    if folder not in table:
        complain(path, 1, f"folder {folder} has no line in src/layers.txt")
        return
    allowed, pure = table[folder]
    test = path.endswith(("_test.cc", "_fuzz.cc"))
    text = open(os.path.join(SRC, path)).read()
    first = None
    for number, line in enumerate(text.splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        code = line.split("//")[0]
        if include:
            quoted, name = include.group(1) == '"', include.group(2)
            first = first or name
            target = os.path.dirname(name)
            if quoted and not os.path.exists(os.path.join(SRC, name)):
                complain(path, number, f'"{name}" is not below src/ (write our own headers as "folder/name.h")')
            elif quoted and target != folder and target not in allowed:
                complain(path, number, f"{folder} may not include {target} (see src/layers.txt)")
            if pure and not test and name in PURE_HEADERS:
                complain(path, number, f"{folder} is pure and may not include {name}: take it as an argument")
        elif pure and not test and PURE_NAMES.search(code):
            complain(path, number, f"{folder} is pure and may not name {PURE_NAMES.search(code).group(0)}")
    own = path[:-3] + ".h"
    if path.endswith(".cc") and not test and os.path.exists(os.path.join(SRC, own)) and first != own:
        complain(path, 1, f'includes "{own}" first, so that the header proves to stand alone')
    top = folder.split("/")[0]
    if not re.search(r"namespace popnet\b", text) and not path.endswith("main/popnet.cc") and not path.endswith("_fuzz.cc"):
        complain(path, 1, "has no namespace popnet")
    elif top not in ("common", "main", "popnet") and not test and \
            not re.search(rf"namespace popnet(::\w+)*::{top}\b", text):
        complain(path, 1, f"has no namespace popnet::{top}")


def compile_header(path):
    run = subprocess.run(["g++", "-std=c++20", f"-I{SRC}", "-fsyntax-only", "-Wall", "-Wextra",
                          "-x", "c++", os.path.join(SRC, path)], capture_output=True, text=True)
    return path, run.stderr


def main():
    table, offences = read_table(), []

    def complain(path, line, what):
        offences.append(f"src/{path}:{line}: {what}")

    paths = list(sources())
    for path in paths:
        check_file(path, table, complain)
    if "--headers" in sys.argv:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, errors in pool.map(compile_header, [p for p in paths if p.endswith(".h")]):
                real = [line for line in errors.splitlines() if "error" in line]
                if real:
                    complain(path, 1, "does not compile alone: " + real[0])
    print("\n".join(offences) if offences else f"{len(paths)} files keep to src/layers.txt")
    sys.exit(1 if offences else 0)


if __name__ == "__main__":
    main()
