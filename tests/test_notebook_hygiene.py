"""House rules for every notebook: every notebook keeps them, and each rule is seen to refuse.

BROKEN pairs every rule with ways to break it.
"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.publishing import rules
from helpers.publishing.notebooks import SERIES, unlisted
from helpers.publishing.rules import MAX_BYTES, RULES, broken_links
from helpers.publishing.traces import METADATA, WIDGET_VIEW


def sample():
    """A notebook that keeps every rule."""
    alt = "A slanted line that rises to a corner and stays level from there on."
    picture = new_output(
        "display_data", {"image/png": "aGk="}, metadata={"image/png": {"alt": alt}}
    )
    printed = new_output("stream", name="stdout", text="2\n")
    loop = "total, x = 0, [x for x in (1, 1)]\nfor one in x:\n    total += one\nprint(total)"
    cells = [
        new_markdown_cell("# Title\n\n```\n# no title\n```", id="title"),
        new_code_cell("import math", id="setup", execution_count=1),
        new_markdown_cell("## Two roofs\n![a picture](roof.png)\n**Predict:**", id="two-roofs"),
        new_code_cell(loop, id="first", execution_count=2, outputs=[printed]),
        new_code_cell("draw()", id="second", execution_count=3, outputs=[picture]),
    ]
    for cell, kind in zip(cells, ("slide", "skip", "slide", "fragment", "-"), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
    return new_notebook(cells=cells, metadata=METADATA)


def put(position, **fields):
    """A way to break the sample: overwrite fields of one cell."""
    return lambda notebook: notebook.cells[position].update(fields)


def show(**data):
    """A way to break the sample: one more output in its last cell."""
    output = new_output("display_data", data)
    return lambda notebook: notebook.cells[-1].outputs.append(output)


def stream(name, text):
    output = new_output("stream", name=name, text=text)
    return lambda notebook: notebook.cells[-1].outputs.append(output)


BROKEN = {
    rules.format_is_4_5: [lambda notebook: notebook.update(nbformat_minor=4)],
    rules.metadata_is_minimal: [
        lambda notebook: notebook.metadata.update(widgets={}),
        lambda notebook: notebook.metadata.kernelspec.update(name="conda"),
        put(1, metadata={"collapsed": True}),
    ],
    rules.ids_are_slugs: [
        put(1, id="Two_Roofs"),
        put(1, id="a3f09c1e"),
        put(1, id="b3f09c1e-77aa-4c1d-9a55-0123456789ab"),
    ],
    rules.ids_are_unique: [put(1, id="title")],
    rules.tags_are_known: [put(1, metadata={"tags": ["nbval-skip"]})],
    rules.no_cell_is_empty: [put(1, source=" \n"), put(2, source="")],
    rules.first_cell_is_the_only_title: [
        put(0, source="No title"),
        put(0, source="# One\n# Two"),
        put(2, source="# Another"),
        lambda notebook: notebook.cells.pop(0),
    ],
    rules.counts_run_from_one: [put(1, execution_count=None), put(3, execution_count=7)],
    rules.errors_are_announced: [
        put(1, metadata={"tags": ["raises-exception"]}),
        put(1, outputs=[new_output("error", ename="ValueError", evalue="no", traceback=[])]),
    ],
    rules.no_code_cell_is_long: [put(1, source="x = 1\n" * 16)],
    rules.never_three_code_cells_in_a_row: [lambda notebook: notebook.cells.pop(2)],
    rules.imports_stand_in_the_first_code_cell: [
        put(3, source="import math"),
        put(3, source="def f():\n    from math import pi"),
    ],
    rules.imports_name_what_they_import: [put(1, source="from math import *")],
    rules.python_without_magics: [
        put(3, source="%matplotlib inline"),
        put(3, source="!pip list"),
        put(3, source="files = !ls"),
        put(3, source="print?"),
        put(3, source="get_ipython().run_line_magic('time', '')"),
    ],
    rules.no_line_ends_in_a_semicolon: [
        put(3, source="draw();"),
        put(3, source="draw();  \nx = 1"),
    ],
    rules.a_reveal_ends_its_cell: [put(3, source="guess.reveal(2)\nprint(2)")],
    rules.pictures_in_outputs_have_alt_text: [
        show(**{"image/png": "aGk="}),
        lambda notebook: notebook.cells[-1].outputs[0].metadata["image/png"].update(alt="A plot"),
    ],
    rules.pictures_in_prose_have_alt_text: [
        put(2, source="![](roof.png)"),
        put(2, source='<img src="roof.png">'),
        put(2, source='<img src="roof.png" alt="">'),
    ],
    rules.no_widget_view_is_stored: [show(**{WIDGET_VIEW: {"model_id": "1"}})],
    rules.nothing_is_written_to_stderr: [stream("stderr", "a warning")],
    rules.no_output_names_a_path_of_the_machine: [
        stream("stdout", "read /home/me/data.csv"),
        show(**{"text/plain": r"C:\Users\me"}),
    ],
    rules.file_is_small: [stream("stdout", "x" * MAX_BYTES)],
    rules.every_cell_has_a_slide_type: [
        put(1, metadata={}),
        put(1, metadata={"slideshow": {"slide_type": "slid"}}),
    ],
    rules.the_answer_is_a_step_after_the_question: [
        put(3, metadata={"slideshow": {"slide_type": "-"}}),
        lambda notebook: notebook.cells.pop(3),
    ],
    rules.nothing_is_read_that_a_loop_left_behind: [
        put(3, source="for x in (1, 2):\n    y = 2 * x\nprint(x)"),
        put(3, source="for x in (1, 2):\n    y = 2 * x\nprint(y)"),
        put(3, source="for x in (1, 2):\n    y = 2 * x\nprint([y * z for z in (1, 2)])"),
        put(3, source="x = 1\nfor x in (1, 2):\n    print(x)\nx = x + 1"),
        put(3, source="while wait():\n    x = 1\nfor y in (1, 2):\n    print(x * y)"),
        lambda notebook: (
            [put(3, source="for x in (1, 2):\n    y = x")(notebook)]
            + [put(4, source="draw(y)")(notebook)]
        ),
    ],
}
WAYS_TO_BREAK = [
    pytest.param(rule, spoil, id=f"{rule.__name__}-{number}")
    for rule, spoils in BROKEN.items()
    for number, spoil in enumerate(spoils, start=1)
]


def test_the_list_holds_the_notebooks_that_are_there():
    assert list(unlisted()) == []


@pytest.mark.parametrize("notebook", SERIES, ids=lambda notebook: notebook.name)
def test_notebook_keeps_the_rules(notebook):
    assert list(rules.complaints(notebook)) == []


def test_every_rule_is_paired_with_ways_to_break_it():
    assert BROKEN.keys() == {*RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_accepts_a_good_notebook(rule):
    assert list(rule(sample())) == []


@pytest.mark.parametrize(("rule", "spoil"), WAYS_TO_BREAK)
def test_rule_refuses_a_bad_notebook(rule, spoil):
    notebook = sample()
    spoil(notebook)
    assert list(rule(notebook)) != []


@pytest.mark.parametrize(
    ("link", "works"),
    [
        ("[x](other.ipynb)", True),
        ("[x](other.ipynb#Two-roofs)", True),
        ("[x](#Two-roofs)", True),
        ("[x](notes.md#what-is-it)", True),
        ("[x](https://example.org/nothing#here)", True),
        ("`[x](code.py)` and $f[i](x)$", True),
        ("[x](missing.ipynb)", False),
        ("![x](missing.png)", False),
        ('<a href="missing.html">x</a>', False),
        ("[x](other.ipynb#Three-roofs)", False),
        ("[x](#three-roofs)", False),
        ("[x](notes.md#what-is-that)", False),
    ],
)
def test_links_are_followed(tmp_path, link, works):
    (tmp_path / "notes.md").write_text("# What is it?\n")
    for name in ("other", "this"):
        cells = [new_markdown_cell(f"## Two roofs\n{link if name == 'this' else ''}", id="only")]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    assert (list(broken_links(tmp_path / "this.ipynb")) == []) == works
