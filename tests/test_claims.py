"""Every number in the prose is supported by a number that is computed, or has a source.

What counts as a number and what supports it is said in `prose_numbers`. The prose is the Markdown
of every notebook, the words in its code (texts of pictures, labels, printed sentences),
errata.md and teaching.md. `claims/` declares, a file for each, what has no support near by:

    [[claim]]
    cell = "world-seen"           # the cell, or for a page the heading, that holds the text
    text = "57 published points"  # stands there, word for word; every number in it is meant
    is = "len(points)"            # an expression, a list of them for several numbers
    from = "times"                # or a cell that computes it: "times", "06:times"
    source = "https://..."        # or where it was read, or why it is no result
"""

import ast
import random
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

import prose_numbers as prose
import test_teaching
from helpers import amdahl, budget, catalog, networks, parallel, pipeline, roofline
from helpers.exercises import Exercise

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted((ROOT / "notebooks").glob("*.md"))
# A number of one or two digits finds a partner by chance in any long section: it needs a nearer
# one, in the code cell just before or just after.
NEAR_BEFORE, NEAR_AFTER = 1, 1
MODELS = {
    name: value
    for module in (amdahl, budget, catalog, networks, parallel, pipeline, roofline)
    for name, value in vars(module).items()
    if not name.startswith("_")
}


@dataclass(frozen=True)
class Passage:
    """A piece of prose: a cell, a string in a cell, or a part of a page."""

    place: str
    text: str
    close: tuple = ()  # numbers that may support it, as pairs of their place and the number
    wide: tuple = ()  # more of them, for numbers of three digits and more
    same_as: str | None = None  # what it must say word for word, if it is written elsewhere

    def supports(self, claims=()):
        """Each number of the text, with what supports it: "near", "elsewhere", "source" or ""."""
        numbers = prose.quantities(self.text)
        if self.same_as not in (None, self.text):
            return [(number, "") for number in numbers]
        meant = {}  # what is declared of a number is its only support
        for claim in claims:
            if span := claim.span(self.text):
                inside = [number for number in numbers if number.start in span]
                meant |= {number: claim.support(number, inside) for number in inside}
        return [
            (number, meant[number] if number in meant else "near" * self._has_near(number))
            for number in numbers
        ]

    def unsupported(self, claims=()):
        """A line for each number that nothing supports."""
        return [self._failure(number) for number, support in self.supports(claims) if not support]

    def _has_near(self, number):
        return any(other.supports(number) for _, other in self._near(number))

    def _near(self, number):
        return self.close if number.digits <= 2 else self.close + self.wide

    def _failure(self, number):
        def distance(pair):
            ratios = pair[1].value / number.value, pair[1].mantissa / number.mantissa
            return min(abs(ratio - 1) for ratio in ratios)

        around = " ".join(self.text[max(0, number.start - 40) : number.start + 40].split())
        near = [] if number.value == 0 else sorted(self._near(number), key=distance)[:3]
        nearest = ", ".join(f"{other.text} ({place})" for place, other in near) or "none"
        return f"{self.place}: {number.text!r} in “{around}”; nearest: {nearest}"


@dataclass(frozen=True)
class Declared:
    """One entry of a file of `claims/`."""

    cell: str
    text: str
    values: tuple | None  # that support the numbers of the text, in order; None for a source

    def span(self, text):
        """Where the declared words stand in a text; None if they do not."""
        start = text.find(self.text)
        return range(start, start + len(self.text)) if start >= 0 else None

    def support(self, number, inside):
        """What supports one of the numbers `inside` the declared words."""
        if self.values is None:
            return "source"
        values = self.values
        if len(values) == len(inside):  # in the same order
            values = [values[inside.index(number)]]
        return "elsewhere" * any(value.supports(number) for value in values)


@cache
def read(path):
    return nbformat.read(path, as_version=4)


@cache
def computed(path):
    """For each code cell of a notebook the numbers that it computes, with their place."""
    return {
        cell.id: tuple((cell.id, number) for number in prose.computed(cell))
        for cell in read(path).cells
        if cell.cell_type == "code"
    }


def sections(cells):
    """The cells of each section, a list each."""
    found = [[]]
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append([])
        found[-1].append(cell)
    return found


