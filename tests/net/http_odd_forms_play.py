#!/usr/bin/env python3
"""Odd forms of what is well known: how directives, dates, ages and lists may be written, and how they may not; RFC 9110, 9111, 9213.

Written from the texts, one line for each form; how a line reads: play_lines.py. In doubt an answer is not used again.
"""
from play import check, equal, http_date, run, scene
from play_lines import AGAIN, CHECKED, HIT, Line, Script

CC = "Cache-Control"
FRESH, TAG = (CC, "max-age=600"), ("ETag", '"v1"')
LONG_AGO = ("Last-Modified", http_date(-1_000_000))


@scene
def directives(stage):
    """RFC 9111 section 5.2 and RFC 9110 section 5.6: what is said twice, spelled oddly, quoted, or unknown."""
    Script(stage).play([Line(f"s5.2 {value!r}", [(CC, value), TAG], HIT) for value in (
        'max-age="600"', "max-age=600 ", "\tmax-age=600\t", ",max-age=600", " , ,max-age=600,,", 'max-age=600, foo="no-store"', 'foo="a, no-store", max-age=600',
        'foo="\\"no-store", max-age=600', 'foo="\\", no-store, ", max-age=600', "private=1, max-age=600", "no-cache=foo, max-age=600", "max-age=600, max-age=600",
        "s-maxage=600, max-age=0", "nostore, max-age=600", "no_store, max-age=600", "no-store-foo, max-age=600", "no store, max-age=600", "max-age=4294967296",
        "max-age=2147483648", "max-age=18446744073709551616", "S-MaxAge=600", "max-age=600, no-transform", "max-age=600, must-revalidate, proxy-revalidate",
        "max-age=600, proxy-revalidate=foo", "max-age=600, stale-while-revalidate=abc", "max-age=600, immutable=1")])
    Script(stage).play([Line(f"s5.2 {value!r}", [(CC, value), TAG], AGAIN) for value in (
        "max-age=600;foo", "max-age=600 foo", "no-store=1, max-age=600", 'no-store="", max-age=600', 'no-cache="", max-age=600', "no-cache=, max-age=600",
        "private=, max-age=600", 'no-cache=" ", max-age=600', 'private=",", max-age=600', 'private="x", private, max-age=600', 'private, private="x", max-age=600',
        'no-cache="x", no-cache, max-age=600', "public, private, max-age=600", "public, no-store, max-age=600", "public, no-cache, max-age=600",
        "max-age=0, max-age=600", "s-maxage=0, s-maxage=600", "max-age=+600", "max-age=0x600", "max-age=6e2", "max-age=600.0", 'max-age="600', 'max-age=600"',
        "max-age=''600", "max-age==600", 'max-age=""', 'max-age=" 600"', "maxage=600", "s-max-age=600", "s-maxage=-1, max-age=600", "PRIVATE, max-age=600",
        "No-Cache, max-age=600", "max-age=600,no-store", "max-age=600\t,\tno-store")])
    Script(stage).play([
        Line("9110 s5.3 no-store on the third line", [FRESH, (CC, "foo"), (CC, "no-store")], AGAIN),
        Line("a quote does not reach over lines", [(CC, 'max-age=600, x="a'), (CC, "no-store"), (CC, 'b"')], AGAIN),
        Line("an empty line beside Expires", [(CC, ""), ("Expires", http_date(600))], HIT),
        Line("s5.2.2.10 s-maxage beside an Expires in the past", [(CC, "s-maxage=600"), ("Expires", http_date(-600))], HIT),
        Line("s4.2.1 a max-age that is none beside Expires", [(CC, "max-age=x"), ("Expires", http_date(600)), TAG], AGAIN),
        Line("s4.2.1 and beside Last-Modified", [(CC, "max-age=x"), LONG_AGO], AGAIN),
        Line("s5.2.2.3 must-understand, private", (CC, "must-understand, private, max-age=600"), AGAIN),
        Line("s5.2.2.3 must-understand, no-store, no-cache", [(CC, "must-understand, no-store, no-cache, max-age=600"), TAG], CHECKED)])


