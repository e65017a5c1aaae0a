#!/usr/bin/env python3
"""RFC 9111 (and 5861, 8246, 9211, 9213) sentence by sentence: one line for each rule, against a scripted origin.

How a line reads: play_lines.py.
"""
import re

from play import check, equal, http_date, run, scene, site
from play_lines import ASKED, CHECKED, HIT, Line, Script, send

CC = "Cache-Control"
FRESH = (CC, "max-age=600")
STALE = [FRESH, ("Age", "700")]
TAG = ("ETag", '"v1"')
OLD = ("Last-Modified", http_date(-100_000))


@scene
def storing(stage):
    """Section 3: what may be stored."""
    Script(stage).play([
        Line("s3 explicit freshness", FRESH, HIT),
        Line("s3 no freshness, no validator", [], ASKED),
        *[Line(f"s3 status {status} with max-age", FRESH, HIT, status=status)
          for status in (200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 399, 400, 404, 405, 410, 414, 499, 500, 501, 502, 503, 504, 599)],
        *[Line(f"s3 status {status} with Expires", ("Expires", http_date(600)), HIT, status=status) for status in (200, 299, 404, 599)],
        Line("s3 no-store", (CC, "no-store, max-age=600"), ASKED),
        Line("s3 no-store in any case", (CC, "No-StOrE, max-age=600"), ASKED),
        Line("s3 private", (CC, "private, max-age=600"), ASKED),
        Line("s3 no-store of the request", FRESH, ASKED, first=[(CC, "no-store")]),
        Line("s3.1 unknown directives", (CC, "max-age=600, whatever, x=\"a, b\""), HIT),
        Line("s3.5 Authorization", FRESH, ASKED, first=[("Authorization", "Basic YTpi")]),
        *[Line(f"s3.5 Authorization and {extra}", (CC, f"max-age=600, {extra}"), HIT, first=[("Authorization", "Basic YTpi")])
          for extra in ("public", "must-revalidate", "s-maxage=600")],
        Line("s3.5 only the first had Authorization", (CC, "max-age=600, public"), HIT, second=[("Authorization", "Basic YTpi")]),
        Line("s7.3 Set-Cookie is passed on", [FRESH, ("Set-Cookie", "a=b")], ASKED),
        Line("s5.2.2.3 must-understand, understood", (CC, "max-age=600, no-store, must-understand"), HIT),
        Line("s5.2.2.3 must-understand, not understood", (CC, "max-age=600, must-understand"), ASKED, status=299),
        Line("s5.2.2.3 no-store, must-understand, not understood", (CC, "max-age=600, no-store, must-understand"), ASKED, status=599),
        Line("s2 POST is not answered from the store", FRESH, ASKED, method="POST", second=[("Content-Length", "0")]),
        Line("s2 an unknown method is not", FRESH, ASKED, method="FROB"),
        Line("9110 s9.3.3 POST with Content-Location of another", [FRESH, ("Content-Location", "/other")], ASKED,
             first_method="POST", first=[("Content-Length", "0")]),
        Line("9110 s9.3.3 POST without Content-Location", [FRESH], ASKED, first_method="POST", first=[("Content-Length", "0")]),
    ])


