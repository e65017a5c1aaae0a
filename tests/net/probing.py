"""What popnet says of what it has measured, for plays about probes."""
import itertools
import re
import subprocess

from play import POPNET, Failure, check, until

# Often enough that a play is short, and late enough that a busy computer keeps up.
OFTEN = {"interval": "500ms", "timeout": "490ms", "jitter": 0, "max_age": "3s"}


class Target:
    """One origin or POP, as /v1/status, /metrics and `popnet status` of a running popnet tell of it."""

    def __init__(self, popnet, name, site=None):
        self.popnet, self.name, self.site = popnet, name, site
        self.row = f"{site}  +{name} " if site else f"{name} "  # how its line of `popnet status` begins
        self.called = site or name
        self.labels = {"site": site, "origin": name} if site else {"pop": name}

    def state(self):
        status = self.popnet.status()
        if self.site:
            targets = next(site for site in status["sites"] if site["name"] == self.site)["origins"]
        else:
            targets = status["pops"]
        return next(target for target in targets if target["name"] == self.name)

    @property
    def health(self):
        return self.state()["health"]

    @property
    def error(self):
        return self.state().get("error", "")

    def value(self, metric):
        """The value held now, or None."""
        return self.state()["metrics"].get(metric, {}).get("value")

    def measured(self, metric, low, high, max_age_ms=3500):
        """Waits for the metric, holds its value and age against bounds, and looks for both in all three places."""
        until(f"{self.called}: {metric} is measured", lambda: self.value(metric) is not None)
        held = self.state()["metrics"][metric]
        check(f"{self.called}: {metric} is {held['value']:.4g}, in {low:g} .. {high:g}", low <= held["value"] <= high)
        check(f"{self.called}: its age is {held['age_ms']:.0f} ms", 0 <= held["age_ms"] <= max_age_ms)
        kind = "origin" if self.site else "pop"
        (value,), (age,) = (self.popnet.values(f"popnet_{kind}_{what}", metric=metric, **self.labels)
                            for what in ("metric", "metric_age_seconds"))
        check(f"/metrics has {value:.4g}, {age:.3f} s old", low <= value <= high and 0 <= age * 1000 <= max_age_ms)
        label, words = metric.removesuffix("_ms"), self.words()
        check(f"popnet status has it: {words}", re.search(rf"\b{label} [0-9.]+ (ms|%) \([0-9.]+ m?s\)", words))
        return held["value"]

    def words(self):
        """What `popnet status` has in its row: the line, and those that only go on with its last column."""
        lines = popnet_status(self.popnet).splitlines()
        first = next(at for at, line in enumerate(lines) if re.match(self.row, line))
        more = itertools.takewhile(lambda line: line.startswith(" " * 20), lines[first + 1:])
        return " ".join([lines[first], *(line.strip() for line in more)])

    def becomes(self, health, because=None):
        """Waits for a verdict, and for an error that reads exactly so (or matches a compiled pattern)."""
        def there():
            state = self.state()
            error = state.get("error", "")
            fits = because is None or (because.search(error) if isinstance(because, re.Pattern) else error == because)
            return state["health"] == health and fits
        try:
            until(f"{self.called} is {health}" + (f": {getattr(because, 'pattern', because)}" if because else ""), there)
        except Failure as failure:
            raise Failure(f"{failure}; it is {self.health}: {self.error}") from failure


def popnet_status(popnet):
    """What `popnet status` prints."""
    done = subprocess.run([POPNET, "status", "--node", popnet.admin], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"popnet status: {done.stderr.strip()}")
    return done.stdout

