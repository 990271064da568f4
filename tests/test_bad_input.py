"""Every public model function refuses bad input and says what, why and what is allowed."""

import inspect

import numpy as np
import pytest

from helpers import amdahl, budget, parallel, pipeline, roofline

# For every argument of every numeric function: values that must be refused, and a good value.
NEGATIVE, ZERO, NAN, INFINITE = -1.0, 0.0, np.nan, np.inf
GOOD = {
    "intensity": (2.0, [NEGATIVE, NAN, -INFINITE]),
    "peak": (8.0, [NEGATIVE, ZERO, NAN, INFINITE]),
    "bandwidth": (4.0, [NEGATIVE, ZERO, NAN, INFINITE]),
    "band": (0.1, [NEGATIVE, NAN, INFINITE]),
    "work": (16.0, [NEGATIVE, NAN, INFINITE]),
    "p": (0.5, [NEGATIVE, 1.0001, NAN, INFINITE]),
    "s": (2.0, [NEGATIVE, ZERO, NAN]),
    "r": (1.5, [NEGATIVE, ZERO, NAN, INFINITE]),
    "speedup": (1.6, [NEGATIVE, ZERO, NAN, INFINITE]),
    "time": (60.0, [NEGATIVE, ZERO, NAN, INFINITE]),
    "fraction": (0.5, [NEGATIVE, ZERO, 1.0001, NAN, INFINITE]),
    "devices": (2, [NEGATIVE, ZERO, NAN, INFINITE]),
    "in_channels": (3, [NEGATIVE, ZERO, NAN, INFINITE]),
    "out_channels": (64, [NEGATIVE, ZERO, NAN, INFINITE]),
    "kernel": (7, [NEGATIVE, ZERO, NAN, INFINITE]),
    "out_height": (112, [NEGATIVE, ZERO, NAN, INFINITE]),
    "out_width": (112, [NEGATIVE, ZERO, NAN, INFINITE]),
    "groups": (1, [NEGATIVE, ZERO, NAN, INFINITE]),
    "inputs": (3, [NEGATIVE, ZERO, NAN, INFINITE]),
    "outputs": (3, [NEGATIVE, ZERO, NAN, INFINITE]),
    "forward_work": (8e9, [NEGATIVE, NAN, INFINITE]),
    "examples": (1.2e6, [NEGATIVE, NAN, INFINITE]),
    "epochs": (90, [NEGATIVE, NAN, INFINITE]),
    "passes": (3, [NEGATIVE, NAN, INFINITE]),
    "load": (4.0, [NEGATIVE, NAN, INFINITE]),
    "compute": (6.0, [NEGATIVE, NAN, INFINITE]),
    "store": (1.0, [NEGATIVE, NAN, INFINITE]),
    "chunks": (4, [NEGATIVE, ZERO, 0.99, NAN]),
    "buffers": (2, [NEGATIVE, ZERO, 0.99, NAN]),
    "balance": (2.0, [NEGATIVE, NAN]),
    "size": (1e8, [NEGATIVE, NAN, INFINITE]),
    "per_node": (8, [NEGATIVE, ZERO, 0.99, NAN, INFINITE]),
    "link": (150e9, [NEGATIVE, ZERO, NAN, INFINITE]),
    "network": (12.5e9, [NEGATIVE, ZERO, NAN, INFINITE]),
    "latency": (1e-5, [NEGATIVE, NAN, INFINITE]),
    "communication": (2.0, [NEGATIVE, NAN, INFINITE]),
    "overlap": (0.5, [NEGATIVE, 1.0001, NAN, INFINITE]),
    "overhead": (0.02, [NEGATIVE, NAN, INFINITE]),
    "parameters": (1000, [NEGATIVE, NAN, INFINITE]),
    "hidden": (1024, [NEGATIVE, ZERO, NAN, INFINITE]),
    "stages": (4, [NEGATIVE, ZERO, 0.99, NAN, INFINITE]),
    "batch": (32, [NEGATIVE, ZERO, NAN, INFINITE]),
    "number_bytes": (4, [NEGATIVE, ZERO, NAN, INFINITE]),
}
# Stricter than the same name elsewhere.
ALSO_REFUSED = {
    ("overlapped_time", "intensity"): [ZERO],
    ("serial_time", "intensity"): [ZERO],
    ("break_even", "s"): [1.0],
    ("gustafson", "s"): [INFINITE],
    ("karp_flatt", "devices"): [1.0],
    ("chunked_performance", "intensity"): [ZERO],
    ("pipelined_speedup", "balance"): [INFINITE],
    ("speedup_over_serial", "balance"): [INFINITE],
    ("network_intensity", "size"): [ZERO],
    **{
        (name, "devices"): [0.99]
        for name, function in inspect.getmembers(parallel, inspect.isfunction)
        if "devices" in inspect.signature(function).parameters
    },
}
# The first three take names from a list, the last takes no arrays: tested with their modules.
CHOICES = ("resnet", "vgg", "alexnet", "schedule")


def _functions():
    for module in (roofline, amdahl, budget, pipeline, parallel):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            public = function.__module__ == module.__name__ and not name.startswith("_")
            if public and name not in CHOICES:
                yield pytest.param(function, id=name)
    first = budget.alexnet().layers[0]
    yield pytest.param(first.traffic, id="traffic")
    yield pytest.param(first.intensity, id="intensity")


FUNCTIONS = list(_functions())


def _good_arguments(function):
    return {name: GOOD[name][0] for name in inspect.signature(function).parameters}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_good_input_is_accepted(function):
    result = function(**_good_arguments(function))
    assert result == "balanced" if function is roofline.bound else np.isfinite(result)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_numbers_are_refused_by_name(function):
    for name in inspect.signature(function).parameters:
        for bad in GOOD[name][1] + ALSO_REFUSED.get((function.__name__, name), []):
            for value in (bad, [GOOD[name][0], bad]):
                with pytest.raises(ValueError) as refusal:
                    function(**{**_good_arguments(function), name: value})
                message = str(refusal.value)
                assert message.startswith(f"{name} must be ")  # the argument and what is allowed
                assert message.endswith(f"got {float(bad)}")  # the value


@pytest.mark.parametrize("bad", ["5", b"5", None, 2j, [[1], [2, 3]], {}, object()])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_no_number_is_refused_by_name(function, bad):
    for name in inspect.signature(function).parameters:
        with pytest.raises(ValueError, match=f"^{name} must be real numbers .*, got "):
            function(**{**_good_arguments(function), name: bad})


@pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS if len(inspect.signature(f.values[0]).parameters) > 1]
)
def test_shapes_that_do_not_match_are_refused(function):
    names = list(inspect.signature(function).parameters)
    good = _good_arguments(function)
    arrays = {names[0]: [good[names[0]]] * 2, names[1]: [good[names[1]]] * 3}
    with pytest.raises(ValueError, match=rf"^shapes .* {names[0]} \(2,\).* {names[1]} \(3,\)"):
        function(**{**good, **arrays})