@scene
def freshness(stage):
    """Section 4.2: how long."""
    now, far = http_date(), http_date(600)
    Script(stage).play([
        Line("s4.2.1 max-age", (CC, "max-age=600"), HIT),
        Line("s4.2.1 max-age=0", [(CC, "max-age=0"), TAG], CHECKED),
        Line("s4.2.1 s-maxage before max-age", (CC, "max-age=0, s-maxage=600"), HIT),
        Line("s4.2.1 s-maxage=0 before max-age", [(CC, "s-maxage=0, max-age=600"), TAG], CHECKED),
        Line("s4.2.1 max-age before Expires", [(CC, "max-age=600"), ("Expires", http_date(-600))], HIT),
        Line("s4.2.1 max-age=0 before Expires", [(CC, "max-age=0"), ("Expires", far), TAG], CHECKED),
        Line("s4.2.1 Expires", ("Expires", far), HIT),
        Line("s4.2.1 Expires in the past", [("Expires", http_date(-600)), TAG], CHECKED),
        Line("s4.2.1 Expires and Date", [("Expires", http_date(300)), ("Date", http_date(-299))], HIT),
        Line("s4.2.1 the same age from Date", [("Expires", http_date(-1)), ("Date", http_date(-299)), TAG], CHECKED),
        Line("s4.2.1 two max-age: the first", [(CC, "max-age=600"), (CC, "max-age=1, max-age=0")], HIT),
        Line("s4.2.1 two max-age: the first is 0", [(CC, "max-age=0, max-age=600"), TAG], CHECKED),
        Line("s4.2.1 directives on several lines", [(CC, "public"), (CC, "max-age=600")], HIT),
        Line("s5.2 quoted argument", (CC, 'max-age="600"'), HIT),
        Line("s5.2 in any case", (CC, "MAX-AGE=600"), HIT),
        Line("s5.2 inside of a quoted string it is none", [(CC, 'x="max-age=600"'), TAG], CHECKED),
        Line("s5.2 an open quote hides nothing", [(CC, 'max-age=600, x="a, no-store')], ASKED),
        *[Line(f"s4.2.1 {value}", [(CC, value), TAG], CHECKED) for value in
          ("max-age=-1", "max-age=1.5", "max-age=abc", "max-age=", "max-age", "max-age=600s", "max-age = 600", "max-age =600",
           "max-age= 600", "max-age='600'", 'max-age="600', "s-maxage=abc, max-age=600")],
        Line("s1.2.2 2^31 and beyond", (CC, "max-age=99999999999999999999999"), HIT),
        Line("s1.2.2 leading zeros", (CC, "max-age=0000600"), HIT),
        *[Line(f"s5.3 Expires: {value}", [("Expires", value), TAG], CHECKED) for value in
          ("0", "-1", "", "Thu, 18 Aug 2050 02:01:18", "Thu, 18 Aug 2050 02:01:18 UTC", "Thu 18 Aug 2050 02:01:18 GMT", "Thu, 18 Aug 50 02:01:18 GMT",
           "Thu, 18 Aug 2050 2:01:18 GMT", "Thu, 18 Aug 2050 02:61:18 GMT", "Thu, 18-Aug-2050 02:01:18 GMT", "2050-08-18T02:01:18Z")],
        *[Line(f"s4.2 Expires in any case: {value}", ("Expires", value), HIT) for value in
          ("thu, 18 Aug 2050 02:01:18 GMT", "Thu, 18 aUG 2050 02:01:18 GMT", "Thu, 18 Aug 2050 02:01:18 gmt")],
        Line("9110 s5.6.7 RFC 850 date", ("Expires", "Thursday, 18-Aug-39 02:01:18 GMT"), HIT),
        Line("9110 s5.6.7 asctime date", ("Expires", "Thu Aug 18 02:01:18 2050"), HIT),
        Line("s5.3 two Expires: the first", [("Expires", "0"), ("Expires", far), TAG], CHECKED),
        Line("s4.2.2 heuristic", OLD, HIT),
        Line("s4.2.2 not for other statuses", OLD, ASKED, status=302),
        *[Line(f"s4.2.2 heuristic for {status}", OLD, HIT, status=status)
          for status in (203, 204, 300, 301, 308, 404, 405, 410, 414, 501)],
        *[Line(f"s4.2.2 none for {status}", OLD, ASKED, status=status) for status in (201, 202, 303, 307, 400, 403, 502, 599)],
        Line("s4.2.2 public makes it so", [OLD, (CC, "public")], HIT, status=599),
        Line("s4.2.2 Last-Modified of now", [("Last-Modified", now), ("Date", now)], CHECKED),
        Line("s4.2.2 Last-Modified that is none", [("Last-Modified", "yesterday"), TAG], CHECKED),
        Line("s4.2.3 Age", [FRESH, ("Age", "599")], HIT),
        Line("s4.2.3 Age beyond", [FRESH, ("Age", "600"), TAG], CHECKED),
        Line("s4.2.3 Date long ago", [FRESH, ("Date", http_date(-700)), TAG], CHECKED),
        Line("s4.2.3 Date to come", [FRESH, ("Date", http_date(700)), TAG], HIT),
        Line("s4.2.3 no Date", [FRESH, ("Date", None)], HIT),
        Line("s4.2.3 a Date that is none", [FRESH, ("Date", "now")], HIT),
        Line("s5.1 huge Age", [FRESH, ("Age", "99999999999999999999"), TAG], CHECKED),
        Line("s5.1 Age that is none", [FRESH, ("Age", "abc")], HIT),
        Line("s5.1 negative Age", [FRESH, ("Age", "-7000")], HIT),
        Line("s5.1 several Ages: the first", [FRESH, ("Age", "0"), ("Age", "7000")], HIT),
        Line("s5.1 several Ages in one line", [FRESH, ("Age", "7000, 0"), TAG], CHECKED),
        Line("s5.4 Pragma of an answer means nothing", [FRESH, ("Pragma", "no-cache")], HIT),
    ])


@scene
def response_directives(stage):
    """Section 5.2.2, RFC 8246, RFC 9213."""
    Script(stage).play([
        Line("s5.2.2.4 no-cache", [(CC, "max-age=600, no-cache"), TAG], CHECKED),
        Line("s5.2.2.4 no-cache of one field", (CC, 'max-age=600, no-cache="x-own"'), HIT),
        Line("s5.2.2.7 private of one field", (CC, 'max-age=600, private="x-own"'), HIT),
        Line("s5.2.2.7 private of the cookie alone", [(CC, 'max-age=600, private="set-cookie"'), ("Set-Cookie", "a=b")], HIT),
        Line("s5.2.2.7 private of no field", (CC, 'max-age=600, private=""'), ASKED),
        Line("s5.2.2.2 must-revalidate, fresh", (CC, "max-age=600, must-revalidate"), HIT),
        *[Line(f"s4.2.4 max-stale does not override {extra}", [(CC, f"max-age=1, {extra}"), ("Age", "9"), TAG], CHECKED, second=[(CC, "max-stale")])
          for extra in ("must-revalidate", "proxy-revalidate", "s-maxage=1", "no-cache")],
        Line("5861 s3 stale-while-revalidate", [(CC, "max-age=1, stale-while-revalidate=600"), ("Age", "9"), TAG], CHECKED),
        Line("5861 s3 beyond its window", [(CC, "max-age=1, stale-while-revalidate=5"), ("Age", "99"), TAG], CHECKED),
        Line("5861 s3 never under must-revalidate", [(CC, "max-age=1, must-revalidate, stale-while-revalidate=600"), ("Age", "9"), TAG], CHECKED),
        Line("9213 CDN-Cache-Control wins", [(CC, "no-store"), ("CDN-Cache-Control", "max-age=600")], HIT),
        Line("9213 in both directions", [FRESH, ("CDN-Cache-Control", "no-store")], ASKED),
        Line("9213 over Expires", [("Expires", http_date(600)), ("CDN-Cache-Control", "max-age=0"), TAG], CHECKED),
        Line("9213 the more specific one wins", [("CDN-Cache-Control", "no-store"), ("Popnet-Cache-Control", "max-age=600")], HIT),
        Line("9213 in both directions", [("CDN-Cache-Control", "max-age=600"), ("Popnet-Cache-Control", "private")], ASKED),
        Line("9213 empty: as if not there", [FRESH, ("CDN-Cache-Control", "")], HIT),
        Line("9213 malformed: as if not there", [FRESH, ("CDN-Cache-Control", "max-age=0, =")], HIT),
        Line("9213 capitals are malformed", [FRESH, ("CDN-Cache-Control", "Max-Age=0")], HIT),
        Line("9213 parameters do not count", [("CDN-Cache-Control", "max-age=600;x=y"), (CC, "no-store")], HIT),
        Line("9213 a negative number is none", [FRESH, ("CDN-Cache-Control", "max-age=-600"), TAG], CHECKED),
        *[Line(f"9213 s2.1 a value of another type does not count: {value}", [("CDN-Cache-Control", f"max-age={value}"), FRESH, TAG], CHECKED)
          for value in ('"600"', "600.0", "abc", "?1", "(600)")],
        *[Line(f"8941 s4.2.2 malformed: {value}", [FRESH, ("CDN-Cache-Control", value)], HIT)
          for value in ("no-store,", "no-store,,private", ", no-store", "no-store; =1", "max-age= 0", "no-store=\"a", "no-store=é")],
        Line("9213 on several lines", [("CDN-Cache-Control", "max-age=600"), ("CDN-Cache-Control", "private")], ASKED),
        Line("9213 others are not ours", [FRESH, ("Surrogate-Control", "no-store"), ("Other-Cache-Control", "no-store")], HIT),
        Line("9213 of two members the last", [("CDN-Cache-Control", "max-age=0, max-age=600"), (CC, "no-store")], HIT),
        Line("8246 immutable against a reload", (CC, "max-age=600, immutable"), HIT, second=[(CC, "max-age=0")]),
    ])


