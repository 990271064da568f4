"""What store writes: exercises, ids and slide types into a notebook, and what pages can compute."""

import re
from copy import deepcopy
from types import SimpleNamespace

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.publishing import blocks, notebooks, store
from helpers.publishing.notebooks import LECTURES, SERIES, START, read
from helpers.publishing.rules import exercises_are_those_of_the_module, slide_type
from helpers.publishing.traces import WIDGET_VIEW

EXERCISES = {
    "one_way": SimpleNamespace(statement="**One way.** How far?", own={}),
    "own_way": SimpleNamespace(statement="**Own way.** How far?", own={"a": 1, "b": 2}),
    "last": SimpleNamespace(statement="**Last.** How long?", own={}),
}


def cells(*ids, **sources):
    return [
        (new_code_cell if name.startswith("check") else new_markdown_cell)(f"of {name}", id=name)
        for name in ids
    ]


WRITTEN = [
    f"{kind}-{slug}" for slug in ("one-way", "own-way", "last") for kind in ("exercise", "check")
]


@pytest.mark.parametrize(
    "there",
    [
        ["title"],
        ["title", "next"],
        ["title", "exercises-intro", "next"],
        ["title", "exercises-intro", *WRITTEN[2:4], "next"],
        ["title", "exercises-intro", *WRITTEN[:3], *WRITTEN[4:], "next"],
        ["title", "check-story", "exercises-intro", *WRITTEN],
    ],
)
def test_exercises_are_written_in_their_order_and_once(there):
    written = cells(*there)
    store.write_exercises(written, EXERCISES)
    others = [name for name in there if name not in WRITTEN and name != "exercises-intro"]
    place = others.index("next") if "next" in others else len(others)
    assert [cell.id for cell in written] == [
        *others[:place],
        "exercises-intro",
        *WRITTEN,
        *others[place:],
    ]
    texts = {cell.id: cell.source for cell in written}
    assert texts["exercise-own-way"] == "**Own way.** How far?"
    assert texts["check-own-way"] == "exercises.own_way.check(None, a=None, b=None)"
    assert texts.get("check-story", "of check-story") == "of check-story"
    again = deepcopy(written)
    store.write_exercises(again, EXERCISES)
    assert again == written


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        (WRITTEN[:-1], "check-last: stands in the module"),
        ([*WRITTEN, "exercise-gone"], "exercise-gone: no such exercise"),
        ([*WRITTEN[2:], *WRITTEN[:2]], "another order"),
    ],
)
def test_exercises_that_store_cannot_mend_are_named(ids, complaint):
    (said,) = exercises_are_those_of_the_module(new_notebook(cells=cells(*ids)), EXERCISES)
    assert complaint in said


def test_ids_that_an_editor_made_up_become_readable_and_others_stay():
    made = [
        new_markdown_cell("# 08 · Title: a question", id="title"),
        new_markdown_cell("## Two roofs, *one* machine", id="a3f09c1e"),
        new_code_cell("print(2)", id="9cd9572d"),
        new_code_cell("print(3)", id="Roofs_2"),
        new_markdown_cell("Two roofs: one machine", id="b3f09c1e-77aa-4c1d-9a55-0123456789ab"),
        new_markdown_cell("π = 3", id="0badcafe"),
    ]
    made[0].id = "0badf00d"  # the first cell of a notebook is its title, whatever it says
    store.name_cells(made)
    assert [cell.id for cell in made] == [
        "title",
        "two-roofs-one-machine",
        "two-roofs-one-machine-code",
        "two-roofs-one-machine-code-2",
        "two-roofs-one-machine-2",
        "two-roofs-one-machine-2-text",
    ]


def test_a_notebook_is_found_by_its_number_its_name_and_its_file(monkeypatch):
    monkeypatch.chdir(notebooks.NOTEBOOKS)
    amdahl = notebooks.NOTEBOOKS / "04_amdahl.ipynb"
    for name in ("04", "04_amdahl", "04_amdahl.ipynb", "../notebooks/04_amdahl.ipynb"):
        assert store.found(name) == amdahl
    with pytest.raises(SystemExit, match="'04_amdal' in the series; did you mean 04_amdahl?"):
        store.found("04_amdal")


def test_cells_without_a_slide_type_get_one_and_others_keep_theirs():
    made = [
        new_markdown_cell("# Title"),
        new_code_cell("import math"),
        new_markdown_cell("## Roofs\n\n**Predict:** how far?"),
        new_code_cell("roof()"),
        new_markdown_cell("It rises."),
        new_code_cell("guess = Prediction('?')"),
        new_code_cell("2", metadata={"slideshow": {"slide_type": "notes"}}),
        new_markdown_cell("## Exercises"),
        new_markdown_cell("Go on."),
    ]
    store.place_on_slides(made)
    assert [slide_type(cell) for cell in made] == [
        *("slide", "skip", "slide", "fragment", "-", "skip", "notes", "skip", "skip")
    ]


def test_a_notebook_that_raises_is_left_as_it_was(tmp_path):
    path = tmp_path / "08_new.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0", id="code")]), path)
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        store.store(path)
    assert path.read_bytes() == before


# Pages: what is spoiled there is mended.


def without(line):
    return lambda text: "".join(x for x in text.splitlines(True) if not x.startswith(line))


def swapped(one, other):
    return lambda text: text.replace(one, "\0").replace(other, one).replace("\0", other)


def put(old, new):
    return lambda text: text.replace(old, new, 1)


