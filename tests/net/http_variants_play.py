#!/usr/bin/env python3
"""The ways in which page and content can share hostnames, and customers side by side."""
from play import check, equal, run, scene, site

FRESH = {"Cache-Control": "max-age=600"}


def named(name):
    """An origin that says its name, and what it was asked for."""
    return lambda asked: asked.answer(200, FRESH, f"{name} {asked.fields['Host']} {asked.path}")


@scene
def two_hostnames(stage):
    """The content hostname is cached at the POP; the page's hostname resolves to a web server."""
    origin = stage.origin(named("web"))
    hostnames = [{"name": "www.shop.test", "resolve": "origin"}, {"name": "static.shop.test", "resolve": "pop"}]
    popnet = stage.popnet([site("shop", [origin], hostnames)])
    equal("the page's address is the web server's", popnet.dig("www.shop.test").addresses(), [origin.host])
    equal("the content's is the POP's", popnet.dig("static.shop.test").addresses(), [popnet.http.rsplit(":", 1)[0]])
    popnet.get("/logo.png", "static.shop.test")
    check("content is cached", popnet.get("/logo.png", "static.shop.test").hit)


@scene
def one_hostname(stage):
    """One hostname for both: static paths from the store, pages through the POP, some by redirect, some denied."""
    origin = stage.origin(named("web"))
    rules = [{"path": "/static/*", "action": "cache"}, {"path": "/live/*", "action": "redirect"},
             {"path": "/internal/*", "action": "deny"}, {"path": "*", "action": "proxy"}]
    popnet = stage.popnet([site("news", [origin], ["www.news.test"], rules=rules)])
    for _ in range(2):
        popnet.get("/static/a.png", "www.news.test"), popnet.get("/page", "www.news.test")
    paths = [asked.path for asked in origin.asked]
    equal("static content is fetched once, pages each time", sorted(paths), ["/page", "/page", "/static/a.png"])
    moved = popnet.get("/live/film?x=1", "www.news.test")
    equal("a redirect to the web server itself", (moved.status, moved.fields["Location"]),
          (302, f"http://{origin.address}/live/film?x=1"))
    equal("denied", popnet.get("/internal/x", "www.news.test").status, 403)
    equal("no more requests", len(origin.asked), 3)


@scene
def shared_content_hostname(stage):
    """One content hostname for many: the first path segment names the customer and is cut off."""
    shop, news = stage.origin(named("shop")), stage.origin(named("news"))
    popnet = stage.popnet([site("shop", [shop], [], content_prefix="shop", origin_host="www.shop.test"),
                           site("news", [news], [], content_prefix="news", origin_host="www.news.test")],
                          network={"content_hostname": "content.test"})
    for _ in range(2):
        equal("shop's", popnet.get("/shop/a.png", "content.test").body, b"shop www.shop.test /a.png")
        equal("news's", popnet.get("/news/a.png", "content.test").body, b"news www.news.test /a.png")
    equal("each was asked once", (len(shop.asked), len(news.asked)), (1, 1))
    for path in ("/", "/other/a.png", "/shopping/a.png", "/shop%2fa.png", "/SHOP/a.png"):
        equal(f"{path} is nobody's", popnet.get(path, "content.test").status, 404)


@scene
def redirects_stay_under_the_prefix(stage):
    """Web servers know nothing of the prefix: what they call /new is /shop/new to users of the content hostname, stored or not."""
    def answer(asked):
        where = {"/old": "/new", "/old/abs": f"http://{asked.fields['Host']}/new", "/away": "http://other.test/new", "/near": "new"}
        made = asked.method == "POST"
        asked.answer(201 if made else 301, {"Cache-Control": "max-age=60", "Location": where.get(asked.path, "/new"), "X-Also": "1"}, "")
    popnet = stage.popnet([site("shop", [stage.origin(answer)], content_prefix="shop")], network={"content_hostname": "content.test"})
    for hit in (False, True):
        for path, location in (("/old", "/shop/new"), ("/old/abs", "http://content.test/shop/new"), ("/away", "http://other.test/new"),
                               ("/near", "new")):
            got = popnet.get("/shop" + path, "content.test")
            equal(f"{path}, {'stored' if hit else 'fetched'}", (got.status, got.fields["Location"], got.fields["X-Also"], got.hit),
                  (301, location, "1", hit))
    equal("under the site's own hostname", popnet.get("/old", "shop.test").fields["Location"], "/new")
    made = popnet.connect().ask("/shop/things", "content.test", method="POST", body=b"x").answer()
    equal("what was made", (made.status, made.fields["Location"]), (201, "/shop/new"))


@scene
def many_customers(stage):
    """Twenty customers with the same paths: each gets only its own, from its own origin, and one's death is its own."""
    count = 20
    origins = [stage.origin(named(f"web{number}")) for number in range(count)]
    popnet = stage.popnet([site(f"c{number}", [origins[number]]) for number in range(count)])
    for _ in range(2):
        for number in range(count):
            body = popnet.get("/same", f"c{number}.test").body.decode()
            if body != f"web{number} c{number}.test /same":
                check(f"customer {number} gets its own", False, body)
    check("each gets its own", True)
    equal("each origin was asked once", {len(origin.asked) for origin in origins}, {1})
    equal("absolute targets choose by their own host", popnet.connect().ask("http://c1.test/same", "c2.test").answer().body,
          b"web1 c1.test /same")
    origins[3].close()
    equal("a dead customer", popnet.get("/new", "c3.test").status, 502)
    equal("its neighbour", popnet.get("/new", "c4.test").status, 200)


@scene
def unknown_hosts(stage):
    """A host that is nobody's is refused, whatever is stored for others."""
    popnet = stage.popnet([site("a", [stage.origin(named("web"))])])
    popnet.get("/x", "a.test")
    for host in ("b.test", "x.a.test", "a.test.", "a.test.evil", "127.0.0.1"):
        answer = popnet.get("/x", host)
        check(f"{host}: refused", answer.status in (404, 421) or (host == "a.test." and answer.status == 200), answer)
    for host in ("A.TEST", "a.test:80", "a.test:8080"):
        equal(host, popnet.get("/x", host).status, 200)


if __name__ == "__main__":
    run()