@scene
def request_directives(stage):
    """Section 5.2.1: what the user wants of a stored answer."""
    half = [FRESH, ("Age", "300"), TAG]
    stale = STALE + [TAG]
    Script(stage).play([
        Line("s5.2.1.1 max-age, older", half, CHECKED, second=[(CC, "max-age=200")]),
        Line("s5.2.1.1 max-age, young enough", half, HIT, second=[(CC, "max-age=400")]),
        Line("s5.2.1.1 max-age=0", half, CHECKED, second=[(CC, "max-age=0")]),
        Line("s5.2.1.1 max-age that is none", half, CHECKED, second=[(CC, "max-age=abc")]),
        Line("s5.2.1.2 max-stale", stale, HIT, second=[(CC, "max-stale")]),
        Line("s5.2.1.2 max-stale enough", stale, HIT, second=[(CC, "max-stale=200")]),
        Line("s5.2.1.2 max-stale too little", stale, CHECKED, second=[(CC, "max-stale=20")]),
        Line("s5.2.1.3 min-fresh met", half, HIT, second=[(CC, "min-fresh=200")]),
        Line("s5.2.1.3 min-fresh not met", half, CHECKED, second=[(CC, "min-fresh=400")]),
        Line("s5.2.1.4 no-cache", half, CHECKED, second=[(CC, "no-cache")]),
        Line("s5.2.1.5 no-store does not keep from the store", half, HIT, second=[(CC, "no-store")]),
        Line("s5.2.1.7 only-if-cached, fresh", half, HIT, second=[(CC, "only-if-cached")]),
        Line("s5.4 Pragma is retired", half, HIT, second=[("Pragma", "no-cache")]),
        Line("s4.3.2 HEAD from a stored GET", FRESH, HIT, method="HEAD"),
        Line("s4.3.1 validation by ETag", STALE + [TAG], CHECKED),
        Line("s4.3.1 validation by a weak one", STALE + [("ETag", 'W/"v1"')], CHECKED),
        Line("9110 s2.4 a tag whose quotes are forgotten", STALE + [("ETag", "v1")], CHECKED),
        Line("9110 s8.8.3 several of them are none", STALE + [("ETag", "v1, v2")], ASKED),
        Line("9110 s8.8.3 W/ is case-sensitive", STALE + [("ETag", 'w/"v1"')], ASKED),
        Line("s4.3.1 validation by date", STALE + [OLD], CHECKED),
        Line("s4.3.1 no validator", STALE, ASKED),
    ])
    script = Script(stage)
    script.lines["/x"] = lambda *_: (200, stale)
    equal("s5.2.1.7 only-if-cached, nothing stored", script.ask("/x", fields=[(CC, "only-if-cached")]).status, 504)
    script.ask("/x")
    equal("s5.2.1.7 only-if-cached, stale", script.ask("/x", fields=[(CC, "only-if-cached")]).status, 504)
    equal("nobody was asked for these", len(script.asked["/x"]), 1)


def vary(what, field, first, second, becomes, vary_lines=None):
    lines = vary_lines or [("Vary", field)]
    return Line(f"s4.1 {what}", [FRESH, *lines], becomes, first=[(field, v) for v in first], second=[(field, v) for v in second])