@scene
def ages_and_dates(stage):
    """RFC 9111 sections 4.2.3, 5.1 and 5.3, RFC 9110 section 5.6.7."""
    past, now, far = http_date(-5), http_date(), "Sat, 06 Nov 2094 08:49:37"
    Script(stage).play([
        *[Line(f"s5.1 Age: {age!r}", [FRESH, ("Age", age), TAG], becomes) for age, becomes in (
            ("000", HIT), ("599", HIT), ("601", AGAIN), ("2147483647", AGAIN), ("2147483648", AGAIN), ("10, 700", HIT), ("700, 10", AGAIN), ("601;x", HIT),
            ("6.0", HIT), ("+700", HIT), ('"700"', HIT), ("", HIT), (",700", AGAIN))],
        Line("s4.2.3 the larger of the two: Date", [FRESH, ("Age", "10"), ("Date", http_date(-650)), TAG], AGAIN),
        Line("s4.2.3 the larger of the two: Age", [FRESH, ("Age", "650"), ("Date", http_date(-10)), TAG], AGAIN),
        Line("s4.2.1 Age counts beside Expires", [("Expires", http_date(100)), ("Age", "150"), TAG], AGAIN),
        Line("s4.2.1 Expires is Date", [("Expires", now), ("Date", now), TAG], AGAIN),
        Line("s4.2.1 both to come, Expires first", [("Expires", http_date(1000)), ("Date", http_date(2000)), TAG], AGAIN),
        Line("s4.2.1 no Date", [("Expires", http_date(600)), ("Date", None)], HIT),
        Line("s4.2.1 no Date, Expires in the past", [("Expires", http_date(-600)), ("Date", None), TAG], AGAIN),
        *[Line(f"s6.6.1 Date: {date!r} is as none", [("Expires", past), ("Date", date), TAG], AGAIN) for date in ("Thu, 26 Nov 2026 99:00:00 GMT", "x", "")],
        Line("s4.2.2 a heuristic is used up by Age", [("Last-Modified", http_date(-1000)), ("Age", "1000")], AGAIN),
        Line("s4.2.2 and by Date", [("Last-Modified", http_date(-100000)), ("Date", http_date(-50000))], AGAIN),
        Line("s4.2.2 Last-Modified to come", [("Last-Modified", http_date(1e6)), TAG], AGAIN),
        Line("s4.2.2 Last-Modified by asctime", ("Last-Modified", "Sun Nov  6 08:49:37 1994"), HIT),
        *[Line(f"s4.2.2 {status}: Expires in the past, no heuristic", [LONG_AGO, ("Expires", past)], AGAIN, status=status) for status in (204, 404, 410, 300)],
        *[Line(f"s5.3 Expires: {date}", [("Expires", date), TAG], HIT) for date in (
            f"{far} GMT", "Sat, 06 Nov 2094 08:49:60 GMT", "Sat Nov  6 08:49:37 2094", "Sat Nov 06 08:49:37 2094", "Fri, 31 Dec 9999 23:59:59 GMT",
            "Saturday, 06-Nov-66 08:49:37 GMT")],
        *[Line(f"s5.3 Expires: {date}", [("Expires", date), TAG], AGAIN) for date in (
            "Sun, 06 Nov 2094 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Thu, 31 Feb 2050 08:49:37 GMT", "Sat, 06 Nov 2094 24:00:00 GMT",
            "Sat, 6 Nov 2094 08:49:37 GMT", "Sat,06 Nov 2094 08:49:37 GMT", far, f"{far} GMT+1", f"{far} EST", f"{far} +0000", f"{far} GMT x",
            "Sat, 06  Nov 2094 08:49:37 GMT", "Sat, 06 November 2094 08:49:37 GMT", "06 Nov 2094 08:49:37 GMT", "3937971777", f'"{far} GMT"',
            f"{far} GMT, {far} GMT", "Sat, 06/Nov/2094 08:49:37 GMT", "Sat, 06 Nov 2094 08:49:61 GMT", "Sat, 00 Nov 2094 08:49:37 GMT", "Sat, 06 Nov 20094 08:49:37 GMT")]])


@scene
def targeted(stage):
    """RFC 9213: a dictionary of structured fields, and what is none."""
    target, none = "CDN-Cache-Control", (CC, "no-store")
    Script(stage).play([
        *[Line(f"{target}: {value}", [(target, value), none], HIT) for value in (
            "s-maxage=600, max-age=0", "max-age=600\t,\tfoo=(a b);c", 'max-age=600, foo=:YWJj:, bar=tok/en, b=1.5, c=?1, d="x"', "max-age=999999999999999",
            'max-age=600;a="b,no-store"', "*a=1, max-age=600", 'max-age=600, private="x-a"', "must-revalidate, max-age=600")],
        *[Line(f"{target}: {value}", [(target, value), none], AGAIN) for value in (
            "MAX-AGE=600", "max-age=9999999999999999", "max-age=600,", "max-age=600 , no-store", "max-age", "max-age=600, private=x-a", "max-age=600, private")],
        Line("only what nobody knows: Cache-Control does not count", [(target, "foo"), FRESH, TAG], AGAIN),
        Line("nor does Expires", [(target, "foo"), ("Expires", http_date(600)), TAG], AGAIN),
        Line("but a heuristic may", [(target, "foo"), none, LONG_AGO], HIT),
        Line("empty: the next one", [("Popnet-Cache-Control", ""), (target, "max-age=600"), none], HIT),
        Line("of two members the last", [(target, "max-age=600, max-age=0"), TAG], AGAIN),
        Line("of Authorization it alone says", [(target, "max-age=600"), (CC, "public")], AGAIN, first=[("Authorization", "x")]),
        Line("and does", [(target, "max-age=600, public")], HIT, first=[("Authorization", "x")])])


