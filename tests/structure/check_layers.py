#!/usr/bin/env python3
"""Holds the sources against src/layers.txt: who includes whom, which packages a folder uses, what pure folders touch,
namespaces, own header first, clocks.

Prints every offence as file:line: what is wrong, and exits with 1 if there is one. With --headers it also compiles
alone every header that no source of its name proves to stand alone by including it first. `check_layers_test.py` keeps
the ways in which somebody might slip past it.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What a pure folder may include beside our own headers: no threads, files, sockets, clocks, random devices.
PURE_HEADERS = set("""algorithm array bit bitset cassert charconv chrono cmath compare concepts cstddef cstdint cstring cstdlib
    deque emmintrin.h functional fmt/format.h fmt/ranges.h immintrin.h initializer_list iterator limits list map memory numbers numeric
    optional queue regex set smmintrin.h span stdexcept string string_view tuple type_traits typeinfo unordered_map
    unordered_set utility variant vector""".split())
PURE_NAMES = re.compile(r"\b(getenv|std::rand|random_device|std::thread|std::mutex|fopen|printf)\b|(^|[^\w:.>])(::)?(socket|rand|getrandom) ?\("
                        r"|(^|[^\w>]) *::(open|read|write) ?\(")
CLOCK_NAMES = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday)\b|[^\w.>:](::|std::)?time\("
                         r"(nullptr|NULL|0)\)")
CLOCK_FILES = {"rt/clock.h"}
PLAIN = {"common", "model"}  # pure folders may name these, but for the log
LOG = "common/log.h"
GENERATED = {"demo/network_yaml.h"}  # made by CMake, see CMakeLists.txt
# Package of the table -> how its headers begin. A header that no row knows is the language's or the kernel's.
PACKAGE_HEADERS = {"spdlog": "spdlog/", "yaml-cpp": "yaml-cpp/", "ldns": "ldns/", "curl": "curl/", "json": "nlohmann/",
                   "nats": "nats", "sqlite3": "sqlite3", "prometheus": "prometheus/", "cli11": "CLI/",
                   "re2": "re2/", "crypto": "openssl/", "xdp": ("xdp/", "bpf/")}


def read_table(src):
    table, order = {}, []
    for number, line in enumerate(open(os.path.join(src, "layers.txt")), 1):
        if not line[0].isalpha():
            continue
        folder, deps, packages, flags = [part.strip() for part in re.split(r":(?=\s|$)", line.rstrip())]
        deps = deps.split()
        for dep in deps:
            if dep != "*" and dep not in order:
                sys.exit(f"src/layers.txt:{number}: {folder} names {dep}, which does not stand above it")
        pure = "pure" in flags
        for dep in deps:
            if pure and dep not in PLAIN and not (dep in table and table[dep][2]):
                sys.exit(f"src/layers.txt:{number}: {folder} is pure and names {dep}, which is not")
        table[folder] = (list(order) if deps == ["*"] else deps, packages.split(), pure)
        order.append(folder)
    return table


def without_comments(text):
    """Comments and the insides of strings blanked, joined lines kept on their first line; line numbers stay."""
    def blank(match):
        token = match.group(0)
        if match.group("include"):
            return token
        if token.startswith(("//", "/*")):
            return "\n" * token.count("\n") or " "
        return '""' + "\n" * token.count("\n")
    text = re.sub(r"\\\n", " \0", text)
    text = re.sub(r'(?P<include>^[ \t]*(/\*.*?\*/)?[ \t]*#[ \t]*include[^\n]*)|//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\3"|"(\\.|[^"\\\n])*"'
                  r"|'(\\.|[^'\\\n])+'", blank, text, flags=re.S | re.M)
    return text.replace("\0", "\n")


def check_file(src, path, table, complain):
    folder = os.path.dirname(path)
    if folder not in table:
        complain(path, 1, f"folder {folder} has no line in src/layers.txt")
        return
    allowed, packages, pure = table[folder]
    test = path.endswith(("_test.cc", "_fuzz.cc"))
    text = without_comments(open(os.path.join(src, path)).read())
    # Naming another folder's class is not opening its namespace.
    text = re.sub(r"\bnamespace popnet[\w:]* \{(\s*(class|struct) \w+;)+\s*\}", lambda m: "\n" * m.group(0).count("\n"), text)
    first = None
    for number, line in enumerate(text.splitlines(), 1):
        include = re.match(r"\s*(?:/\*.*?\*/)?\s*#\s*include\s*(.*)", line)
        if include:
            name = re.match(r'([<"])([^>"]+)[>"]', include.group(1))
            if not name:
                complain(path, number, "write the header's name in the #include, on one line, without a macro")
                continue
            header, ours = name.group(2), os.path.exists(os.path.join(src, name.group(2)))
            first = first or header
            if ours and name.group(1) == "<":
                complain(path, number, f'write "{header}" with quotation marks: it is ours')
            if name.group(1) == '"' and not ours and header not in GENERATED:
                complain(path, number, f'"{header}" is not below src/ (write our own headers as "folder/name.h")')
            elif ours and os.path.dirname(header) != folder and os.path.dirname(header) not in allowed:
                complain(path, number, f"{folder} may not include {os.path.dirname(header)} (see src/layers.txt)")
            if pure and not test and header == LOG:
                complain(path, number, f"{folder} is pure and may not include {LOG}: return what is to be said")
            for package, prefix in PACKAGE_HEADERS.items():
                if not ours and header.startswith(prefix) and package not in packages and not test:
                    complain(path, number, f"{folder} may not use the package {package} (see src/layers.txt)")
            if pure and not test and not ours and header not in PURE_HEADERS:
                complain(path, number, f"{folder} is pure and may not include {header}: take it as an argument")
            continue
        if not test and path not in CLOCK_FILES and CLOCK_NAMES.search(line):
            complain(path, number, "only rt/clock.h reads clocks: take the time as an argument")
        if pure and not test and PURE_NAMES.search(line):
            complain(path, number, f"{folder} is pure and may not name {PURE_NAMES.search(line).group(0).strip()}")
        for space in re.findall(r"\bnamespace\s+(popnet(?:::\w+)*)\s*\{", line):
            if not test and not namespace_fits(space, folder):
                complain(path, number, f"opens {space}: the first folder of {folder} is the namespace")
    own = path[:-3] + ".h"
    if path.endswith(".cc") and not test and os.path.exists(os.path.join(src, own)) and first != own:
        complain(path, 1, f'includes "{own}" first, so that the header proves to stand alone')
    if not re.search(r"\bnamespace\s+popnet\b", text) and path != "main/popnet.cc" and not path.endswith("_fuzz.cc"):
        complain(path, 1, "has no namespace popnet")


def namespace_fits(space, folder):
    """common is popnet itself (and its parts); every other folder opens popnet::<first folder>, perhaps with more behind."""
    parts, top = space.split("::"), folder.split("/")[0]
    return top == "common" or (len(parts) > 1 and parts[1] == top)


def compile_header(src, path):
    run = subprocess.run(["g++", "-std=c++20", f"-I{src}", "-fsyntax-only", "-Wall", "-Wextra", "-x", "c++",
                          os.path.join(src, path)], capture_output=True, text=True)
    return path, run.stderr


def check_tree(src, headers=False):
    table, offences, paths = read_table(src), [], []

    def complain(path, line, what):
        offences.append(f"src/{path}:{line}: {what}")

    for directory, _, names in os.walk(src):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(directory, name), src)
            if name.endswith((".h", ".cc")):
                paths.append(path)
                check_file(src, path, table, complain)
            elif path != "layers.txt":
                complain(path, 1, "only .h and .cc files (and layers.txt) live below src/")
    if headers:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            alone = [p for p in paths if p.endswith(".h") and p[:-2] + ".cc" not in paths]
            for path, errors in pool.map(lambda p: compile_header(src, p), alone):
                real = [line for line in errors.splitlines() if "error" in line]
                if real:
                    complain(path, 1, "does not compile alone: " + real[0])
    return paths, offences


def main():
    paths, offences = check_tree(os.path.join(ROOT, "src"), "--headers" in sys.argv)
    print("\n".join(offences) if offences else f"{len(paths)} files keep to src/layers.txt")
    sys.exit(1 if offences else 0)


if __name__ == "__main__":
    main()