@scene
def varying(stage):
    """Section 4.1: which stored answer fits."""
    coding, language = "Accept-Encoding", "Accept-Language"
    Script(stage).play([
        vary("the same", "X", ["1"], ["1"], HIT),
        vary("another", "X", ["1"], ["2"], ASKED),
        vary("missing", "X", ["1"], [], ASKED),
        vary("missing both times", "X", [], [], HIT),
        vary("empty is not missing", "X", [""], [], ASKED),
        vary("case counts", "X", ["a"], ["A"], ASKED),
        vary("name in any case", "X-Y", ["1"], ["1"], HIT, [("Vary", "x-y")]),
        vary("lines join", "X", ["1", "2"], ["1, 2"], HIT),
        vary("spaces in lists do not count", "X", ["1,2"], ["1 , 2"], HIT),
        vary("order does", "X", ["1, 2"], ["2, 1"], ASKED),
        vary("star", "X", ["1"], ["1"], ASKED, [("Vary", "*")]),
        vary("star among others", "X", ["1"], ["1"], ASKED, [("Vary", "X, *")]),
        vary("star on a further line", "X", ["1"], ["1"], ASKED, [("Vary", "X"), ("Vary", "*")]),
        vary("star behind an empty line", "X", ["1"], ["1"], ASKED, [("Vary", ""), ("Vary", " * ")]),
        vary("two fields, one differs", "X", ["1"], ["2"], ASKED, [("Vary", "Y"), ("Vary", "X")]),
        vary("codings: order", coding, ["gzip, br"], ["br, gzip"], HIT),
        vary("codings: case", coding, ["gzip"], ["GZIP"], HIT),
        vary("codings: spaces", coding, ["gzip,br"], [" gzip ,  br"], HIT),
        vary("codings: weight", coding, ["gzip, br"], ["gzip, br;q=0.5"], ASKED),
        vary("codings: weight 1", coding, ["gzip"], ["gzip;q=1.0"], HIT),
        vary("codings: refused ones", coding, ["gzip, br;q=0"], ["gzip"], ASKED),
        vary("codings: weights written otherwise", coding, ["br;q=0.5, gzip"], ["gzip;q=1, br;q=0.500"], HIT),
        vary("cookies", "Cookie", ["a=1"], ["a=2"], ASKED),
        vary("languages: order", language, ["en, de"], ["de, en"], HIT),
        vary("languages: case", language, ["en"], ["EN"], HIT),
        vary("languages: spaces", language, ["en,de"], ["en ,de"], HIT),
        vary("languages: order by weight", language, ["en;q=0.5, de"], ["de, en;q=0.5"], HIT),
        vary("languages: another", language, ["en"], ["de"], ASKED),
    ])
    script = Script(stage)
    script.lines["/x"] = lambda *_: (200, [FRESH, ("Vary", "X")])
    bodies = [script.ask("/x", fields=[("X", str(n))]).body for n in (1, 2, 3)]
    again = [script.ask("/x", fields=[("X", str(n))]).body for n in (3, 1, 2)]
    equal("s4.1 several variants side by side", sorted(again), sorted(bodies))


@scene
def ages(stage):
    """Sections 4 and 5.1: we make Age for what comes from the store, and for nothing else."""
    script = Script(stage)
    script.lines["/fresh"] = lambda *_: (200, [FRESH])
    script.lines["/aged"] = lambda *_: (200, [FRESH, ("Age", "30")])
    script.lines["/passed"] = lambda *_: (200, [(CC, "no-store"), ("Age", "30")])
    script.lines["/dated"] = lambda *_: (200, [FRESH, ("Date", http_date(-100))])
    script.lines["/checked"] = lambda asked, _: (304, [TAG]) if "If-None-Match" in asked.fields else (200, STALE + [TAG])
    check("made for this request: no Age", "Age" not in script.ask("/fresh").fields)
    check("from the store", 0 <= int(script.ask("/fresh").fields["Age"]) < 30)
    check("another cache's Age goes on", int(script.ask("/aged").fields["Age"]) >= 30)
    hit = script.ask("/aged")
    equal("one Age line", (hit.fields.count("Age"), hit.hit), (1, True))
    script.lines["/odd"] = lambda *_: (200, [FRESH, ("Age", "abc"), ("Age", "7"), ("Date", http_date(-100))])
    first = script.ask("/odd").fields
    equal("what another cache says goes on as it came", (first.count("Age"), first["Age"]), (1, "abc"))
    check("and does not count", 100 <= int(script.ask("/odd").fields["Age"]) < 130)
    check("and is added to", 30 <= int(hit.fields["Age"]) < 60)
    check("also when it is not stored", int(script.ask("/passed").fields["Age"]) >= 30)
    script.ask("/dated")
    check("Date counts", 100 <= int(script.ask("/dated").fields["Age"]) < 130)
    script.ask("/checked")
    check("confirmed for this request: no Age", "Age" not in script.ask("/checked").fields)