@scene
def lists_of_vary(stage):
    """RFC 9111 section 4.1: values that are lists of names, and values that are none."""
    def line(value, first, second, becomes):
        return Line(f"s4.1 Vary: {value!r}", [FRESH, ("Vary", value)], becomes, first=first, second=second)

    one, two = [("X", "1")], [("X", "2")]
    Script(stage).play([
        *[line(value, one, two, AGAIN) for value in ('"X"', "X Y", "X; Y", "X;q=1", "*;q=1", '"*"', "* X", ",,X,,", "X, x, X", "\tX\t,\tY")],
        *[line(value, one, two, HIT) for value in ("", ", ,", "X-Real-IP", "Host")],
        line("X, x, X", one, one, HIT),
        line("A, B", [("A", "1"), ("B", "2")], [("A", "2"), ("B", "1")], AGAIN),
        line("A, B", [("A", "1")], [("B", "1")], AGAIN),
        line("A, B", [("A", "1"), ("B", "2")], [("B", "2"), ("A", "1")], HIT),
        line("X-Forwarded-Host", [("X-Forwarded-Host", "evil")], [], HIT)])


@scene
def of_one_request(stage):
    """RFC 9111 sections 3.5 and 5.2.1: Authorization, and what requests say of themselves."""
    young, old, secret = [FRESH, ("Age", "300"), TAG], [FRESH, ("Age", "700"), TAG], [("Authorization", "Bearer x")]
    Script(stage).play([
        *[Line(f"s3.5 {value}", [(CC, value), TAG], becomes, first=secret, second=again) for again in ((), secret) for value, becomes in (
            ("max-age=600, proxy-revalidate", AGAIN), ("max-age=600, no-cache", AGAIN), ("max-age=600, public, private", AGAIN), ("max-age=600, s-maxage=0", AGAIN),
            ("max-age=600, immutable", AGAIN), ("max-age=600, must-understand", AGAIN), ('max-age=600, public, private="x"', HIT), ("s-maxage=600", HIT))],
        Line("s3.5 Expires alone", ("Expires", http_date(600)), AGAIN, first=secret),
        Line("s3.5 a heuristic", LONG_AGO, AGAIN, first=secret),
        Line("s3.5 an empty one", FRESH, AGAIN, first=[("Authorization", "")]),
        Line("s3.5 to HEAD", FRESH, AGAIN, first=secret, first_method="HEAD", method="HEAD"),
        *[Line(f"s5.2.1 {value}", young, becomes, second=[(CC, value)]) for value, becomes in (
            ('max-age="400"', HIT), ('max-age="200"', AGAIN), ("max-age=400, max-age=100", HIT), ("max-age=100, max-age=400", AGAIN), ("min-fresh=0", HIT),
            ("min-fresh=301", AGAIN), ("no-cache=x", AGAIN), ("NO-CACHE", AGAIN), ("max-age=10, max-stale=1000", AGAIN), ("max-age=400, max-stale", HIT),
            ("public", HIT), ("private", HIT), ("s-maxage=0", HIT), ("foo=bar, ,", HIT))],
        *[Line(f"s5.2.1 stale, {value}", old, becomes, second=[(CC, value)]) for value, becomes in (
            ('max-stale="200"', HIT), ("max-stale=99", AGAIN), ("max-stale=abc", AGAIN), ("max-stale=", AGAIN), ("max-stale=200, no-cache", AGAIN),
            ("max-stale=200, min-fresh=1", AGAIN), ("max-stale=200, max-age=600", AGAIN), ("max-stale=200, max-age=1000", HIT), ("only-if-cached, max-stale", HIT),
            ("max-age=100000", AGAIN))],
        Line("8246 immutable, stale", [(CC, "max-age=600, immutable"), ("Age", "700"), TAG], AGAIN, second=[(CC, "max-age=0")]),
        Line("8246 immutable, no-cache", [(CC, "max-age=600, immutable"), TAG], AGAIN, second=[(CC, "no-cache")])])


