"""Every public model function refuses bad input and says what, why and what is allowed."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import budget, networks, parallel, ranges, roofline
from helpers.notation import NOTATION, SHARED, model, notation_table
from helpers.ranges import COUNT, POSITIVE, Range, between
from models import MODELS

ROOT = Path(__file__).resolve().parents[1]
LAYER = networks.alexnet().layers[0]
EVERY = MODELS | {"traffic": LAYER.traffic, "intensity": LAYER.intensity}
ARRAYS = {name: function for name, function in EVERY.items() if name != "schedule"}
functions = pytest.mark.parametrize("function", ARRAYS.values(), ids=ARRAYS)
SIZES = [5e-324, 1e-300, 1e46, 1e308]  # of which no model takes a number


def good(allowed):
    """A number that a range allows; 2 fits where one argument must divide another."""
    return 0.5 if allowed.high == 1 else 2


def bad(allowed):
    """Numbers that a range does not allow."""
    edges = [-np.inf, -1.0, 0.0, 0.99, 1.0, 1.0001, np.inf, np.nan, *SIZES]
    return [edge for edge in edges if allowed.refused(edge)]


def good_arguments(function):
    return {name: good(allowed) for name, allowed in function.ranges.items()}


def refusal(function, **arguments):
    """What the function says of some arguments beside good ones; empty if it takes them."""
    try:
        function(**{**good_arguments(function), **arguments})
    except ValueError as error:
        return str(error)
    return ""


def test_every_argument_is_a_word_of_the_notation():
    for function in EVERY.values():
        assert list(inspect.signature(function).parameters) == list(function.ranges), function
        assert function.ranges.keys() <= NOTATION.keys(), function


def test_the_notation_holds_no_word_too_many():
    words = {name for function in EVERY.values() for name in function.ranges}
    assert NOTATION.keys() - words == {"ridge", "attainable"}  # results


# Which range each word has, and where a function differs: nothing else says it a second time.
WORDS = {
    "above 0 and finite": "peak bandwidth ridge r speedup time inputs number_bytes batch "
    "global_batch step_time link network hidden sequence rows",
    "above 0 (infinity allowed)": "s",
    "at least 0 and finite": "work attainable band forward_work examples epochs passes parameters "
    "load compute store step_work size latency communication overhead tokens scores "
    "weight_bytes gradient_bytes master_bytes moment_bytes",
    "at least 0 (infinity allowed)": "intensity balance",
    "from 0 to 1": "p p_after overlap",
    "above 0 and at most 1": "fraction",
    "at least 1 and finite": "devices",
    "at least 1 (infinity allowed)": "chunks buffers",
    "a whole number, at least 1": "in_channels out_channels kernel out_height out_width groups "
    "outputs per_node stages layers width head_width sharing heads feedforward branches vocabulary",
    "a whole number from 0 to 3": "zero",
    "a whole number from 0 to 2": "recompute",
}
DIFFERENT = {
    ("overlapped_time", "intensity"): "above 0 (infinity allowed)",
    ("serial_time", "intensity"): "above 0 (infinity allowed)",
    ("chunked_performance", "intensity"): "above 0 (infinity allowed)",
    ("break_even", "s"): "above 1 (infinity allowed)",
    ("gustafson", "s"): "above 0 and finite",
    ("karp_flatt", "devices"): "above 1 and finite",
    ("hierarchical_time", "devices"): "a whole number, at least 1",
    ("linear_work", "inputs"): "a whole number, at least 1",
    ("pipelined_speedup", "balance"): "at least 0 and finite",
    ("speedup_over_serial", "balance"): "at least 0 and finite",
    ("network_intensity", "size"): "above 0 and finite",
    ("ring_halves", "chunks"): "at least 1 and finite",
    ("zero_split_bytes", "chunks"): "at least 1 and finite",
}


def test_every_word_has_one_range():
    pinned = {name: words for words, names in WORDS.items() for name in names.split()}
    assert NOTATION.keys() == pinned.keys(), "write each new word into WORDS, at its range"
    assert {name: quantity.range.words for name, quantity in NOTATION.items()} == pinned


def test_functions_differ_from_the_table_only_where_they_must():
    assert DIFFERENT == {
        (function.__name__, name): allowed.words
        for function in EVERY.values()
        for name, allowed in function.ranges.items()
        if allowed != NOTATION[name].range
    }


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("above 0 and finite", [1e-45, 0.99, 1.0, 1.5]),
        ("above 0 (infinity allowed)", [1e-45, 0.99, 1.0, 1.5, np.inf]),
        ("at least 0 and finite", [0.0, 1e-45, 0.99, 1.0, 1.5]),
        ("at least 0 (infinity allowed)", [0.0, 1e-45, 0.99, 1.0, 1.5, np.inf]),
        ("from 0 to 1", [0.0, 1e-45, 0.99, 1.0]),
        ("above 0 and at most 1", [1e-45, 0.99, 1.0]),
        ("above 1 and finite", [1.5]),
        ("above 1 (infinity allowed)", [1.5, np.inf]),
        ("at least 1 and finite", [1.0, 1.5]),
        ("at least 1 (infinity allowed)", [1.0, 1.5, np.inf]),
        ("a whole number, at least 1", [1.0]),
        ("from 0.99 to 1.5", [0.99, 1.0, 1.5]),
        ("a whole number from 0.99 to 1e7", [1.0]),
    ],
)
def test_ranges_allow_what_their_words_say(words, allowed):
    made = [between(0.99, 1.5), between(0.99, 1e7, whole=True)]
    known = [*(value for value in vars(ranges).values() if isinstance(value, Range)), *made]
    (found,) = {kind for kind in known if kind.words == words}
    edges = [-np.inf, -1.0, 0.0, 1e-45, 0.99, 1.0, 1.5, np.inf, np.nan]
    assert [edge for edge in edges if not found.refused(edge)] == allowed


def test_nothing_is_no_work_and_no_band_is_a_band():
    # 0 where it means something: a run of no examples, no band around the ridge.
    assert budget.training_work(8e9, 0, 90) == budget.training_work(8e9, 1e6, 0) == 0
    assert budget.training_work(8e9, 1e6, 90, passes=0) == 0
    assert roofline.bound([1.999, 2, 2.001], 8, 4, band=0).tolist() == [
        *("memory-bound", "balanced", "compute-bound")
    ]
    with pytest.raises(ValueError, match="^number_bytes must be above 0 and finite, got 0.0$"):
        parallel.data_split_bytes(1000, 4, number_bytes=0)


@functions
def test_good_input_is_accepted_by_name_and_by_place(function):
    values = good_arguments(function)
    result = function(**values)
    assert result == "balanced" if function is roofline.bound else np.isfinite(result)
    assert function(*values.values()) == result


@functions
def test_bad_numbers_are_refused_by_name(function):
    said, expected = {}, {}
    for name, allowed in function.ranges.items():
        words = dict.fromkeys(SIZES, "of a size from 1e-45 to 1e+45")
        words |= dict.fromkeys(bad(allowed), allowed.words)
        for wrong in words:
            for value in (wrong, [good(allowed), wrong]):
                said[name, str(value)] = refusal(function, **{name: value})
                expected[name, str(value)] = f"{name} must be {words[wrong]}, got {wrong}"
    assert said == expected


@functions
def test_what_is_no_number_is_refused_by_name(function):
    for name in function.ranges:
        for value in ("5", b"5", None, 2j, [[1], [2, 3]], {}, object()):
            said = refusal(function, **{name: value})
            assert re.fullmatch(f"{name} must be real numbers .*, got .*", said), (name, value)


@pytest.mark.parametrize("function", [f for f in ARRAYS.values() if len(f.ranges) > 1])
def test_shapes_that_do_not_match_are_refused(function):
    (one, first), (other, second), *_ = good_arguments(function).items()
    said = refusal(function, **{one: [first] * 2, other: [second] * 3})
    assert re.match(rf"shapes .* {one} \(2,\).* {other} \(3,\)", said), said


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: roofline.ridge(1, 2, 3), "takes 2 positional arguments but 3 were given"),
        (lambda: roofline.ridge(1), "missing 1 required positional argument: 'bandwidth'"),
        (lambda: roofline.ridge(1, peak=2), "got multiple values for argument 'peak'"),
        (lambda: roofline.ridge(1, beta=2), "got an unexpected keyword argument 'beta'"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_by_python(wrong, words):
    with pytest.raises(TypeError, match=words):
        wrong()


@pytest.mark.parametrize("function", EVERY.values(), ids=EVERY)
def test_docstrings_tell_what_the_notation_knows(function):
    text = inspect.getdoc(function)
    places = [
        text.index(f"\n{title}\n{'-' * len(title)}\n")
        for title in ("Parameters", "Returns", "Raises")
    ]
    assert places == sorted(places)
    for name, allowed in function.ranges.items():
        described = text.partition(f"\n{name} : array_like\n")[2].partition("\n")[0]
        symbol, meaning, unit, _ = NOTATION[name]
        assert symbol in described and meaning in described
        assert described.endswith(
            f"{'a pure number' if unit == '1' else f'in {unit}'}, {allowed.words}."
        )


def test_a_section_of_its_own_stays():
    assert "\n\nReturns\n-------\nstr or ndarray of str\n" in roofline.bound.__doc__
    assert roofline.bound.__doc__.count("Returns\n") == 1


def test_source_and_examples_get_their_headings():
    source = "Source\n------\nWilliams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785.\n\n"
    examples = "Examples\n--------\n>>> ridge(peak=8, bandwidth=4)\n2.0"
    assert roofline.ridge.__doc__.endswith(source + examples)


def test_models_work_without_docstrings():
    code = "from helpers.amdahl import speedup; print(speedup(0.9, 9), speedup.__doc__)"
    done = subprocess.run(
        [sys.executable, "-OO", "-c", code], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == ["5.0", "None"]


def test_a_model_keeps_to_its_own_range():
    @model(devices=COUNT)
    def halves(devices, time=6):
        return devices * time

    assert halves(3) == 18.0 and type(halves(3)) is float
    assert halves.ranges == {"devices": COUNT, "time": POSITIVE}
    assert halves.__doc__ is None
    with pytest.raises(ValueError, match="^devices must be a whole number, at least 1, got 2.5$"):
        halves(2.5)


def test_notebook_00_shows_the_shared_notation():
    notebook = json.loads((ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8"))
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == "notation")
    assert f"\n\n{notation_table()}\n\n" in "".join(cell["source"])
    assert len({quantity.symbol for quantity in SHARED.values()}) == len(SHARED)


def test_the_smallest_and_the_largest_size_are_allowed_beside_zero():
    sizes = [0.0, ranges.SMALLEST, ranges.LARGEST, np.inf]
    assert ranges.checked("x", sizes, ranges.NOT_NEGATIVE_OR_INFINITE).tolist() == sizes