@scene
def updating(stage):
    """Sections 3.2, 4.3.4 and 4.3.5: a 304, and a 200 to HEAD, update what is stored."""
    script = Script(stage)
    def answer(asked, number):
        if "If-None-Match" in asked.fields:
            return 304, [(CC, "max-age=600"), TAG, ("X-Own", "2"), ("X-New", "n"), ("Content-Type", "b/b"),
                         ("Content-Encoding", "two"), ("Content-Length", "999"), ("Via", "1.1 new"), ("Connection", "X-Hop, X-Stays"), ("X-Hop", "h"), ("X-Stays", "h")]
        return 200, STALE + [TAG, ("Via", "1.1 old"), ("X-Own", "1"), ("X-Own", "1b"), ("X-Kept", "k"), ("X-Stays", "s"), ("Content-Type", "a/a"),
                             ("Content-Encoding", "one")]
    script.lines["/x"] = answer
    first = script.ask("/x")
    for answer in (script.ask("/x"), script.ask("/x")):
        equal("status and body stay", (answer.status, answer.body), (200, first.body))
        equal("replaced, all lines of it", [answer.fields["X-Own"], answer.fields.count("X-Own")], ["2", 1])
        equal("added, and kept", (answer.fields["X-New"], answer.fields["X-Kept"]), ("n", "k"))
        equal("what the body is", (answer.fields["Content-Type"], answer.fields["Content-Encoding"]), ("b/b", "two"))
        equal("but not its length", answer.fields["Content-Length"], str(len(first.body)))
        check("which way it came", re.fullmatch(r"1\.1 new, 1\.1 popnet-local-[0-9a-f]{8}", answer.fields["Via"]), answer.fields["Via"])
        check("no hop-by-hop", "X-Hop" not in answer.fields)
        equal("which takes nothing away", answer.fields["X-Stays"], "s")
        equal("one Date", answer.fields.count("Date"), 1)
    check("the last was a hit", answer.hit)

    def headed(asked, number):
        if asked.method == "HEAD":
            return 200, [FRESH, TAG, ("X-Own", "2"), ("Content-Length", "4")]
        return 200, STALE + [TAG, ("X-Own", "1")]
    script.lines["/h"] = headed
    script.ask("/h")
    equal("a HEAD goes on as HEAD", (script.ask("/h", "HEAD").status, script.asked["/h"][-1].method), (200, "HEAD"))
    updated = script.ask("/h")
    equal("s4.3.5 updated and fresh again", (updated.hit, updated.fields["X-Own"], updated.body), (True, "2", b"/h 1"))

    script.lines["/d"] = lambda asked, _: (200, [FRESH, ("ETag", f'"{asked.method}"')])
    script.ask("/d")
    script.ask("/d", "HEAD", [(CC, "no-cache")])
    answer = script.ask("/d")
    equal("s4.3.5 another version: what is stored is checked", (answer.hit, script.asked["/d"][-1].fields["If-None-Match"]), (False, '"GET"'))

    for path, length in (("/frozen", []), ("/clock", [("Content-Length", "8")])):
        script.lines[path] = lambda asked, n, length=length: (200, [FRESH, *(length if asked.method == "HEAD" else [("Age", "700")] if n == 1 else [])])
        script.ask(path)
        equal("s4.3.5 no validator", script.ask(path, "HEAD").status, 200)
        equal(f"{path}: what no HEAD can know to be the same stays stale", script.ask(path).body, f"{path} 3".encode())

    script.lines["/other"] = lambda asked, n: (304, [("ETag", '"v2"')]) if "If-None-Match" in asked.fields else (200, STALE + [TAG])
    script.ask("/other")
    equal("s4.3.4 a 304 that speaks of another is not believed", script.ask("/other").body, b"/other 3")

    script.lines["/new"] = lambda asked, n: (200, [(CC, "max-age=600"), ("ETag", f'"{n}"'), *([("Age", "700")] if n == 1 else [])])
    script.ask("/new")
    equal("s4.3.3 a full answer replaces", (script.ask("/new").body, script.ask("/new").body), (b"/new 2", b"/new 2"))
    script.lines["/err"] = lambda asked, n: (200, [(CC, "max-age=1, must-revalidate"), ("Age", "9"), TAG]) if n == 1 else (503, [])
    script.ask("/err")
    equal("s4.3.3 an error is passed on where stale is forbidden", script.ask("/err").status, 503)


@scene
def conditions(stage):
    """Section 4.3.2: the user's conditions are answered from the store, before, and after validation."""
    script = Script(stage)
    dated = http_date(-100_000)
    script.lines["/x"] = lambda *_: (200, [FRESH, TAG, ("Last-Modified", dated), ("Content-Type", "a/b"), ("Vary", "X"), ("Content-Location", "/y")])
    script.lines["/weak"] = lambda *_: (200, [FRESH, ("ETag", 'W/"v1"')])
    script.lines["/bare"] = lambda *_: (200, [FRESH])
    script.lines["/stale"] = lambda asked, _: (304, [FRESH, TAG]) if asked.fields["If-None-Match"] == '"v1"' else (200, STALE + [TAG])
    for path in ("/x", "/weak", "/bare", "/stale"):
        script.ask(path)
    for path, name, value, status in (
            ("/x", "If-None-Match", '"v1"', 304), ("/x", "If-None-Match", 'W/"v1"', 304), ("/x", "If-None-Match", "*", 304),
            ("/x", "If-None-Match", '"v0", "v1"', 304), ("/x", "If-None-Match", '"v0"', 200), ("/x", "If-None-Match", "v1", 200),
            ("/weak", "If-None-Match", '"v1"', 304), ("/weak", "If-None-Match", 'W/"v2"', 200), ("/bare", "If-None-Match", '"v1"', 200),
            ("/x", "If-Modified-Since", dated, 304), ("/x", "If-Modified-Since", http_date(), 304),
            ("/x", "If-Modified-Since", http_date(-200_000), 200), ("/x", "If-Modified-Since", "never", 200),
            ("/bare", "If-Modified-Since", http_date(60), 304),
            ("/stale", "If-None-Match", '"v1"', 304), ("/stale", "If-None-Match", '"v0"', 200)):
        equal(f"{path} {name}: {value}", script.ask(path, fields=[(name, value)]).status, status)
    both = [("If-None-Match", '"v0"'), ("If-Modified-Since", http_date())]
    equal("If-None-Match before If-Modified-Since", script.ask("/x", fields=both).status, 200)
    answer = script.ask("/x", fields=[("If-None-Match", '"v1"')])
    for name in ("Cache-Control", "Content-Location", "Date", "ETag", "Vary"):
        check(f"9110 s15.4.5 a 304 has {name}", name in answer.fields, answer.fields)
    check("and nothing of the body", "Content-Type" not in answer.fields and "Content-Length" not in answer.fields)
    equal("HEAD too", script.ask("/x", "HEAD", [("If-None-Match", '"v1"')]).status, 304)
    equal("one request each, but for the stale one", [len(script.asked[p]) for p in ("/x", "/weak", "/bare")], [1, 1, 1])
    for name, value in (("If-Match", '"v0"'), ("If-Unmodified-Since", http_date(-200_000))):
        script.ask("/x", fields=[(name, value)])
        equal(f"s4.3.2 {name} is for the origin", script.asked["/x"][-1].fields[name], value)


