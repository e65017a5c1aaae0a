"""How many times more one thing costs than another, measured in alternating rounds."""
import statistics


def ratio(own, other):
    """The median of the rounds' ratios. What else the machine does changes from one round to the next and falls on both sides of
    a round nearly alike, so this spreads less than the ratio of the medians."""
    return statistics.median(a / b for a, b in zip(own, other, strict=True))
