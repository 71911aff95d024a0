"""A comparison that takes seconds in place of one that takes an hour."""

import eccentric.comparison

whole = eccentric.comparison.compare


def compare(data, methods, out, setup):
    assert methods == "all"
    return whole(data, ["plain", "eccentric"], out, eccentric.comparison.Setup(runs=2, epochs=1, rows=300))


eccentric.comparison.compare = compare