@scene
def stale_when_the_origin_is_gone(stage):
    """Sections 4.2.4 and 5.2.2.2: stale where the connection breaks; where that is forbidden, 504."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for number, (extra, status) in enumerate((("", 200), (", stale-if-error=600", 200), (", must-revalidate", 504),
                                              (", proxy-revalidate", 504), (", s-maxage=1", 504), (", no-cache", 504),
                                              (", stale-if-error=0", 502))):
        path = f"/{number}"
        client = popnet.connect().ask(path, "a.test")
        send(origin.request(), 200, [(CC, f"max-age=1{extra}"), ("Age", "9"), TAG], "stored")
        client.answer()
        client.ask(path, "a.test")
        origin.serve_until(client, lambda asked: asked.close())
        answer = client.answer()
        equal(f"max-age=1{extra}", (answer.status, answer.body == b"stored"), (status, status == 200))


@scene
def stale_when_the_origin_fails(stage):
    """RFC 5861 section 4: stale-if-error covers 500, 502, 503 and 504, and nothing else."""
    script = Script(stage, cache={"stale_if_error": "0"})
    for status, extra, served in ((500, ", stale-if-error=600", True), (502, ", stale-if-error=600", True), (503, ", stale-if-error=600", True),
                                  (504, ", stale-if-error=600", True), (404, ", stale-if-error=600", False), (501, ", stale-if-error=600", False),
                                  (503, ", stale-if-error=1", False), (503, "", False), (503, ", must-revalidate, stale-if-error=600", False)):
        path = f"/{status}{len(extra)}"
        script.lines[path] = (lambda _, n, status=status, extra=extra:
                              (200, [(CC, f"max-age=1{extra}"), ("Age", "9"), TAG]) if n == 1 else (status, []))
        script.ask(path)
        answer = script.ask(path)
        equal(f"{status} under max-age=1{extra}", answer.status, 200 if served else status)
        check("9211 s2.3 fwd-status is what the origin said", not served or f"fwd=stale; fwd-status={status}; ttl=-" in answer.cache_status, answer.cache_status)
    script.lines["/asked"] = lambda _, n: (200, [(CC, "max-age=1"), ("Age", "9"), TAG]) if n == 1 else (503, [])
    script.ask("/asked")
    equal("the request may allow it too", script.ask("/asked", fields=[(CC, "stale-if-error=600")]).status, 200)


@scene
def invalidation(stage):
    """Section 4.4: a successful unsafe request makes what is stored of its URI, and of those it names, unusable."""
    script = Script(stage)
    for number, (method, status, field, target, gone) in enumerate((
            ("POST", 200, None, None, True), ("PUT", 204, None, None, True), ("DELETE", 200, None, None, True), ("PATCH", 200, None, None, True),
            ("FROB", 200, None, None, True), ("POST", 303, None, None, True), ("POST", 404, None, None, False), ("POST", 500, None, None, False),
            ("OPTIONS", 200, None, None, False), *[(safe, 200, None, None, False) for safe in ("PROPFIND", "REPORT", "SEARCH", "QUERY")], ("POST", 200, "Location", "{}", True), ("POST", 200, "Content-Location", "{}", True),
            ("POST", 201, "Location", "http://a.test{}", True), ("POST", 200, "Location", "http://b.test{}", False),
            ("POST", 200, "Location", "https://a.test{}", False), ("POST", 500, "Location", "{}", False), ("POST", 200, "Location", ".{}", True))):
        path = f"/{number}"
        unsafe = path if field is None else f"/do{number}"
        script.lines[path] = lambda asked, _, status=status: (200 if asked.method == "GET" else status, [FRESH] if asked.method == "GET" else [])
        script.lines[unsafe] = script.lines[path] if field is None else (lambda *_, s=status, f=field, t=target.format(path): (s, [(f, t)]))
        script.ask(path)
        script.ask(unsafe, method, [("Content-Length", "0")])
        equal(f"{method} {status} {field} {target}", not script.ask(path).hit, gone)


@scene
def head_for_head(stage):
    """RFC 9110 section 9.3.2: the answer to a HEAD serves HEAD, and nothing else, under the rules of a GET's."""
    script = Script(stage)
    for number, (fields, status, again) in enumerate((([FRESH], 200, True), ([FRESH], 404, True), ([FRESH, ("Content-Length", "5")], 200, True), ([], 200, False),
                                                      ([(CC, "no-store")], 200, False), ([(CC, "private, max-age=600")], 200, False), (STALE, 200, False))):
        path = f"/{number}"
        script.lines[path] = lambda asked, n, fields=fields, status=status: (status if asked.method == "HEAD" else 200, [FRESH, TAG] if asked.method == "GET" else fields)
        first, second = (script.ask(path, "HEAD") for _ in range(2))
        equal(f"{status} {fields}: a hit", (second.hit, second.status), (again, status))
        equal("the same length", second.fields["Content-Length"], first.fields["Content-Length"])
        got = script.ask(path)
        equal("not for GET, which gets its own", (got.hit, got.status, got.body, script.asked[path][-1].method), (False, 200, f"{path} {len(script.asked[path])}".encode(), "GET"))
        check("that serves HEAD from now on", script.ask(path, "HEAD").fields["Content-Length"] == str(len(got.body)) and script.ask(path).hit)
    script.lines["/v"] = lambda *_: (200, [FRESH, ("Vary", "X-A"), TAG])
    script.ask("/v", "HEAD", [("X-A", "1")])
    equal("Vary", [script.ask("/v", "HEAD", [("X-A", a)]).hit for a in "12"], [True, False])
    equal("conditions", script.ask("/v", "HEAD", [("X-A", "1"), ("If-None-Match", '"v1"')]).status, 304)
    script.ask("/v", "POST", [("Content-Length", "0")])
    check("an unsafe method ends it", not script.ask("/v", "HEAD", [("X-A", "1")]).hit)


