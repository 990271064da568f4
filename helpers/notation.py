"""The notation: what each word of the models means, its symbol, its unit, and its range.

One table for formulas, code and pages. `model` makes a formula a model function: it reads the
table by the names of the arguments, checks them, and completes the docstring. A word means the
same everywhere; a function states only where its range is another.
"""

from functools import partial, wraps
from typing import NamedTuple

import numpy as np

from helpers.docstrings import complete
from helpers.ranges import (
    AT_LEAST_ONE,
    AT_LEAST_ONE_OR_INFINITE,
    COUNT,
    FRACTION,
    NOT_NEGATIVE,
    NOT_NEGATIVE_OR_INFINITE,
    POSITIVE,
    POSITIVE_FRACTION,
    POSITIVE_OR_INFINITE,
    Range,
    between,
    check_shapes,
    checked,
    plain,
)


class Quantity(NamedTuple):
    """What a word stands for. The unit of a pure number is ``"1"``."""

    symbol: str
    meaning: str
    unit: str
    range: Range


# What the whole series shares: the table of notebook 00.
SHARED = {
    "work": Quantity("V", "total work of the job", "flop", NOT_NEGATIVE),
    "peak": Quantity("π", "peak throughput of the compute unit", "flop/s", POSITIVE),
    "bandwidth": Quantity("β", "bandwidth of the communication unit", "B/s", POSITIVE),
    "intensity": Quantity(
        "I", "arithmetic intensity of the task", "flop/B", NOT_NEGATIVE_OR_INFINITE
    ),
    "ridge": Quantity("I* = π/β", "ridge point", "flop/B", POSITIVE),
    "balance": Quantity(
        "x = I/I*",
        "intensity in units of the ridge; at x = 1 the task is *balanced*",
        "1",
        NOT_NEGATIVE_OR_INFINITE,
    ),
    "attainable": Quantity("P", "attainable performance", "flop/s", NOT_NEGATIVE),
    "s": Quantity("s", "factor by which the compute unit is sped up", "1", POSITIVE_OR_INFINITE),
    "p": Quantity("p", "fraction of the serial time that the speed-up touches", "1", FRACTION),
    "r": Quantity("r", "factor by which bandwidth falls when s rises", "1", POSITIVE),
    "speedup": Quantity("S", "old time / new time", "1", POSITIVE),
    "devices": Quantity("n", "number of devices", "1", AT_LEAST_ONE),
}
NOTATION = SHARED | {
    # roofline and Amdahl's law
    "band": Quantity("", "how far from x = 1 still counts as balanced", "1", NOT_NEGATIVE),
    "p_after": Quantity(
        "p′", "fraction of the time on the fast machine that the speed-up touches", "1", FRACTION
    ),
    # compute budget
    "forward_work": Quantity("", "work of a forward pass over one example", "flop", NOT_NEGATIVE),
    "examples": Quantity("", "examples in the training set", "1", NOT_NEGATIVE),
    "epochs": Quantity("", "times that the whole set is seen", "1", NOT_NEGATIVE),
    "passes": Quantity("", "work of training in units of the forward pass", "1", NOT_NEGATIVE),
    "fraction": Quantity("f", "achieved fraction of the peak", "1", POSITIVE_FRACTION),
    "time": Quantity("t", "time of the job", "s", POSITIVE),
    "in_channels": Quantity("", "channels that are read", "1", COUNT),
    "out_channels": Quantity("", "channels that are written", "1", COUNT),
    "kernel": Quantity("k", "height and width of the kernel", "1", COUNT),
    "out_height": Quantity("", "height of what is written", "1", COUNT),
    "out_width": Quantity("", "width of what is written", "1", COUNT),
    "groups": Quantity("", "groups of channels that do not mix", "1", COUNT),
    "inputs": Quantity("i", "numbers that a layer reads for one example", "1", POSITIVE),
    "outputs": Quantity("", "numbers that a layer writes for one example", "1", COUNT),
    "parameters": Quantity("W", "trained numbers", "1", NOT_NEGATIVE),
    "number_bytes": Quantity("w", "size of one number: 4 for FP32, 2 for FP16", "B", POSITIVE),
    "batch": Quantity("b", "examples that one device computes together", "1", POSITIVE),
    # pipelining
    "load": Quantity("", "time of all loading", "s", NOT_NEGATIVE),
    "compute": Quantity("", "time of all computing", "s", NOT_NEGATIVE),
    "store": Quantity("", "time of all storing, by a unit of its own", "s", NOT_NEGATIVE),
    "chunks": Quantity("n, or M beside n devices", "equal chunks", "1", AT_LEAST_ONE_OR_INFINITE),
    "buffers": Quantity(
        "b", "chunks that the machine holds at a time", "1", AT_LEAST_ONE_OR_INFINITE
    ),
    # many devices
    "global_batch": Quantity("B", "examples of all devices together in a step", "1", POSITIVE),
    "step_work": Quantity("", "work of one device in a step", "flop", NOT_NEGATIVE),
    "step_time": Quantity("t", "time of a step", "s", POSITIVE),
    "size": Quantity("G", "size of the array, as of gradients, on each device", "B", NOT_NEGATIVE),
    "per_node": Quantity("g", "devices that a node has room for", "1", COUNT),
    "link": Quantity("", "bandwidth of each device inside a node, one way", "B/s", POSITIVE),
    "network": Quantity(
        "", "bandwidth of the port that the devices of a node share, one way", "B/s", POSITIVE
    ),
    "latency": Quantity("", "time that each round takes besides sending", "s", NOT_NEGATIVE),
    "communication": Quantity("", "time of all communication", "s", NOT_NEGATIVE),
    "overlap": Quantity("o", "hidden share of the shorter of two times", "1", FRACTION),
    "overhead": Quantity("", "time of whatever else each step costs", "s", NOT_NEGATIVE),
    "hidden": Quantity("H", "units of the cell, which has as many inputs", "1", POSITIVE),
    "stages": Quantity("K", "equal stages, each on a device of its own", "1", COUNT),
    # transformers
    "layers": Quantity("L", "layers of a transformer", "1", COUNT),
    "width": Quantity("d", "numbers for each token between the layers", "1", COUNT),
    "head_width": Quantity("h", "numbers for each token in a head of attention", "1", COUNT),
    "sequence": Quantity("T", "tokens in a sequence", "1", POSITIVE),
    "tokens": Quantity("D", "tokens of the training", "1", NOT_NEGATIVE),
    "rows": Quantity("", "tokens that are computed together", "1", POSITIVE),
    "sharing": Quantity("", "heads of queries for each head of keys and values", "1", COUNT),
    "scores": Quantity("", "times that each of attention's scores is moved", "1", NOT_NEGATIVE),
    # memory of training
    "heads": Quantity("", "heads of attention", "1", COUNT),
    "feedforward": Quantity("F", "numbers for each token in the feed-forward part", "1", COUNT),
    "branches": Quantity("", "products that lead to these numbers: 2 if gated", "1", COUNT),
    "vocabulary": Quantity("v", "words that are scored for each token", "1", COUNT),
    "weight_bytes": Quantity("", "kept for each weight", "B", NOT_NEGATIVE),
    "gradient_bytes": Quantity("", "kept for the gradient of each weight", "B", NOT_NEGATIVE),
    "master_bytes": Quantity("", "of a second, finer copy of each weight", "B", NOT_NEGATIVE),
    "moment_bytes": Quantity("", "of the optimiser's moments of each weight", "B", NOT_NEGATIVE),
    "zero": Quantity("", "ZeRO stage: what the devices share", "1", between(0, 3, whole=True)),
    "recompute": Quantity(
        "",
        "what the backward pass computes again: 0 nothing, 1 the activation function, 2 the layer",
        "1",
        between(0, 2, whole=True),
    ),
}