@scene
def conditions_and_ranges(stage):
    """RFC 9110 sections 13 and 14: lists and stars, what is no tag, no date or no range, and answers that have none of them."""
    script, day = Script(stage), "Sat, 01 Jan 2022 00:00:00 GMT"
    def store(path, *fields, status=200):
        script.lines[path] = lambda *_: (status, [FRESH, ("Content-Length", str(len(f"{path} 1"))), *fields])
        script.ask(path)
    def each(path, cases, status=None):
        for value, want in cases:
            answer = script.ask(path, fields=value)
            equal(f"{path} {value}", answer.status, want if status is None else status)
            check("from the store", answer.hit)

    store("/tag", TAG, ("Last-Modified", day))
    store("/comma", ("ETag", '"a,b"'))
    store("/day", ("Last-Modified", day))
    each("/tag", [([("If-None-Match", tags)], want) for tags, want in (
        ('"a","v1"', 304), (', ,"v1",', 304), ('W/"a", W/"v1"', 304), ('"V1"', 200), ('"*"', 200), ("'v1'", 200), ('w/"v1"', 200))])
    each("/comma", [([("If-None-Match", tags)], want) for tags, want in (('"x", "a,b"', 304), ('"a", "b"', 200))])
    each("/day", [([("If-Modified-Since", date)], want) for date, want in (
        ("Saturday, 01-Jan-22 00:00:00 GMT", 304), ("Sat Jan  1 00:00:00 2022", 304), ("2022-01-01", 200), ("Fri, 31 Dec 2021 23:59:59 GMT", 200))])
    each("/day", [([("If-Modified-Since", day)] * 2, 200)])
    for status in (301, 302, 404, 405, 410, 500):
        store(f"/{status}", TAG, ("Last-Modified", day), status=status)
        each(f"/{status}", [([field], None) for field in (("If-None-Match", '"v1"'), ("If-Modified-Since", day), ("Range", "bytes=0-1"))], status=status)
    each("/tag", [([("Range", text)], want) for text, want in (
        ("bytes=-99", 206), ("bytes=4-999999999999999999999", 206), ("BYTES=0-1", 206), ("bytes=,0-1,", 206), ("bytes= 0-1", 206), ("bytes=6-", 416), ("bytes=-0", 416),
        ("bytes=5-2", 200), ("bytes=-", 200), ("bytes=a-b", 200), ("items=0-1", 200), ("bytes 0-1", 200), ("bytes=-1-2", 200), ("bytes=+0-1", 200), ("bytes=0x0-1", 200))])
    each("/tag", [([("Range", "bytes=0-1"), ("If-Range", text)], want) for text, want in (
        ('"v1"', 206), (day, 206), ('"v2"', 200), ('W/"v1"', 200), ("Sun, 02 Jan 2022 00:00:00 GMT", 200), ("x", 200))])
    each("/tag", [([("Range", "bytes=99-"), ("If-Range", '"v2"')], 200), ([("Range", "bytes=99-"), ("If-None-Match", '"v1"')], 304)])


@scene
def conditions_that_were_kept_back(stage):
    """RFC 9110 section 13.2.2: conditions that were not sent on, for the store's sake, are judged here, also when the answer proves to be for one user."""
    def own(asked, number):
        if any(field in asked.fields for field in ("If-None-Match", "If-Modified-Since")):
            return 304, [TAG]
        fields = [(CC, "private" if number > 1 or asked.path != "/rest" else "max-age=600"), TAG]
        if asked.fields["Range"] == "bytes=0-1":
            return 206, [*fields, ("Content-Range", "bytes 0-1/9"), ("Content-Length", "2")]
        return 200, fields

    for slices in ({}, {"cache": {"slice": "64KiB"}}):
        script = Script(stage, **slices)
        for path in ("/a", "/b", "/c", "/rest"):
            script.lines[path] = own
        part = ("Range", "bytes=0-1")
        if not slices:
            script.lines["/rest"] = lambda asked, number: (206, [FRESH, TAG, ("Content-Range", "bytes 0-6/9")]) if number == 1 else own(asked, number)
            script.ask("/rest", fields=[("Range", "bytes=0-6")])
            equal("what a part lacked", script.ask("/rest", fields=[("If-None-Match", '"v1"')]).status, 304)
        equal("a part", script.ask("/a", fields=[part, ("If-None-Match", '"v1"')]).status, 304)
        equal("the whole", script.ask("/b", fields=[("If-None-Match", '"v1"')]).status, 304)
        equal("another version", script.ask("/c", fields=[("If-None-Match", '"v0"')]).status, 200)


if __name__ == "__main__":
    run()