@scene
def named_in_connection(stage):
    """RFC 9110 section 7.6.1: what is for all recipients is no connection option: caches behind us hear of it too, and a 304 keeps it."""
    script = Script(stage)
    script.lines["/x"] = lambda asked, n: (304 if asked.fields["If-None-Match"] else 200, [
        (CC, "max-age=0" if n == 1 else "max-age=600"), TAG, *([("Vary", "X-User"), ("Connection", "Vary, Cache-Control, X-Hop"), ("X-Hop", "h")] if n == 1 else [])])
    first, again = (script.ask("/x", fields=[("X-User", "1")]) for _ in range(2))
    equal("they go on", (first.fields["Cache-Control"], first.fields["Vary"], "X-Hop" in first.fields), ("max-age=0", "X-User", False))
    equal("and are kept", (again.fields["Vary"], "fwd-status=304" in again.cache_status), ("X-User", True))
    check("for this user", script.ask("/x", fields=[("X-User", "1")]).hit)
    check("not for another", not script.ask("/x", fields=[("X-User", "2")]).hit)


@scene
def cacheable_post(stage):
    """RFC 9110 section 9.3.3: the answer to a POST serves a GET when it says that it is what a GET would get."""
    script = Script(stage)
    script.lines["/x"] = lambda *_: (200, [FRESH, ("Content-Location", "/x")])
    first = script.ask("/x", "POST", [("Content-Length", "0")])
    for method in ("GET", "HEAD"):
        check(f"{method} from it", script.ask("/x", method).hit)
    equal("the body", script.ask("/x").body, first.body)
    script.ask("/x", "POST", [("Content-Length", "0")])
    equal("a POST goes on to the origin, and its answer replaces", (len(script.asked["/x"]), script.ask("/x").body), (2, b"/x 2"))


@scene
def fields(stage):
    """Section 3.1: which fields are kept, and which are for the one who caused the fill."""
    script = Script(stage)
    script.lines["/x"] = lambda *_: (200, [
        (CC, 'max-age=600, private="X-Mine", no-cache="X-Fresh"'), ("X-Mine", "m"), ("X-Fresh", "f"), ("X-All", "a"), ("X-Two", "1"), ("X-Two", "2"),
        ("Connection", "X-Hop, Date"), ("X-Hop", "h"), ("Keep-Alive", "timeout=5"), ("Proxy-Authenticate", "Basic"), ("Cache-Status", "other; hit"), ("Content-Type", "a/b")])
    miss, hit = script.ask("/x"), script.ask("/x")
    equal("who asked gets his own", (miss.fields["X-Mine"], miss.fields["X-Fresh"]), ("m", "f"))
    check("nobody else does", "X-Mine" not in hit.fields and "X-Fresh" not in hit.fields, hit.fields)
    for answer in (miss, hit):
        check("nothing of the connection", not any(n in answer.fields for n in ("X-Hop", "Keep-Alive", "Proxy-Authenticate")), answer.fields)
        equal("everything else", (answer.fields["X-All"], answer.fields["X-Two"], answer.fields["Content-Type"]), ("a", "1, 2", "a/b"))
        equal("9110 s6.6.1 a Date, ours where the origin's was of the connection", answer.fields.count("Date"), 1)
        check("9211 s2 ours stands behind the other's", answer.fields["Cache-Status"].startswith("other; hit, popnet-"), answer.fields)

    # 9110 s14.4: it means nothing there, and is none of ours.
    script.lines["/place"] = lambda asked, n: (304 if "If-None-Match" in asked.fields else 200, [
        (CC, "max-age=600"), TAG, ("Age", "0" if n > 1 else "601"), ("Content-Range", f"bytes {n}-7/9")])
    for n, hit in ((1, False), (2, False), (2, True)):
        answer = script.ask("/place")
        equal("a Content-Range that is of no part", (answer.status, answer.fields["Content-Range"], answer.hit), (200, f"bytes {n}-7/9", hit))
    answer = script.ask("/place", fields=[("Range", "bytes=1-2")])
    equal("and gives way to ours", (answer.status, answer.fields.count("Content-Range"), answer.fields["Content-Range"].startswith("bytes 1-2/"), answer.hit), (206, 1, True, True))
    script.lines["/own"] = lambda *_: (200, [(CC, 'max-age=600, private="content-range"'), TAG, ("Content-Range", "bytes 1-2/9")])
    for hit in (False, True):
        answer = script.ask("/own", fields=[("Range", "bytes=1-2")])
        equal("also where it would be for one alone", (answer.status, answer.fields.count("Content-Range"), answer.hit), (206, 1, hit))
    script.lines["/short"] = lambda *_: (416, [FRESH, ("Content-Range", "bytes */7")])
    for hit in (False, True):
        answer = script.ask("/short", fields=[("Range", "bytes=9-")])
        equal("how long it is", (answer.status, answer.fields["Content-Range"]), (416, "bytes */7"))