def model(function=None, /, **ranges):
    """Make a formula a model function, its arguments being words of `NOTATION`.

    Numbers of any type, scalars or arrays that broadcast together, are converted and checked
    before the formula sees them; a result without dimensions becomes a plain Python scalar. The
    docstring gets the sections Parameters, Returns and Raises, unless it has its own, and headings
    over its source ("Source: ...") and its examples. Models that are built on another use its
    `formula`, which checks nothing, once their own arguments are checked.

    Parameters
    ----------
    function : callable
    **ranges : Range
        Where the function differs from the table.

    Examples
    --------
    >>> from helpers.ranges import ABOVE_ONE
    >>> @model(devices=ABOVE_ONE)
    ... def share(time, devices):
    ...     return time / devices
    >>> share(6, devices=4), share([1, 2], 4).tolist()
    (1.5, [0.25, 0.5])
    >>> share(6, 1)
    Traceback (most recent call last):
    ValueError: devices must be above 1 and finite, got 1.0
    """
    if function is None:
        return partial(model, **ranges)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    allowed = {name: NOTATION[name].range for name in names if name != "self"} | ranges
    last = function.__defaults__ or ()
    defaults = dict(zip(names[len(names) - len(last) :], map(np.float64, last), strict=True))

    def check(name, value):
        return checked(name, value, allowed[name]) if name in allowed else value

    @wraps(function)
    def of_checked(*values, **named):
        # Values too many and names that are none are left for Python to refuse.
        values = [*map(check, names, values), *values[len(names) :]]
        named = {name: check(name, value) for name, value in named.items()}
        given = dict(zip(names, values, strict=False)) | named
        check_shapes({name: given[name] for name in given if name in allowed})
        rest = {name: value for name, value in defaults.items() if name not in given}
        return plain(function(*values, **named, **rest))

    of_checked.formula, of_checked.ranges = function, allowed
    return complete(
        of_checked,
        Parameters="\n".join(_described(name, allowed[name]) for name in allowed),
        Returns="float or ndarray\n"
        "    The broadcast shape of the arguments; a plain float for scalars.",
        Raises="ValueError\n    If an argument is outside its range, or the shapes do not match.",
    )


def _described(name, allowed):
    """A parameter for a docstring: its symbol, meaning, unit and range."""
    symbol, meaning, unit, _ = NOTATION[name]
    meaning = f"{symbol}: {meaning}" if symbol else meaning
    unit = "a pure number" if unit == "1" else f"in {unit}"
    return f"{name} : array_like\n    {meaning}; {unit}, {allowed.words}."


def notation_table():
    """The table of what the whole series shares, in Markdown, as notebook 00 shows it."""
    rows = ["| symbol | in code | meaning | unit |", "|---|---|---|---|"]
    for name, (symbol, meaning, unit, _) in SHARED.items():
        symbol = symbol.replace("*", r"\*")
        rows.append(f"| {symbol} | `{name}` | {meaning} | {unit} |")
    return "\n".join(rows)
