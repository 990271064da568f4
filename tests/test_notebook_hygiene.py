"""House rules for every notebook: each rule is a function that yields its complaints.

RULES pairs every rule with ways to break it, and each rule is seen to refuse each of them.
"""

import ast
import json
import re
from itertools import groupby

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.publishing.notebooks import LECTURES, NOTEBOOKS
from helpers.publishing.server import METADATA, WIDGET_VIEW
from helpers.publishing.store import CELL_METADATA

PATHS = [p for p in sorted(NOTEBOOKS.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
TAGS = {"nbval-ignore-output", "raises-exception"}
MAX_BYTES = 500_000
MAX_LINES = 15
MIN_ALT_LENGTH = 40
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
GENERATED = re.compile(r"(?=.*\d)[0-9a-f]{8}\b")  # how nbformat and Jupyter make ids up
MACHINE_PATH = re.compile(r"/(?:tmp|home|root|work|Users)/|[A-Z]:\\")
CODE = re.compile(r"(```|~~~).*?\1|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)[^)]*\)|\b(?:href|src)=\"([^\"]+)\"")
IMAGE = re.compile(r"!\[(?P<alt>[^]]*)\]\(|<img\b(?:(?!alt=)[^>])*(?:alt=\"(?P<html>[^\"]*)\")?")
SLIDE_TYPES = {"slide", "subslide", "fragment", "notes", "skip", "-"}
ASKS = re.compile(r"\*\*(Predict|Before you|Look for)")
HEADING = re.compile(r"^(#+) +(.*?) *#*$", re.MULTILINE)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [(cell.id, output) for cell in code_cells(notebook) for output in cell.outputs]


def prose(notebook):
    """Every markdown cell as (id, text without code and formulas)."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    return [(cell.id, CODE.sub("", cell.source)) for cell in cells]


def syntax(cell):
    try:
        return ast.parse(cell.source)
    except SyntaxError:  # python_without_magics complains about it
        return ast.Module([], [])


def imports(cell):
    return [n for n in ast.walk(syntax(cell)) if isinstance(n, ast.Import | ast.ImportFrom)]


def format_is_4_5(notebook):
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"nbformat {notebook.nbformat}.{notebook.nbformat_minor}"


def metadata_is_minimal(notebook):
    if notebook.metadata != METADATA:
        yield f"notebook metadata {notebook.metadata}"
    for cell in notebook.cells:
        if not cell.metadata.keys() <= CELL_METADATA:
            yield f"{cell.id}: metadata {sorted(cell.metadata)}"


def ids_are_slugs(notebook):
    for cell in notebook.cells:
        if not SLUG.fullmatch(cell.id) or GENERATED.match(cell.id):
            yield f"{cell.id}: not a readable slug"


def ids_are_unique(notebook):
    for name, same in groupby(sorted(cell.id for cell in notebook.cells)):
        if len(list(same)) > 1:
            yield f"{name}: id used twice"


def tags_are_known(notebook):
    for cell in notebook.cells:
        for tag in set(cell.metadata.get("tags", [])) - TAGS:
            yield f"{cell.id}: tag {tag}"


def no_cell_is_empty(notebook):
    for cell in notebook.cells:
        if not cell.source.strip():
            yield f"{cell.id}: empty"


def first_cell_is_the_only_title(notebook):
    titles = [
        cell_id
        for cell_id, text in prose(notebook)
        for marks, _ in HEADING.findall(text)
        if marks == "#"
    ]
    if titles != [notebook.cells[0].id]:
        yield f"titles (# ...) in {titles}, expected one, in the first cell"


def counts_run_from_one(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts {counts}"


def errors_are_announced(notebook):
    for cell in code_cells(notebook):
        raises = any(output.output_type == "error" for output in cell.outputs)
        if raises != ("raises-exception" in cell.metadata.get("tags", [])):
            yield f"{cell.id}: error output and tag raises-exception go together"


def no_code_cell_is_long(notebook):
    for cell in code_cells(notebook):
        if (lines := len(cell.source.splitlines())) > MAX_LINES:
            yield f"{cell.id}: {lines} lines"


def never_three_code_cells_in_a_row(notebook):
    for kind, run in groupby(notebook.cells, key=lambda cell: cell.cell_type):
        ids = [cell.id for cell in run]
        if kind == "code" and len(ids) > 2:
            yield f"code cells without a word between them: {ids}"


def imports_stand_in_the_first_code_cell(notebook):
    for cell in code_cells(notebook)[1:]:
        if imports(cell):
            yield f"{cell.id}: import outside the first code cell"


def imports_name_what_they_import(notebook):
    for cell in code_cells(notebook):
        if any(alias.name == "*" for node in imports(cell) for alias in node.names):
            yield f"{cell.id}: star import"


def python_without_magics(notebook):
    """Magics (%), shell (!) and help (?) are not Python."""
    for cell in code_cells(notebook):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"{cell.id}: {error}"
        if "get_ipython" in cell.source:
            yield f"{cell.id}: get_ipython"


def no_line_ends_in_a_semicolon(notebook):
    """A semicolon hides an output from the reader but not from nbval."""
    for cell in code_cells(notebook):
        if re.search(r";\s*$", cell.source, re.MULTILINE):
            yield f"{cell.id}: trailing semicolon"


def pictures_in_outputs_have_alt_text(notebook):
    for cell_id, output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            alt = output.metadata.get("image/png", {}).get("alt", "")
            if len(alt) < MIN_ALT_LENGTH:
                yield f"{cell_id}: alt text {alt!r}"


def pictures_in_prose_have_alt_text(notebook):
    for cell_id, text in prose(notebook):
        for image in IMAGE.finditer(text):
            if not ((image["alt"] or image["html"] or "").strip()):
                yield f"{cell_id}: picture without alt text"


def no_widget_view_is_stored(notebook):
    """Without a kernel it shows as an error box."""
    for cell_id, output in outputs(notebook):
        if WIDGET_VIEW in output.get("data", {}):
            yield f"{cell_id}: stored widget view"


def nothing_is_written_to_stderr(notebook):
    for cell_id, output in outputs(notebook):
        if output.get("name") == "stderr":
            yield f"{cell_id}: {output.text}"


def no_output_names_a_path_of_the_machine(notebook):
    for cell_id, output in outputs(notebook):
        data = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
        if found := MACHINE_PATH.search(json.dumps({**output, "data": data})):
            yield f"{cell_id}: {found[0]}"


def file_is_small(notebook):
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_BYTES:
        yield f"{size} bytes"


def slide_type(cell):
    return cell.metadata.get("slideshow", {}).get("slide_type")


def every_cell_has_a_slide_type(notebook):
    for cell in notebook.cells:
        if slide_type(cell) not in SLIDE_TYPES:
            yield f"{cell.id}: slide type {slide_type(cell)}"


def the_answer_is_a_step_after_the_question(notebook):
    """On slides; what is not shown, and the box for a guess, may stand between them."""
    asked = None
    for cell in notebook.cells:
        if slide_type(cell) in {"skip", "notes"} or "Prediction(" in cell.source:
            continue
        if asked and cell.cell_type == "code":
            if slide_type(cell) == "-":
                yield f"{cell.id}: shown together with the question in {asked}"
            asked = None
        if cell.cell_type == "markdown" and ASKS.search(cell.source):
            asked = cell.id


SCOPES = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.FunctionDef)


def names(node, context):
    """Names that code reads (ast.Load) or binds (ast.Store), but for what a scope binds itself."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, context) else set()
    found = set().union(*(names(child, context) for child in ast.iter_child_nodes(node)))
    if not isinstance(node, SCOPES):
        return found
    inner = [n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    own = {n.id for n in inner} | {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return found - own if context is ast.Load else set()


def nothing_is_read_that_a_loop_left_behind(notebook):
    """It is the value of whichever round came last. What a loop adds to stands before it."""
    left = set()
    for cell in code_cells(notebook):
        here = set()  # bound in this cell, outside a loop
        for statement in syntax(cell).body:
            binds, is_loop = names(statement, ast.Store), isinstance(statement, ast.For | ast.While)
            for name in sorted(names(statement, ast.Load) & left - (binds if is_loop else set())):
                yield f"{cell.id}: reads {name}, which a loop left behind"
            if is_loop:
                target = names(getattr(statement, "target", ast.Pass()), ast.Store)
                left |= binds - here | target
            else:
                left, here = left - binds, here | binds


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


RULES = {
    format_is_4_5: [lambda notebook: notebook.update(nbformat_minor=4)],
    metadata_is_minimal: [
        lambda notebook: notebook.metadata.update(widgets={}),
        lambda notebook: notebook.metadata.kernelspec.update(name="conda"),
        put(1, metadata={"collapsed": True}),
    ],
    ids_are_slugs: [
        put(1, id="Two_Roofs"),
        put(1, id="a3f09c1e"),
        put(1, id="b3f09c1e-77aa-4c1d-9a55-0123456789ab"),
    ],
    ids_are_unique: [put(1, id="title")],
    tags_are_known: [put(1, metadata={"tags": ["nbval-skip"]})],
    no_cell_is_empty: [put(1, source=" \n"), put(2, source="")],
    first_cell_is_the_only_title: [
        put(0, source="No title"),
        put(0, source="# One\n# Two"),
        put(2, source="# Another"),
        lambda notebook: notebook.cells.pop(0),
    ],
    counts_run_from_one: [put(1, execution_count=None), put(3, execution_count=7)],
    errors_are_announced: [
        put(1, metadata={"tags": ["raises-exception"]}),
        put(1, outputs=[new_output("error", ename="ValueError", evalue="no", traceback=[])]),
    ],
    no_code_cell_is_long: [put(1, source="x = 1\n" * 16)],
    never_three_code_cells_in_a_row: [lambda notebook: notebook.cells.pop(2)],
    imports_stand_in_the_first_code_cell: [
        put(3, source="import math"),
        put(3, source="def f():\n    from math import pi"),
    ],
    imports_name_what_they_import: [put(1, source="from math import *")],
    python_without_magics: [
        put(3, source="%matplotlib inline"),
        put(3, source="!pip list"),
        put(3, source="files = !ls"),
        put(3, source="print?"),
        put(3, source="get_ipython().run_line_magic('time', '')"),
    ],
    no_line_ends_in_a_semicolon: [put(3, source="draw();"), put(3, source="draw();  \nx = 1")],
    pictures_in_outputs_have_alt_text: [
        show(**{"image/png": "aGk="}),
        lambda notebook: notebook.cells[-1].outputs[0].metadata["image/png"].update(alt="A plot"),
    ],
    pictures_in_prose_have_alt_text: [
        put(2, source="![](roof.png)"),
        put(2, source='<img src="roof.png">'),
        put(2, source='<img src="roof.png" alt="">'),
    ],
    no_widget_view_is_stored: [show(**{WIDGET_VIEW: {"model_id": "1"}})],
    nothing_is_written_to_stderr: [stream("stderr", "a warning")],
    no_output_names_a_path_of_the_machine: [
        stream("stdout", "read /home/me/data.csv"),
        show(**{"text/plain": r"C:\Users\me"}),
    ],
    file_is_small: [stream("stdout", "x" * MAX_BYTES)],
    every_cell_has_a_slide_type: [
        put(1, metadata={}),
        put(1, metadata={"slideshow": {"slide_type": "slid"}}),
    ],
    the_answer_is_a_step_after_the_question: [
        put(3, metadata={"slideshow": {"slide_type": "-"}}),
        lambda notebook: notebook.cells.pop(3),
    ],
    nothing_is_read_that_a_loop_left_behind: [
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
    for rule, spoils in RULES.items()
    for number, spoil in enumerate(spoils, start=1)
]


def anchors(path):
    """The fragments that a link to this notebook or Markdown file may use."""
    if path.suffix == ".ipynb":  # Jupyter keeps case and punctuation
        texts = [text for _, text in prose(nbformat.read(path, as_version=4))]
        return {title.replace(" ", "-") for t in texts for _, title in HEADING.findall(t)}
    titles = [
        title.lower()
        for _, title in HEADING.findall(CODE.sub("", path.read_text(encoding="utf-8")))
    ]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def broken_links(path):
    """Relative links of a notebook that lead to no file or to no heading."""
    for cell_id, text in prose(nbformat.read(path, as_version=4)):
        for link in ("".join(groups) for groups in LINK.findall(text)):
            if re.match(r"[a-z]+:", link):
                continue  # another site: not ours to hold
            name, _, fragment = link.partition("#")
            target = path.parent / name if name else path
            if not target.exists() or fragment and fragment not in anchors(target):
                yield f"{cell_id}: {link}"


def test_there_are_notebooks():
    assert PATHS


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_notebook_keeps_the_rule(rule, path):
    assert list(rule(nbformat.read(path, as_version=4))) == []


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.name)
def test_a_lecture_is_neither_short_nor_long(path):
    kinds = [slide_type(cell) for cell in nbformat.read(path, as_version=4).cells]
    assert 8 <= kinds.count("slide") + kinds.count("subslide") <= 32


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    assert list(broken_links(path)) == []


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