@scene
def parts(stage):
    """Sections 3.3 and 3.4: a 206 is stored, served in part, and completed by the range that it lacks."""
    whole = "0123456789"

    def answer(asked):
        wanted = asked.fields["Range"]
        if not wanted:
            return send(asked, 200, [FRESH, TAG], whole)
        first, last = wanted.removeprefix("bytes=").split("-")
        first, last = (int(first), int(last or 9)) if first else (10 - int(last), 9)
        return send(asked, 206, [FRESH, TAG, ("Content-Range", f"bytes {first}-{last}/10")], whole[first:last + 1])

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    first = popnet.get("/x", "a.test", range="bytes=0-5")
    equal("the part", (first.status, first.body, first.fields["Content-Range"]), (206, b"012345", "bytes 0-5/10"))
    for wanted, body in (("bytes=0-5", b"012345"), ("bytes=2-3", b"23"), ("bytes=5-5", b"5")):
        part = popnet.get("/x", "a.test", range=wanted)
        equal(wanted, (part.status, part.body, part.hit), (206, body, True))
    equal("conditions", popnet.get("/x", "a.test", range="bytes=0-1", if_none_match='"v1"').status, 304)
    equal("one request so far", len(origin.asked), 1)
    full = popnet.get("/x", "a.test")
    equal("the whole", (full.status, full.body, "Content-Range" in full.fields), (200, whole.encode(), False))
    equal("by what was missing", (origin.asked[-1].fields["Range"], origin.asked[-1].fields["If-Range"]), ("bytes=6-9", '"v1"'))
    check("said so", "fwd=partial" in full.cache_status, full.cache_status)
    check("stored", popnet.get("/x", "a.test").hit and popnet.get("/x", "a.test", range="bytes=7-8").hit)
    equal("the end first", popnet.get("/y", "a.test", range="bytes=-4").body, b"6789")
    equal("then the beginning", (popnet.get("/y", "a.test").body, origin.asked[-1].fields["Range"]), (whole.encode(), "bytes=0-5"))
    popnet.get("/m", "a.test", range="bytes=4-5")
    equal("from the middle: all anew", (popnet.get("/m", "a.test").body, origin.asked[-1].fields["Range"]), (whole.encode(), ""))
    equal("from the first byte on: the whole", popnet.get("/all", "a.test", range="bytes=0-").status, 206)
    check("is stored whole", popnet.get("/all", "a.test").hit)
    asked = len(origin.asked)
    equal("all of it, as a part", popnet.get("/0-9", "a.test", range="bytes=0-9").fields["Content-Range"], "bytes 0-9/10")
    again = popnet.get("/0-9", "a.test")
    equal("is the whole", (again.status, again.body, again.hit, "Content-Range" in again.fields, len(origin.asked) - asked),
          (200, whole.encode(), True, False, 1))
    popnet.get("/if", "a.test", range="bytes=0-5")
    other = popnet.get("/if", "a.test", range="bytes=0-1", if_range='"v0"')
    equal("If-Range of another version reaches the origin", origin.asked[-1].fields["If-Range"], '"v0"')
    equal("whose answer counts", other.status, 206)


@scene
def parts_that_do_not_fit(stage):
    """A 206 of another version, or of other bytes, is never joined to what is stored."""
    answers = {}
    origin = stage.origin(lambda asked: answers[asked.path](asked))
    popnet = stage.popnet([site("a", [origin])])

    def versions(rest_fields, rest_body):
        def answer(asked):
            if asked.fields["If-Range"]:
                return send(asked, 206, rest_fields, rest_body)
            if asked.fields["Range"]:
                return send(asked, 206, [FRESH, TAG, ("Content-Range", "bytes 0-4/10")], "01234")
            return send(asked, 200, [FRESH, ("ETag", '"v2"')], "abcdefghij")
        return answer

    for path, rest_fields, rest in (("/tag", [FRESH, ("ETag", '"v2"'), ("Content-Range", "bytes 5-9/10")], "fghij"),
                                    ("/size", [FRESH, TAG, ("Content-Range", "bytes 5-9/11")], "fghij"),
                                    ("/place", [FRESH, TAG, ("Content-Range", "bytes 4-8/10")], "fghij"),
                                    ("/short", [FRESH, TAG, ("Content-Range", "bytes 5-9/10")], "fg"),
                                    ("/none", [FRESH, TAG], "fghij")):
        answers[path] = versions(rest_fields, rest)
        popnet.get(path, "a.test", range="bytes=0-4")
        equal(path, popnet.get(path, "a.test").body, b"abcdefghij")


@scene
def interim(stage):
    """A 103 is passed on and never stored."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    asked = origin.request()
    asked.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Hop\r\nX-Hop: h\r\n\r\n")
    hint = client.answer(interim=True)
    equal("at once", (hint.status, hint.fields["Link"], "X-Hop" in hint.fields), (103, "</a.css>", False))
    asked.send("HTTP/1.1 102 Processing\r\n\r\n")
    equal("and a 102", client.answer(interim=True).status, 102)
    asked.send("HTTP/1.1 100 Continue\r\n\r\n")
    asked.answer(200, dict([FRESH]), "hello")
    equal("then the answer", client.answer(interim=True).body, b"hello")
    again = client.ask("/x", "a.test").answer(interim=True)
    equal("the hit has none", (again.status, again.hit, "Link" in again.fields), (200, True, False))
    old = popnet.connect().send("GET /y HTTP/1.0\r\nHost: a.test\r\n\r\n")
    origin.request().send("HTTP/1.1 103 Early Hints\r\n\r\n").answer(200, {}, "old")
    equal("HTTP/1.0 gets none", old.answer(interim=True).status, 200)


if __name__ == "__main__":
    run()
