"""The notebooks of the series: the one list of them, and what is said of each in one place.

Whatever goes through the notebooks goes through this list. A notebook is added by a line here; its
title is read from its first heading, and its number and its place are those of its file.
"""

import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import nbformat

import helpers.questions

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
LECTURE, HOMEWORK, EXAMINATION = "lecture", "homework", "examination"
EXERCISES = "Exercises"  # the section of a notebook that takes no minute of a lecture
HEADING = re.compile(r"^(#+) +(.*?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Notebook:
    """A notebook of the series.

    Parameters
    ----------
    stem : str
        Of its file; begins with its number.
    minutes : int
        What a lecture takes with its predictions and without its exercises, or what a reader needs.
    question : str
        What it answers.
    role : {"lecture", "homework", "examination"}
        Homework is worked on and shown; an examination is worked on, and has no slides.
    """

    stem: str
    minutes: int
    question: str
    role: str = LECTURE

    @property
    def name(self):
        return f"{self.stem}.ipynb"

    @property
    def path(self):
        return NOTEBOOKS / self.name

    @property
    def number(self):
        return self.stem[:2]

    @property
    def title(self):
        """The title of its first heading without the question; the start page has that of all."""
        heading = HEADING.search(read(self.path).cells[0].source)[2]
        numbered = re.fullmatch(r"\d\d · ([^:]+).*", heading)
        return numbered[1] if numbered else self.stem[3:].replace("_", " ").capitalize()

    @property
    def link(self):
        """A link to it, in the words that all pages use."""
        return f"[{self.number} · {self.title}]({self.name})"

    @property
    def checks(self):
        """How many cells ask for an answer."""
        cells = [cell for cell in read(self.path).cells if cell.cell_type == "code"]
        return sum(".check(" in cell.source for cell in cells)

    @property
    def sections(self):
        """The ids of the cells of each section, by the section's title."""
        found = {}
        for cell in read(self.path).cells:
            if cell.cell_type == "markdown":
                titles = [title for marks, title in HEADING.findall(cell.source) if marks == "##"]
                found |= {title: [] for title in titles}
            if found:
                found[list(found)[-1]].append(cell.id)
        return found

    @property
    def lessons(self):
        """The titles of the sections that a lecture shows."""
        return [title for title in self.sections if title != EXERCISES]

    @property
    def exercises(self):
        """Its exercises by their names."""
        return exercises(self.name)


SERIES = [
    Notebook("00_start_here", 10, "What is this, and does it run here?"),
    Notebook("01_compute_budget", 40, "How much work is one training run?"),
    Notebook("02_computing_device", 35, "What does the work?"),
    Notebook("03_roofline", 35, "How fast can it go?"),
    Notebook("04_amdahl", 35, "What does a faster compute unit buy?"),
    Notebook("05_pipelining", 40, "What does overlap buy?"),
    Notebook("06_deep_learning_engines", 50, "One GPU, many GPUs, many machines?"),
    Notebook("07_plan_a_training_run", 45, "How do I put it together?"),
    Notebook("08_measure_your_machine", 50, "Does it hold on my machine?"),
    Notebook("09_fit_your_scaling", 40, "What is in my scaling table?"),
    Notebook("10_transformers", 55, "Does it hold for a transformer?"),
    Notebook("11_find_the_mistake", 90, "What is wrong with these published numbers?", HOMEWORK),
    Notebook("12_examination", 45, "What have I learnt?", EXAMINATION),
]
START = SERIES[0]
LECTURES = [notebook for notebook in SERIES if notebook.role == LECTURE]
SHOWN = [notebook for notebook in SERIES if notebook.role != EXAMINATION]
PATHS = [notebook.path for notebook in SERIES]
PAGES = sorted(NOTEBOOKS.glob("*.md"))


def questions():
    """The module of questions of each notebook that has one, by the notebook's name."""
    found = pkgutil.iter_modules(helpers.questions.__path__, f"{helpers.questions.__name__}.")
    modules = [import_module(info.name) for info in found]
    return {module.NOTEBOOK: module for module in modules if hasattr(module, "NOTEBOOK")}


def exercises(name):
    """The exercises of a notebook by their names, in the order of their module."""
    known = vars(questions()[name]) if name in questions() else {}
    return {key: value for key, value in known.items() if hasattr(type(value), "statement")}


def read(path):
    """A notebook as it is stored; not to be changed, since all who read it share it."""
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path, _changed):
    return nbformat.read(path, as_version=4)


def unlisted():
    """A line for each file and each module of questions that the list lacks, or the other way."""
    files = [p for p in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts]
    for path in sorted({*files} ^ {*PATHS}):
        name = path.relative_to(NOTEBOOKS)
        if path in PATHS:
            yield f"{name} is listed in helpers/publishing/notebooks.py, but there is no such file"
        else:
            yield f"{name} is not in the list of helpers/publishing/notebooks.py: give it a line"
    for name in questions().keys() - {notebook.name for notebook in SERIES}:
        yield f"{name} has a module of questions, and no line in helpers/publishing/notebooks.py"
