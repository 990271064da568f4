"""Every number in the prose, and what supports it.

What counts as a number and what supports it is said in `prose_numbers`. The prose is the Markdown
of every notebook, the words in its code (texts of pictures, labels, printed sentences),
errata.md and teaching.md. `tests/claims/` declares, a file for each, what has no support near by:

    [[claim]]
    cell = "world-seen"           # the cell, or for a page the heading, that holds the text
    text = "57 published points"  # stands there, word for word; every number in it is meant
    is = "len(points)"            # an expression, a list of them for several numbers
    from = "times"                # or a cell that computes it: "times", "06:times"
    source = "https://..."        # or where it was read, or why it is no result
"""

import ast
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from helpers import (
    amdahl,
    budget,
    catalog,
    memory,
    networks,
    parallel,
    pipeline,
    published,
    roofline,
    transformers,
)
from helpers.engines.record import shipped_engines
from helpers.measure.record import shipped
from helpers.publishing import blocks
from helpers.publishing import notebooks as series
from helpers.publishing import prose_numbers as prose
from helpers.publishing.notebooks import LECTURES, NOTEBOOKS, PAGES, PATHS, ROOT, SERIES, read
from helpers.publishing.rules import slug
from helpers.questions import polls
from helpers.words import percent

# A number of one or two digits finds a partner by chance in any long section: it needs a nearer
# one, in the code cell just before or just after.
NEAR_BEFORE, NEAR_AFTER = 1, 1
MODELS = {
    name: value
    for module in (
        *(amdahl, budget, catalog, memory, networks, parallel, pipeline, published),
        *(roofline, transformers),
    )
    for name, value in vars(module).items()
    if not name.startswith("_")
} | {"shipped": shipped, "shipped_engines": shipped_engines}


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
def exercises(name):
    """Under the id of its cell the statement of each exercise, and the numbers in its source."""
    found, module = {}, series.questions()[name]
    source = Path(module.__file__).read_text(encoding="utf-8")
    written = {
        node.name: ast.get_source_segment(source, node)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }
    for key, exercise in series.exercises(name).items():
        values = [x for x in exercise.numbers.values() if isinstance(x, int | float)]
        numbers = prose.literals(written[key]) + [prose.exact(x) for x in values]
        found[f"exercise-{slug(key)}"] = exercise.statement, tuple((key, x) for x in numbers)
    return found


def pieces(markdown):
    """The lines of a table one by one, and the text between tables."""
    rows = re.split(r"^(\|.*)$", markdown, flags=re.MULTILINE)
    return [row for row in rows if row.strip()]


@cache
def notebook_passages(path):
    passages, numbers = [], computed(path)
    minutes = {notebook.name: notebook.minutes for notebook in SERIES}
    for section in sections(read(path).cells):
        code = [place for place, cell in enumerate(section) if cell.cell_type == "code"]
        wide = tuple(pair for place in code for pair in numbers[section[place].id])
        for place, cell in enumerate(section):
            if cell.id.startswith("exercise-"):
                statement, own = exercises(path.name)[cell.id]
                passages.append(Passage(cell.id, cell.source, own, (), statement))
                continue
            before = [other for other in code if other <= place][-NEAR_BEFORE:]
            after = [other for other in code if other > place][:NEAR_AFTER]
            close = tuple(p for other in before + after for p in numbers[section[other].id])
            is_code = cell.cell_type == "code"
            for text in prose.words_in(cell.source) if is_code else pieces(cell.source):
                named = re.findall(r"\((\w+\.ipynb)\) \|", text)  # in a map of the series
                named += [path.name] * (cell.id == "title")
                times = sum((minutes_in_words(minutes[name]) for name in named), ())
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
            computed(NOTEBOOKS / name).get(cell, ())
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


def teaching_numbers():
    """What supports each line of the teaching page: polls' answers, minutes, questions asked."""
    text = blocks.TEACHING.read_text(encoding="utf-8")
    lines, given = text.splitlines(), polls.given()
    answers = {
        key: in_words(*options(), *given.get(key, [])) for key, options in polls.POLLS.items()
    }
    lessons = {(notebook.name, ""): notebook.minutes for notebook in SERIES}
    for notebook in LECTURES:  # the minutes of a section are what the others leave
        taught = blocks.lessons(blocks.parts(text)[1].get(notebook.name, ""))
        left = notebook.minutes - sum(minutes for minutes, _ in taught.values())
        lessons |= {(notebook.name, key): left + minutes for key, (minutes, _) in taught.items()}
    found, poll = {}, ()
    for place, line in enumerate(lines):
        if key := re.match(r"\*\*`([\w-]+)`\*\*", line):
            poll = answers[key[1]]
        elif line and not line.startswith("- ["):
            poll = ()
        linked = blocks.LINKED.findall(line)
        found[place] = poll + minutes_in_words(sum(lessons.get(target, 0) for target in linked))
        whole = [notebook for notebook in SERIES if (notebook.name, "") in linked]
        asked = sum(notebook.checks for notebook in whole)
        found[place] += (("questions asked", prose.exact(asked)),)
        if "Breaks: " in line:
            table = "\n".join(lines[place:]).partition("\n## ")[0]
            lengths = [int(row[1]) for row in blocks.rows(table, blocks.PLAN) if row[2] == "Break"]
            found[place] += minutes_in_words(sum(lengths))
    for plan, total in blocks.PLANS.items():
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
    """The file of the notebook with this number."""
    (found,) = (notebook for notebook in SERIES if notebook.number == number)
    return found.path


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


def complaints(path):
    """A line for each number of a notebook or a page that nothing supports."""
    return [line for passage in passages(path) for line in unsupported(path, passage)]


def share():
    """What the README says of the numbers in the prose."""
    kinds = Counter(
        support
        for path in PATHS + PAGES
        for passage in passages(path)
        for _, support in passage.supports(claims_of(path, passage))
    )
    total = sum(kinds.values())
    supported = total - kinds[""]
    share = percent(supported / total)
    return (
        f"Of the {total} numbers in its prose {supported} ({share}) are supported: "
        f"{kinds['near']} by a computation beside them, {kinds['elsewhere']} by one elsewhere, "
        f"{kinds['source']} by a source."
    )
