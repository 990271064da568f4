"""Every number in the prose is supported by a number that is computed, or has a source.

What supports a number is said in `helpers.publishing.claims`.
"""

import random
import re
from dataclasses import replace

import pytest

from helpers import catalog
from helpers.publishing import prose_numbers as prose
from helpers.publishing.claims import complaints, declared, passages, share, unsupported
from helpers.publishing.notebooks import PAGES, PATHS, ROOT

everywhere = pytest.mark.parametrize("path", PATHS + PAGES, ids=lambda path: path.name)


@everywhere
def test_every_number_is_supported(path):
    lines = complaints(path)
    assert not lines, f"\n{path.name}: numbers that nothing supports:\n" + "\n".join(lines)


@everywhere
def test_what_is_declared_is_said(path):
    said = {(passage.place, passage.text) for passage in passages(path)}
    stale = [
        f"{claim.cell}: {claim.text}"
        for claim in declared(path)
        if not any(cell == claim.cell and claim.span(text) for cell, text in said)
    ]
    assert not stale


def test_the_readme_says_how_many():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert share() in readme, f"the README must say: {share()}"


def test_pictures_hold_no_typed_numbers():
    """What pictures and controls say is computed; what stands in them by definition is a whole."""
    rooms = [ROOT / "helpers" / room for room in ("scenes", "pictures", "controls")]
    for path in (path for room in rooms for path in sorted(room.glob("*.py"))):
        source = path.read_text(encoding="utf-8")
        words = {text for text in prose.words_in(source) if not re.search(r"[{}();]", text)}
        words -= set(catalog.interconnects().index)  # names of links
        typed = {number.text for text in words for number in prose.quantities(text)}
        assert typed <= {"100 %"}, path


def misprints(count, seed):
    """Passages with one digit of one number of two digits or more changed, drawn at random."""
    draw = random.Random(seed)
    places = [
        (path, passage, number)
        for path in PATHS + PAGES
        for passage in passages(path)
        for number in prose.quantities(passage.text)
        if len(re.findall(r"\d", number.text)) > 1
    ]
    for path, passage, number in draw.sample(places, count):
        text = passage.text
        stop = number.start + re.match(r"[\d.,e+-]*", text[number.start :]).end()
        digit = draw.choice([i for i in range(number.start, stop) if text[i].isdigit()])
        other = draw.choice([d for d in "0123456789" if d != text[digit]])
        yield path, replace(passage, text=text[:digit] + other + text[digit + 1 :])


def test_a_misprint_is_seen():
    drawn = list(misprints(count=400, seed=2026))
    missed = [passage for path, passage in drawn if not unsupported(path, passage)]
    told = "\n".join(f"{passage.place}: {passage.text[:300]}" for passage in missed)
    assert len(missed) <= 0.05 * len(drawn), told
