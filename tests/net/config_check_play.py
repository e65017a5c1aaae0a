#!/usr/bin/env python3
"""Wrong input to `popnet`: every problem as `file:line:column: key: what is wrong, what would be right`, and the exit codes."""
import os
import re
import subprocess

from play import POPNET, check, equal, run, scene
from play_servers import certificate

SHOP = """sites:
  - name: shop
    hostnames: [{name: www.shop.example, resolve: pop}]
    origins: [{name: web1, address: 127.0.2.1:8000}]
"""
SOA = "@ IN SOA ns1 hostmaster 1 3600 600 604800 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"

# What the file says; then the beginning of every line that `popnet check` prints, behind the name of the file.
WRONG = {
    "empty": ("", ["1:1: config: the file is empty, write "]),
    "comment": ("# nothing yet\n", ["config: the file is empty, write "]),
    "list": ("- a\n- b\n", ["1:1: config: found a list, write options"]),
    "word": ("hello\n", ["1:1: config: found one value, write options"]),
    "tab": ("node:\n\thttp_listen: 127.0.0.1:80\n", ["2:13: yaml: ", "indent with spaces"]),
    "unclosed": ("node: {threads: 1\nsites: [\n", ["yaml: a mapping begun with '{' does not end, close it"]),
    "two_documents": ("node: {}\n---\nnode: {}\n", ["2:1: yaml: a second document begins here, write one only"]),
    "twice": ("node: {threads: 1}\nnode: {threads: 2}\n", ["2:1: node: stands twice, first in line 1; write it once"]),
    "cyclic_alias": ("node: &n\n  pop: *n\n", ["2:8: yaml: an alias to the value it stands in"]),
    "no_anchor": ("node: *nobody\n", ["1:7: yaml: an alias of nothing"]),
    "billion_laughs": ("\n".join(f"{name}: &{name} [{', '.join([inner] * 9)}]" for name, inner in
                                 zip("abcdefgh", ["1", "*a", "*b", "*c", "*d", "*e", "*f", "*g"])) + "\n",
                       ["yaml: more than 500000 values, aliases counted each time: write fewer"]),
    "too_deep": ("[" * 100_000, ["yaml: nested deeper than 32 levels, write it flatter"]),
    "binary": (bytes(range(256)) * 8, ["1:1: yaml: byte 0x00 is no text, write UTF-8"]),
    "utf16": (SHOP.encode("utf-16"), ["1:1: yaml: byte 0xff is no text, write UTF-8"]),
    "huge": (SHOP.encode() + b"# " + b"x" * (9 << 20), ["1:1: yaml: the text has ", "write at most 8388608"]),
    "unknown_section": ("netwrok: {}\n" + SHOP, ["1:1: netwrok: unknown option, did you mean 'network'?"]),
    "unknown_option": (SHOP + "node: {http_listne: '127.0.0.1:80'}\n",
                       ["5:8: node.http_listne: unknown option, did you mean 'http_listen'?"]),
    "missing": ("sites: [{name: a, any_host: true}]\n", ["1:9: sites.0.origins: missing, write 'origins:'"]),
    "number": ("node: {threads: many}\n", ["1:17: node.threads: 'many' is not a whole number, write a whole number from 0"]),
    "boolean": ("node: {dns: maybe}\n", ["1:13: node.dns: 'maybe' is neither true nor false, write true or false"]),
    "mapping_for_value": ("node: {pop: {a: 1}}\n", ["1:13: node.pop: found a mapping, write one value"]),
    "value_for_list": ("sites: 5\n", ["1:8: sites: found one value, write a list"]),
    "unitless": (SHOP + "    probes: [{kind: tcp, interval: 20}]\n",
                 ["5:36: sites.0.probes.0.interval: '20' is not a duration, write one like 500ms, 20s"]),
    "wrong_unit": (SHOP + "    cache: {object_size_max: 5GiBB}\n",
                   ["5:30: sites.0.cache.object_size_max: '5GiBB' is not a size, write one like 64KiB"]),
    "bit_rate": ("pops: [{name: a, addresses: 127.0.1.1, capacity: 10Gbyte}]\n" + SHOP,
                 ["1:50: pops.0.capacity: '10Gbyte' is not a bit rate, write one like 500Mbit"]),
    "out_of_bounds": (SHOP + "    probes: [{kind: tcp, fall: 1000}]\n",
                      ["5:32: sites.0.probes.0.fall: '1000' is out of bounds, write a whole number from 1 to 100"]),
    "bad_address": ("node: {http_listen: '127.0.0.300:80'}\n",
                    ["1:21: node.http_listen: '127.0.0.300:80' is not an address with a port, write one like 192.0.2.1:80"]),
    "no_port": ("sites: [{name: a, any_host: true, origins: [{address: 1.2.3.4}]}]\n",
                ["1:55: sites.0.origins.0.address: '1.2.3.4' is not an address with a port, write one like"]),
    "port_zero": ("sites: [{name: a, any_host: true, origins: [{address: '1.2.3.4:0'}]}]\n",
                  ["1:55: sites.0.origins.0.address: '1.2.3.4:0' is no address of a web server, write one like"]),
    "same_address": ("node: {http_listen: '127.0.0.1:80', admin_listen: '127.0.0.1:80'}\n" + SHOP,
                     ["1:51: node.admin_listen: '127.0.0.1:80' is taken by node.http_listen.0, write another"]),
    "prefix_bits": ("clients: [{network: 10.0.0.1/24}]\n" + SHOP,
                    ["1:21: clients.0.network: '10.0.0.1/24' is not an address prefix, write one like"]),
    "hostname": (SHOP.replace("www.shop", "www..shop"),
                 ["3:24: sites.0.hostnames.0.name: 'www..shop.example' is not a DNS name, write one like"]),
    "choice": (SHOP + "    rules: [{path: '*', action: chache}]\n",
               ["5:33: sites.0.rules.0.action: 'chache' is not known here, write one of cache, proxy"]),
    "unreachable_rule": (SHOP + "    rules: [{path: '*', action: proxy}, {path: /x, action: deny}]\n",
                         ["5:48: sites.0.rules.1.path: never reached, the rule '*' before it takes all"]),
    "same_site": (SHOP + SHOP.split("\n", 1)[1], ["5:11: sites.1.name: 'shop' is already the name of a site (line 2)",
                                                  "6:24: sites.1.hostnames.0.name: 'www.shop.example' is already"]),
    "probe_kind": (SHOP + "    probes: [{kind: htpp}]\n",
                   ["5:21: sites.0.probes.0.kind: 'htpp' is no kind of probe, write one of http, tcp"]),
    "regex": (SHOP + "    probes: [{kind: http, body_regex: '('}]\n",
              ["5:39: sites.0.probes.0.body_regex: '(' is not a "]),
    "latitude": ("pops: [{name: a, addresses: 127.0.1.1, location: {latitude: 91, longitude: 5}}]\n" + SHOP,
                 ["1:61: pops.0.location.latitude: '91' is out of bounds, write a number from -90 to 90"]),
    "no_such_pop": ("node: {pop: amz}\npops: [{name: ams, addresses: 127.0.1.1}]\n" + SHOP,
                    ["1:13: node.pop: 'amz' is no POP of this config, write one of ams"]),
    "bus_url": ("bus: {kind: nats, url: 'http://x'}\n" + SHOP,
                ["1:24: bus.url: 'http://x' is not the URL of a NATS server, write one like nats://"]),
    "ca_file_missing": (SHOP + "    probes:\n      - {kind: http, scheme: https, ca_file: nowhere.pem}\n      - {kind: ftp, ca_file: /}\n"
                        "      - {kind: load, ca_file: ''}\nnode: {dns_server: {tls_certificate: /no/cert, tls_key: /no/key}}\n",
                        ["6:46: sites.0.probes.0.ca_file: ", "nowhere.pem' cannot be read: No such file or directory, write the path of a PEM file",
                         "7:30: sites.0.probes.1.ca_file: '/' cannot be read: Is a directory, write the path of a PEM file",
                         "9:38: node.dns_server.tls_certificate: '/no/cert' cannot be read: ",
                         "9:57: node.dns_server.tls_key: '/no/key' cannot be read: "]),
    "zone_file_missing": ("zones: [{name: example.com, file: nowhere.zone}]\n",
                          ["1:35: zones.0.file: ", "cannot be read: No such file or directory, write the path of a master file"]),
}