@cache
def exercises():
    """Each exercise under the id of its cell: its statement, and the numbers in its source."""
    found = {}
    for path in sorted((ROOT / "helpers" / "questions").glob("[a-z]*.py")):
        module = import_module(f"helpers.questions.{path.stem}")
        source = path.read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    exercise = getattr(module, name)
                case _:
                    continue
            if isinstance(exercise, Exercise):
                place = f"exercise-{name.replace('_', '-')}"
                numbers = prose.literals(ast.get_source_segment(source, node))
                values = {**exercise.given, **exercise.example}.values()
                numbers += [prose.exact(x) for x in values if isinstance(x, int | float)]
                found[module.NOTEBOOK, place] = (
                    exercise.statement,
                    tuple((name, number) for number in numbers),
                )
    return found


def pieces(markdown):
    """The lines of a table one by one, and the text between tables."""
    rows = re.split(r"^(\|.*)$", markdown, flags=re.MULTILINE)
    return [row for row in rows if row.strip()]


@cache
def notebook_passages(path):
    passages, numbers = [], computed(path)
    for section in sections(read(path).cells):
        code = [place for place, cell in enumerate(section) if cell.cell_type == "code"]
        wide = tuple(pair for place in code for pair in numbers[section[place].id])
        for place, cell in enumerate(section):
            if cell.id.startswith("exercise-"):
                statement, own = exercises()[path.name, cell.id]
                passages.append(Passage(cell.id, cell.source, own, (), statement))
                continue
            before = [other for other in code if other <= place][-NEAR_BEFORE:]
            after = [other for other in code if other > place][:NEAR_AFTER]
            close = tuple(p for other in before + after for p in numbers[section[other].id])
            is_code = cell.cell_type == "code"
            for text in prose.words_in(cell.source) if is_code else pieces(cell.source):
                named = re.findall(r"\((\w+\.ipynb)\) \|", text)  # in a map of the series
                named += [path.name] * (cell.id == "title")
                times = sum((minutes_in_words(planned_minutes()[name]) for name in named), ())
                passages.append(Passage(cell.id, text, close + times, wide))
    return passages


def page_passages(path):
    """The lines of a page, each supported by the cells that it names beside their notebook."""
    heading, passages, linked = "", [], set()
    taught = teaching_numbers() if path.name == "teaching.md" else {}
    for place, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        links = set(re.findall(r"(\w+\.ipynb)", line))
        if line.startswith("#"):
            heading, linked = re.sub(r"\]\([^)]*\)", "]", line).strip("# []"), links
        cells = set(re.findall(r"`([\w-]+)`", line))
        numbers = [
            computed(ROOT / "notebooks" / name).get(cell, ())
            for name in sorted(links | linked)
            for cell in sorted(cells)
        ]
        passages.append(Passage(heading, line, sum(numbers, taught.get(place, ()))))
    return passages


def in_words(*texts):
    """The numbers of texts that the models write, as support."""
    return tuple(("computed", number) for text in texts for number in prose.quantities(text))


def minutes_in_words(number):
    return (("minutes", prose.exact(number)), *in_words(f"{number} minutes"))


@cache
def planned_minutes():
    """The minutes that the README promises for each notebook."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"\(notebooks/(\w+\.ipynb)\) \|.*\| (\d+) \|", readme)
    return {name: int(number) for name, number in table}


def teaching_numbers():
    """What supports each line of the teaching page: polls' answers, minutes, questions asked."""
    lines = test_teaching.PAGE.splitlines()
    answers = {
        key: in_words(*answers(), *test_teaching.given().get(key, []))
        for key, answers in test_teaching.POLLS.items()
    }
    lessons = {  # the minutes of a section are what the others leave of its notebook's
        (name, anchor): total - sum(test_teaching.minutes(name).values()) + own
        for name, total in planned_minutes().items()
        if name in test_teaching.NAMES
        for anchor, own in test_teaching.minutes(name).items()
    } | {(name, ""): total for name, total in planned_minutes().items()}
    found, poll, heading = {}, (), ""
    for place, line in enumerate(lines):
        heading = line.strip("# ") if line.startswith("#") else heading
        if key := re.match(r"\*\*`([\w-]+)`\*\*", line):
            poll = answers[key[1]]
        elif line and not line.startswith("- ["):
            poll = ()
        linked = test_teaching.LINKED.findall(line)
        found[place] = poll + minutes_in_words(sum(lessons.get(target, 0) for target in linked))
        whole = [name for name, anchor in linked if not anchor]
        cells = [cell for name in whole for cell in read(ROOT / "notebooks" / name).cells]
        asked = sum(".check(" in cell.source for cell in cells if cell.cell_type == "code")
        found[place] += (("questions asked", prose.exact(asked)),)
        if "Breaks: " in line:
            breaks = re.findall(r"\| (\d+) \| Break \|", test_teaching.part(heading))
            found[place] += minutes_in_words(sum(map(int, breaks)))
    for plan, total in {"Two hours": 120, "Six hours": 360}.items():
        found |= planned(lines, plan, total)
    return found


