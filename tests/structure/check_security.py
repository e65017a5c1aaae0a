#!/usr/bin/env python3
"""Holds docs/security.md and docs/rfc9111.md to what there is: every line has a test, and every test that it names exists.

The last column of a line names, separated by ";" or ",":  `<area>_<what>_play.py` scene, scene ...   (tests/net)
`Suite.Name`, `Suite.*`, `x_test.cc`   (src)   fuzzer `name`   (name_fuzz.cc, with a corpus in tests/fuzz).
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def known_tests(root):
    paths = glob.glob(root + "/src/**/*_test.cc", recursive=True)  # two folders may each have a file of one name
    sources = {os.path.basename(path) for path in paths}
    names = {f"{suite}.{name}" for text in map(read, paths)
             for suite, name in re.findall(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", text, re.M)}
    scenes = {os.path.basename(path): set(re.findall(r"^@scene\s+def (\w+)\(", read(path), re.M))
              for path in glob.glob(root + "/tests/net/*_play.py")}
    fuzzers = {os.path.basename(path)[:-len("_fuzz.cc")] for path in glob.glob(root + "/src/**/*_fuzz.cc", recursive=True)}
    fuzzers = {name for name in fuzzers if os.path.isdir(f"{root}/tests/fuzz/{name}_fuzz")}
    return sources, names, scenes, fuzzers


def unknown(cell, known):
    """What this cell names that does not exist; None where it names nothing."""
    files, names, scenes, fuzzers = known
    missing, found, play = [], 0, None
    for part in re.split(r"[;,]", cell):
        quoted = re.search(r"`([^`]+)`", part)
        words = re.sub(r"`[^`]+`|\bfuzzers?\b|\band\b", " ", part).split()
        name = quoted.group(1) if quoted else None
        if name:
            found += 1
            play = name if name.endswith("_play.py") else None
            if play:
                exists = play in scenes and bool(words)
            elif name.endswith("_test.cc"):
                exists = name in files
            elif "fuzzer" in part:
                exists = name in fuzzers
            elif name.endswith(".*"):
                exists = any(known_name.startswith(name[:-1]) for known_name in names)
            else:
                exists = name in names
            if not exists:
                missing.append(name)
        missing += [f"{play or '?'} {word}" for word in words if word not in scenes.get(play, ())]
    return missing if found else None


def check_table(root, path, known):
    offences, lines = [], 0
    for number, line in enumerate(read(f"{root}/{path}").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if len(cells) < 2 or set(cells[0]) <= set("-: ") or cells[-1] == "shown by":
            continue
        lines += 1
        missing = unknown(cells[-1], known)
        if missing is None:
            offences.append(f"{path}:{number}: '{cells[0]}' names no test")
        for name in missing or []:
            offences.append(f"{path}:{number}: there is no test {name}")
    if lines == 0:
        offences.append(f"{path}: has no table of tests")
    return offences


def check(root):
    known = known_tests(root)
    return [offence for path in ("docs/security.md", "docs/rfc9111.md") for offence in check_table(root, path, known)]


if __name__ == "__main__":
    found = check(ROOT)
    print("\n".join(found))
    sys.exit(1 if found else 0)