README = [
    without("| [03 Roofline]"),
    put("| How fast can it go? | 35 |", "| How fast does it go? | 35 |"),
    put("| How fast can it go? | 35 |", "| How fast can it go? | 45 |"),
    put("[03 Roofline](notebooks/03_roofline.ipynb)", "[02 Roofs](notebooks/02_roofline.ipynb)"),
]
TEACHING = {
    "row of a section": without("| 6 | [The formula](05_pipelining.ipynb"),
    "anchor of a section": put("#The-formula) | |", "#A-formula) | |"),
    "order of sections": swapped(
        "| 5 | [Numbers](04_amdahl.ipynb#Numbers) | `nine-times` |",
        "| 2 | [More than two parts](04_amdahl.ipynb#More-than-two-parts) | |",
    ),
    "minutes of a lecture": put(
        "(05_pipelining.ipynb): 40 minutes", "(05_pipelining.ipynb): 42 minutes"
    ),
    "minutes saved": put("saves 9 minutes", "saves 8 minutes"),
    "right answer": put("**295 flop/B**", "**296 flop/B**"),
    "wrong answer": put("**591 flop/B**", "**592 flop/B**"),
    "start in a plan": put("| 0:34 | 22 |", "| 0:35 | 22 |"),
    "length in a plan": put("| 0:34 | 22 |", "| 0:34 | 21 |"),
    "length of a notebook in a plan": put("| 40 | [05 · Pip", "| 50 | [05 · Pip"),
    "breaks": put("Breaks: 35 minutes", "Breaks: 50 minutes"),
    "questions of the homework": put("| 28 pages", "| 27 pages"),
    "minutes of the homework": put("| 90 | 28 pages", "| 95 | 28 pages"),
    "row of the homework": put("12 · Examination", "12 · Test"),
    "numbers of the homework": put("notebooks 11 and 12](#", "notebooks 08 and 09](#"),
    "title in a link": put("### [03 · Roofline]", "### [03 · Roofs]"),
    "number in a link": put("(03_roofline.ipynb#Real", "(04_roofline.ipynb#Real"),
}


@pytest.mark.parametrize(
    ("path", "write", "spoil"),
    [pytest.param(blocks.README, blocks.readme, s, id=f"README-{i}") for i, s in enumerate(README)]
    + [pytest.param(blocks.TEACHING, blocks.teaching, s, id=what) for what, s in TEACHING.items()],
)
def test_store_mends_what_a_page_can_compute(path, write, spoil):
    text = path.read_text(encoding="utf-8")
    assert spoil(text) != text
    assert write(spoil(text)) == text


@pytest.mark.parametrize(
    ("notebook", "spoil"),
    [
        (START, without("| [03 · Roofline]")),
        (START, put("| 45 |", "| 40 |")),
        (START, put("About 10 minutes", "About 12 minutes")),
        (START, put("| total work of the job |", "| work |")),
        (SERIES[-1], put("*Did you get this file alone?", "*Alone?")),
        (LECTURES[3], put("# 03 · ", "# 04 · ")),
        (START, put("**Next:** [01 · Compute budget](01_c", "**Next:** [02 · Budget](02_c")),
        (
            LECTURES[3],
            put("[04 · Amdahl's law](04_amdahl.ipynb) asks", "[04 · Law](04_amdahl.ipynb) asks"),
        ),
    ],
)
def test_store_mends_what_a_notebook_says_of_the_series(notebook, spoil):
    cells = deepcopy(read(notebook.path).cells)
    for cell in cells:
        cell.source = spoil(cell.source)
    assert cells != read(notebook.path).cells
    blocks.retell(notebook, cells)
    assert cells == read(notebook.path).cells


def test_a_lecture_leads_on_to_the_next_one():
    made = cells("title", "one", "two")
    blocks.retell(LECTURES[0], made)
    assert made[-1].source == f"**Next:** {LECTURES[1].link}."
    made[-1].source = f"**Next:** {LECTURES[2].link} asks more."  # a lecture came between
    blocks.retell(LECTURES[0], made)
    assert made[-1].source == f"**Next:** {LECTURES[1].link}." and len(made) == 5
    made = cells("title")
    blocks.retell(SERIES[-1], made)
    assert [cell.id for cell in made] == ["title", blocks.ALONE]


def test_a_file_alone_leads_to_the_others(monkeypatch, tmp_path):
    made, citation = cells("title", "one"), tmp_path / "CITATION.cff"
    monkeypatch.setattr(blocks, "CITATION", citation)
    for address, words in (
        ("", "folder from whoever sent it; in it"),
        ("https://github.com/a/b", "folder from [its repository](https://github.com/a/b); in it"),
    ):
        citation.write_text(f"repository-code: {address}\n")
        blocks.retell(LECTURES[0], made)
        assert made[1].id == blocks.ALONE and words in made[1].source and len(made) == 4


def test_a_notebook_without_a_line_and_a_line_without_a_notebook_are_named(tmp_path, monkeypatch):
    (tmp_path / "new.ipynb").touch()
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "PATHS", [tmp_path / "gone.ipynb"])
    gone, new = notebooks.unlisted()
    assert re.match("gone.ipynb is listed .* no such file", gone)
    assert re.match("new.ipynb is not in the list", new)
    monkeypatch.setattr(notebooks, "SERIES", [n for n in SERIES if n != LECTURES[3]])
    assert list(notebooks.unlisted())[2].startswith(f"{LECTURES[3].name} has a module of questions")


def test_a_progress_bar_is_not_stored():
    bar = {"text/plain": "  0 %|          | 00:00", WIDGET_VIEW: {"model_id": "1"}}
    answer = {"text/plain": "23 % of it", WIDGET_VIEW: {"model_id": "2"}}
    outputs = [new_output("display_data", data) for data in (bar, answer)]
    notebook = new_notebook(cells=[new_code_cell("measure()", outputs=outputs)])
    store.normalise(notebook)
    assert [one.data for one in notebook.cells[0].outputs] == [{"text/plain": "23 % of it"}]