def planned(lines, plan, total):
    """What supports the rows of a plan: each begins where the one before ends."""
    first = next(place for place, line in enumerate(lines) if line.endswith(f" {plan}"))
    row = re.compile(r"\| (\d):(\d\d) \| (\d+) \|")
    rows = [(place, row.match(lines[place])) for place in range(first, first + 40)]
    rows = [(place, *map(int, times.groups())) for place, times in rows if times]
    rows = rows[: next(k for k, (place, *_) in enumerate(rows) if not lines[place + 1]) + 1]
    starts = [60 * hour + minute for _, hour, minute, _ in rows]
    ends = [start + length for start, (*_, length) in zip(starts, rows, strict=True)]
    return {
        place: (("clock", prose.clock(*divmod(end, 60))), *minutes_in_words(after - start))
        for (place, *_), end, start, after in zip(
            rows, [0, *ends[:-1]], starts, [*starts[1:], total], strict=True
        )
    }


def passages(path):
    return notebook_passages(path) if path.suffix == ".ipynb" else page_passages(path)


def notebook(number):
    """The notebook whose name begins so."""
    (path,) = (path for path in NOTEBOOKS if path.name.startswith(number))
    return path


def cells_numbers(name, path):
    """The numbers of a cell, "times" or in another notebook "06:times"."""
    other, _, cell = name.rpartition(":")
    return tuple(number for _, number in computed(notebook(other) if other else path)[cell])


def values(expression):
    """The numbers of an expression, or of a list of them."""
    result = eval(expression, dict(MODELS))  # our own file, not a reader's
    results = result if isinstance(result, list | tuple) else [result]
    return tuple(prose.exact(value) for value in results)


@cache
def declared(path):
    file = ROOT / "tests" / "claims" / f"{path.stem}.toml"
    if not file.is_file():
        return []
    entries = []
    for entry in tomllib.loads(file.read_text(encoding="utf-8"))["claim"]:
        match entry:
            case {"cell": cell, "text": text, "is": str() | list() as wanted, **rest} if not rest:
                wanted = [wanted] if isinstance(wanted, str) else wanted
                numbers = sum(map(values, wanted), ())
            case {"cell": cell, "text": text, "from": name, **rest} if not rest:
                numbers = cells_numbers(name, path)
            case {"cell": cell, "text": text, "source": str() as source, **rest} if not rest:
                assert len(source.split()) >= 2 or "://" in source, f"{file.name}: {entry}"
                numbers = None
            case _:
                raise ValueError(f"{file.name}: cell, text and is, from or source: {entry}")
        entries.append(Declared(cell, text, numbers))
    return entries


def claims_of(path, passage):
    return [claim for claim in declared(path) if claim.cell == passage.place]


def unsupported(path, passage):
    return passage.unsupported(claims_of(path, passage))


def share_of_numbers():
    """What the README says of the numbers in the prose."""
    kinds = Counter(
        support
        for path in NOTEBOOKS + PAGES
        for passage in passages(path)
        for _, support in passage.supports(claims_of(path, passage))
    )
    total = sum(kinds.values())
    supported = total - kinds[""]
    return (
        f"Of the {total} numbers in its prose {supported} ({supported / total:.0%}) are supported: "
        f"{kinds['near']} by a computation beside them, {kinds['elsewhere']} by one elsewhere, "
        f"{kinds['source']} by a source."
    )


everywhere = pytest.mark.parametrize("path", NOTEBOOKS + PAGES, ids=lambda path: path.name)


@everywhere
def test_every_number_is_supported(path):
    lines = [line for passage in passages(path) for line in unsupported(path, passage)]
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
    assert share_of_numbers() in readme, f"the README must say: {share_of_numbers()}"


def test_pictures_hold_no_typed_numbers():
    """What pictures and controls say is computed; what stands in them by definition is a whole."""
    for name in ("plots", "controls"):
        source = (ROOT / "helpers" / f"{name}.py").read_text(encoding="utf-8")
        words = {text for text in prose.words_in(source) if not re.search(r"[{}();]", text)}
        words -= set(catalog.interconnects().index)  # names of links
        typed = {number.text for text in words for number in prose.quantities(text)}
        assert typed <= {"100 %"}, name


def misprints(count, seed):
    """Passages with one digit of one number of two digits or more changed, drawn at random."""
    draw = random.Random(seed)
    places = [
        (path, passage, number)
        for path in NOTEBOOKS + PAGES
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
