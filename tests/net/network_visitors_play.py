#!/usr/bin/env python3
"""Users who do all that browsers do, name by name and request by request, notice nothing of what breaks."""
from network import AMERICA, ASIA, CONTENT, EUROPE, PAGE, Network, Visitors, curl
from play import Failure, check, equal, run, scene, until

USERS = (EUROPE, AMERICA, ASIA)


class Browser:
    """Asks the user's resolver for each request; takes the answer's next address when one does not answer, as browsers do."""

    def __init__(self, network, user):
        self.name, self.network, self.user = f"a user in {user.network}", network, user

    def get(self, path, host):
        addresses = self.network.resolve(host, self.user)
        for address in addresses:
            try:
                return curl(f"http://{host}{path}", self.network.at(address))
            except Failure as error:
                failure = error
        raise Failure(f"none of {addresses} answers: {failure}" if addresses else "the name does not resolve")


def fetching(network, host, path, body):
    return Visitors([Browser(network, user) for user in USERS], path, host, body)


@scene
def content_while_a_web_server_dies(stage):
    """kill -9 of a web server: not one user request for content fails, from the name to the last byte."""
    network = Network(stage)
    # Every other request is for a URL that nobody has asked for before: it needs a web server.
    visitors = fetching(network, CONTENT, lambda number: f"/static/a.css?{number if number % 2 else 'cached'}", b"a" * 2000)
    visitors.more(30)
    network.web[0].kill()
    visitors.more(90)
    visitors.stop()
    equal(f"of {visitors.answered} requests for content that failed", visitors.failures, [])


@scene
def content_after_a_pop_has_died(stage):
    """kill -9 of a POP: as soon as no answer names it any more, its users are served elsewhere, and none fails."""
    network = Network(stage)
    network.pops["ams"].kill()
    until("nobody names the dead POP", lambda: not network.named(CONTENT, [network.address("ams")], [EUROPE.network]))
    visitors = fetching(network, CONTENT, lambda number: f"/static/a.css?{number}", b"a" * 2000)
    visitors.more(60)
    visitors.stop()
    equal(f"of {visitors.answered} requests for content that failed", visitors.failures, [])


@scene
def pages_while_a_web_server_dies(stage):
    """kill -9 of a web server that is named for the page: the second address of each answer keeps users going."""
    network = Network(stage)
    check("every answer has two web servers", all(len(network.resolve(PAGE, user)) == 2 for user in USERS))
    visitors = fetching(network, PAGE, lambda number: f"/?{number}", b"home")
    visitors.more(15)
    network.hosts[network.resolve(PAGE, EUROPE)[0]].kill()
    visitors.more(60)
    visitors.stop()
    equal(f"of {visitors.answered} requests for the page that failed", visitors.failures, [])


if __name__ == "__main__":
    run()
