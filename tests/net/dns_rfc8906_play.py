#!/usr/bin/env python3
"""RFC 8906 section 8, test by test: what the RFC expects of its dig commands, dig gets from popnet, over UDP and TCP alike."""
from play import check, equal, run, scene
from play_dig import ask_both, run_dig

ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"


def serve(stage):
    return stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}])


def ask(popnet, *arguments):
    return ask_both(popnet.dns, *arguments)


def expect_soa(what, dug, edns=None):
    equal(f"{what}: NOERROR", dug.status, "NOERROR")
    equal(f"{what}: the SOA", [line.split()[3] for line in dug.answer], ["SOA"])
    check(f"{what}: qr and aa", {"qr", "aa"} <= set(dug.flags), dug.flags)
    check(f"{what}: no flags but these", set(dug.flags) <= {"qr", "aa", "rd"}, dug.flags)
    if edns is not None:
        equal(f"{what}: EDNS", dug.edns is not None and dug.edns["version"], 0 if edns else False)


@scene
def basic_tests(stage):
    """8.1: without EDNS."""
    popnet = serve(stage)
    plain = ("+noedns", "+noad")
    expect_soa("8.1.1 a zone's SOA", ask(popnet, *plain, "soa", "zone.test"), edns=False)
    unknown = ask(popnet, *plain, "type1000", "zone.test")
    equal("8.1.2 an unknown type", (unknown.status, unknown.answer, unknown.edns), ("NOERROR", [], None))
    expect_soa("8.1.3.1 CD set", ask(popnet, *plain, "+cd", "soa", "zone.test"))
    expect_soa("8.1.3.1 AD set", ask(popnet, "+noedns", "+ad", "soa", "zone.test"))
    expect_soa("8.1.3.2 the reserved bit set", ask(popnet, *plain, "+zflag", "soa", "zone.test"))
    recursive = ask(popnet, *plain, "+rec", "soa", "zone.test")
    expect_soa("8.1.3.3 RD set", recursive)
    check("8.1.3.3 RD comes back", "rd" in recursive.flags)
    opcode = ask(popnet, *plain, "+opcode=15", "+header-only")
    equal("8.1.4 an unknown opcode", (opcode.status, opcode.opcode, opcode.answer), ("NOTIMP", "RESERVED15", []))
    check("8.1.4 not authoritative", "aa" not in opcode.flags)
    tcp = run_dig(popnet.dns, *plain, "+tcp", "soa", "zone.test")
    expect_soa("8.1.5 TCP", tcp)
    check("8.1.5 it was TCP", tcp.over_tcp)


@scene
def edns_tests(stage):
    """8.2: with EDNS."""
    popnet = serve(stage)
    zero = ("+nocookie", "+edns=0", "+noad")
    expect_soa("8.2.1 EDNS version 0", ask(popnet, *zero, "soa", "zone.test"), edns=True)
    later = ask(popnet, "+nocookie", "+edns=1", "+noednsneg", "+noad", "soa", "zone.test")
    equal("8.2.2 EDNS version 1", (later.status, later.edns["version"], later.answer), ("BADVERS", 0, []))
    option = ask(popnet, *zero, "+ednsopt=100", "soa", "zone.test")
    expect_soa("8.2.3 an unknown option", option, edns=True)
    check("8.2.3 it does not come back", "OPT=100" not in option.text)
    flags = ask(popnet, *zero, "+ednsflags=0x40", "soa", "zone.test")
    expect_soa("8.2.4 unknown flags", flags, edns=True)
    equal("8.2.4 they do not come back", flags.edns["flags"], [])
    later = ask(popnet, "+nocookie", "+edns=1", "+noednsneg", "+noad", "+ednsflags=0x40", "soa", "zone.test")
    equal("8.2.5 version 1 with unknown flags", (later.status, later.edns["version"], later.edns["flags"]), ("BADVERS", 0, []))
    later = ask(popnet, "+nocookie", "+edns=1", "+noednsneg", "+noad", "+ednsopt=100", "soa", "zone.test")
    equal("8.2.6 version 1 with an unknown option", (later.status, later.answer), ("BADVERS", []))
    check("8.2.6 it does not come back", "OPT=100" not in later.text)
    small = ask(popnet, *zero, "+norec", "+dnssec", "+bufsize=512", "+ignore", "soa", "zone.test")
    equal("8.2.7 DO and a small buffer", (small.status, small.edns["version"]), ("NOERROR", 0))
    dnssec = ask(popnet, *zero, "+dnssec", "soa", "zone.test")
    expect_soa("8.2.8 DO", dnssec, edns=True)
    equal("8.2.8 DO comes back", dnssec.edns["flags"], ["do"])
    later = ask(popnet, "+nocookie", "+edns=1", "+noednsneg", "+noad", "+dnssec", "soa", "zone.test")
    equal("8.2.9 version 1 with DO", (later.status, later.edns["version"]), ("BADVERS", 0))
    many = ask(popnet, "+edns=0", "+noad", "+cookie", "+nsid", "+expire", "+subnet=0.0.0.0/0", "soa", "zone.test")
    expect_soa("8.2.10 several defined options", many, edns=True)


if __name__ == "__main__":
    run()