def popnet(stage, *arguments, seconds=20):
    """Exit code, standard output and standard error of one command."""
    done = subprocess.run([POPNET, *arguments], cwd=stage.folder, capture_output=True, text=True, check=False, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


@scene
def wrong_configs(stage):
    """Forty kinds of wrong config: each is told at its place, in full, with exit code 1."""
    for name, (text, expected) in WRONG.items():
        stage.file(f"{name}.yaml", text)
        code, _, told = popnet(stage, "check", "--config", f"{name}.yaml")
        lines = told.splitlines()
        at_place = all(re.match(rf"{name}\.yaml:\d+:\d+: [\w.]+: \S", line) for line in lines)
        beginning = lambda line, words: line.startswith(f"{name}.yaml:{words}") or words in line
        check(f"{name}: {told.strip()[:150]}", code == 1 and lines and at_place and
              all(any(beginning(line, words) for line in lines) for words in expected), (code, told, expected))


@scene
def wrong_files(stage):
    """What is no config at all: missing, a directory, a device without end, not ours to read; and broken zone files."""
    os.mkdir(os.path.join(stage.folder, "folder.yaml"))
    for name, why in (("missing.yaml", "No such file or directory"), ("folder.yaml", "Is a directory")):
        for command in (["check"], ["serve"]):
            code, _, told = popnet(stage, *command, "--config", name)
            check(f"{command[0]} {name}", code == 1 and
                  f"{name}:1:1: config: cannot be read: {why}, write the path of a YAML file" in told, (code, told))
    code, _, told = popnet(stage, "check", "--config", "/dev/zero")
    check("a device without end", code == 1 and
          told.startswith("/dev/zero:1:1: config: cannot be read: it is a device, no file, write "), (code, told[:500]))

    os.mkfifo(os.path.join(stage.folder, "pipe"))
    stage.file("pipes.yaml", SHOP + "    probes: [{kind: http, ca_file: pipe}]\nzones: [{name: example.com, file: pipe}]\n"
                                    "node: {dns_server: {tls_certificate: pipe, tls_key: pipe}}\n")
    stage.file("include.zone", SOA + "$INCLUDE pipe\n")
    stage.file("include.yaml", "zones: [{name: example.com, file: include.zone}]\n")
    for command in (["check"], ["serve"]):
        for name, at in (("pipe", ["pipe:1:1: config: "]), ("include.yaml", ["include.zone:4:10: zone example.com.: $INCLUDE: pipe cannot be read: it is a pipe"]),
                         ("pipes.yaml", ["pipes.yaml:5:36: sites.0.probes.0.ca_file: 'pipe' ", "pipes.yaml:6:35: zones.0.file: 'pipe' ",
                                         "pipes.yaml:7:38: node.dns_server.tls_certificate: 'pipe' ",
                                         "pipes.yaml:7:53: node.dns_server.tls_key: 'pipe' "])):
            code, _, told = popnet(stage, *command, "--config", name)
            check(f"{command[0]} {name}: a pipe is told, and not waited for", code == 1 and all(
                f"{words}cannot be read: it is a pipe, no file" in told if words.endswith(" ") else words in told for words in at), (code, told))

    stage.file("zone.yaml", "node: {dns_listen: 127.0.0.1:5353}\nzones: [{name: example.com, file: a.zone}]\n")
    for text, problem in ((SOA + "www IN A 1.2.3\n", ":4:10: zone example.com.: A has the address 1.2.3, write"), ("hello world\n", ":1:7: "),
                          (SOA.replace("@ IN NS ns1\n", ""), ":1:1: zone example.com.: has no NS record"),
                          (SOA + "www.example.org. IN A 1.2.3.4\n", ":4:1: zone example.com.: www.example.org. is not in"),
                          (SOA[SOA.index("@ IN NS"):], ":1:1: zone example.com.: has no SOA record, write one"),
                          (SOA + "a IN CNAME b\na IN TXT x\n", ":4:1: zone example.com.: a.example.com. has a CNAME beside other records"),
                          (SOA + "t IN DNAME u\nx.t IN A 192.0.2.1\n", ":5:1: zone example.com.: x.t.example.com. stands below the DNAME of t.example.com."),
                          (SOA + "sub IN NS ns.sub\n", ":4:1: zone example.com.: sub.example.com. is delegated to ns.sub.example.com."),
                          (SOA + "a IN NS ns.b\nb IN NS ns.a\n", ":5:1: zone example.com.: none of the name servers of b.example.com. can be found")):
        stage.file("a.zone", text)
        code, _, told = popnet(stage, "check", "--config", "zone.yaml")
        check(f"a zone with {text.splitlines()[-1]!r}: {told.strip()[:100]}", code == 1 and f"a.zone{problem}" in told, (code, told))
    stage.file("a.zone", SOA)
    equal("a fine one", popnet(stage, "check", "--config", "zone.yaml"), (0, "zone.yaml: fine (1 POP, 0 sites, 1 zone)\n", ""))
    stage.file("zone.yaml", "zones: [{name: example.com, file: a.zone}]\n")
    code, told, _ = popnet(stage, "check", "--config", "zone.yaml")
    check(told.strip(), code == 0 and told.startswith("zone.yaml:1:8: zones: warning: nobody answers for them"), told)


@scene
def wrong_certificates(stage):
    """What DNS over TLS and dnstap cannot use is told where the config names it."""
    pem, key = certificate(stage, "dns.test")
    os.rename(key, os.path.join(stage.folder, "other.key"))
    certificate(stage, "dns.test")
    stage.file("no.pem", "hello\n")
    node = "node:\n  dns_listen: 127.0.0.1:5353\n  dns_server:\n    tls_listen: 127.0.0.1:8530\n    tls_certificate: {}\n    tls_key: {}\n"
    fine, tap = node.format("dns.pem", "dns.key"), "    dnstap: {socket: nowhere/tap.sock}\n"
    for text, problem in ((node.format("no.pem", "dns.key"), ":5:22: node.dns_server.tls_certificate: no.pem: no start line; write a PEM file with the"),
                          (node.format("dns.pem", "no.pem"), ":6:14: node.dns_server.tls_key: no.pem: "),
                          (node.format("dns.pem", "other.key"), ":6:14: node.dns_server.tls_key: other.key: key values mismatch; write a PEM file with the key of dns.pem"),
                          (fine + tap, ":7:22: node.dns_server.dnstap.socket: 'nowhere' is no folder, where 'nowhere/tap.sock' is to be; write")):
        stage.file("tls.yaml", text)
        code, _, told = popnet(stage, "check", "--config", "tls.yaml")
        check(told.strip()[:120], code == 1 and told.startswith(f"tls.yaml{problem}") and told.count("\n") == 1, (code, told))
    stage.file("tls.yaml", fine)
    equal("a fine one", popnet(stage, "check", "--config", "tls.yaml")[0], 0)


@scene
def logs_that_cannot_be_written(stage):
    """Files of access log, query log and dnstap: a folder that is not there, a folder in place of the file, one that may not be written."""
    os.mkdir(os.path.join(stage.folder, "folder"))
    stage.file("old.log", "")
    node = "node:\n  dns_listen: 127.0.0.1:5353\n  http_listen: 127.0.0.1:8080\n  {}\n"
    options = {"node.access_log.file": "access_log: {file: 'PATH'}", "node.dns_server.query_log.file": "dns_server: {query_log: {file: 'PATH'}}",
               "node.dns_server.dnstap.file": "dns_server: {dnstap: {file: 'PATH'}}"}
    for option, words in options.items():
        for path, problem in (("nowhere/a.log", "'nowhere' is no folder, where 'nowhere/a.log' is to be; write"), ("folder", "'folder' is a folder; write"),
                              ("/proc/self/a.log", "no file can be made in '/proc/self', where '/proc/self/a.log' is to be: "),
                              ("/proc/version", "'/proc/version' cannot be written: ")):
            if os.geteuid() == 0 and path.startswith("/proc"):
                continue  # may write everywhere, as far as permissions go
            stage.file("log.yaml", node.format(words.replace("PATH", path)) + SHOP)
            code, _, told = popnet(stage, "check", "--config", "log.yaml")
            check(told.strip()[:150], code == 1 and told.startswith(f"log.yaml:4:{words.index(chr(39)) + 3}: {option}: {problem}"), (code, told))
        for path in ("old.log", "new.log", "folder/new.log", "/dev/null", "-"):
            stage.file("log.yaml", node.format(words.replace("PATH", path)) + SHOP)
            code, _, told = popnet(stage, "check", "--config", "log.yaml")
            check(f"{option}: {path} is fine", code == 0 or (path == "-" and "dnstap" in option), (code, told))


@scene
def wrong_sets(stage):
    """--set: a wrong value or path is told with the option as it was written."""
    stage.file("shop.yaml", SHOP)
    for setting, problem in (("node.threads=many", "node.threads: 'many' is not a whole number, write"),
                             ("node.thraeds=1", "node.thraeds: unknown option, did you mean 'threads'?"),
                             ("nodethreads", "nodethreads: not a setting, write path=value like"),
                             ("sites.7.name=x", "sites.7.name: 'sites' has 1 element, write an index")):
        code, _, told = popnet(stage, "check", "--config", "shop.yaml", "--set", setting)
        check(told.strip()[:150], code == 1 and told.startswith(f"--set {setting}: {problem}"), (code, told))
    equal("a right one", popnet(stage, "check", "--config", "shop.yaml", "--set", "node.threads=1")[0], 0)


@scene
def wrong_usage(stage):
    """Exit code 2 and one line that says what is wrong and where to look."""
    for arguments, problem in (
            ([], "A subcommand is required; see popnet --help"),
            (["frobnicate"], "there is no command 'frobnicate', write one of serve, check, "),
            (["check"], "--config is required; see popnet check --help"),
            (["check", "--config"], "--config: "),
            (["check", "--config", "x.yaml", "--frob"], "--frob"),
            (["serve"], "--config is required; see popnet serve --help"),
            (["demo", "--seconds", "-1"], "'-1' is not a length of time, write seconds like 60"),
            (["demo", "--seconds", "soon"], "'soon' is not a length of time, write seconds like 60"),
            (["explain"], "name is required; see popnet explain --help"),
            (["purge"], "say what to purge: a URL")):
        code, _, told = popnet(stage, *arguments)
        check(f"{' '.join(arguments) or 'nothing'}: {told.strip()}", code == 2 and told.startswith("popnet: ") and
              problem in told and told.count("\n") == 1, (code, told))


@scene
def refusals_of_the_machine(stage):
    """Exit code 3 and one line: a port in use, nobody there."""
    other = stage.nginx()
    stage.file("shop.yaml", SHOP)
    for what in ("http_listen", "dns_listen", "admin_listen"):
        listens = [f"--set=node.{key}={other.address if key == what else stage.endpoint()}"
                   for key in ("http_listen", "dns_listen", "admin_listen")]
        code, _, told = popnet(stage, "serve", "--config", "shop.yaml", *listens)
        *logged, last = told.splitlines()  # the log may have warned of other things
        check(f"{what}: {last}", code == 3 and not any(line.startswith("popnet: ") for line in logged) and
              last.startswith(f"popnet: cannot listen on {other.address}: Address already in use"), (code, told))
    nobody = stage.endpoint()
    code, _, told = popnet(stage, "status", "--node", nobody)
    check(told.strip(), code == 3 and told == f"popnet: no node answers at {nobody}: connection refused; "
                                              "is popnet serve running?\n", (code, told))


if __name__ == "__main__":
    run()
