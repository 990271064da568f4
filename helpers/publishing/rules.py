"""House rules for every notebook: each rule is a function that yields its complaints.

`store` ends with them, and the tests run them: each is seen there to refuse what breaks it.
"""

import ast
import json
import re
from itertools import groupby

import nbformat

from helpers.publishing.notebooks import HEADING, SHOWN, read
from helpers.publishing.traces import METADATA, WIDGET_VIEW

CELL_METADATA = {"tags", "slideshow"}
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
SLIDES = range(8, 33)  # of a lecture
RULES = []  # what `rule` is put in front of


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


def is_readable(cell_id):
    return SLUG.fullmatch(cell_id) and not GENERATED.match(cell_id)


def rule(function):
    RULES.append(function)
    return function


@rule
def format_is_4_5(notebook):
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"nbformat {notebook.nbformat}.{notebook.nbformat_minor}"


@rule
def metadata_is_minimal(notebook):
    if notebook.metadata != METADATA:
        yield f"notebook metadata {notebook.metadata}"
    for cell in notebook.cells:
        if not cell.metadata.keys() <= CELL_METADATA:
            yield f"{cell.id}: metadata {sorted(cell.metadata)}"


@rule
def ids_are_slugs(notebook):
    for cell in notebook.cells:
        if not is_readable(cell.id):
            yield f"{cell.id}: not a readable slug"


@rule
def ids_are_unique(notebook):
    for name, same in groupby(sorted(cell.id for cell in notebook.cells)):
        if len(list(same)) > 1:
            yield f"{name}: id used twice"


@rule
def tags_are_known(notebook):
    for cell in notebook.cells:
        for tag in set(cell.metadata.get("tags", [])) - TAGS:
            yield f"{cell.id}: tag {tag}"


@rule
def no_cell_is_empty(notebook):
    for cell in notebook.cells:
        if not cell.source.strip():
            yield f"{cell.id}: empty"


@rule
def first_cell_is_the_only_title(notebook):
    titles = [
        cell_id
        for cell_id, text in prose(notebook)
        for marks, _ in HEADING.findall(text)
        if marks == "#"
    ]
    if titles != [notebook.cells[0].id]:
        yield f"titles (# ...) in {titles}, expected one, in the first cell"


@rule
def counts_run_from_one(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts {counts}"


@rule
def errors_are_announced(notebook):
    for cell in code_cells(notebook):
        raises = any(output.output_type == "error" for output in cell.outputs)
        if raises != ("raises-exception" in cell.metadata.get("tags", [])):
            yield f"{cell.id}: error output and tag raises-exception go together"


@rule
def no_code_cell_is_long(notebook):
    for cell in code_cells(notebook):
        if (lines := len(cell.source.splitlines())) > MAX_LINES:
            yield f"{cell.id}: {lines} lines"


@rule
def never_three_code_cells_in_a_row(notebook):
    for kind, run in groupby(notebook.cells, key=lambda cell: cell.cell_type):
        ids = [cell.id for cell in run]
        if kind == "code" and len(ids) > 2:
            yield f"code cells without a word between them: {ids}"


@rule
def imports_stand_in_the_first_code_cell(notebook):
    for cell in code_cells(notebook)[1:]:
        if imports(cell):
            yield f"{cell.id}: import outside the first code cell"


@rule
def imports_name_what_they_import(notebook):
    for cell in code_cells(notebook):
        if any(alias.name == "*" for node in imports(cell) for alias in node.names):
            yield f"{cell.id}: star import"


@rule
def python_without_magics(notebook):
    """Magics (%), shell (!) and help (?) are not Python."""
    for cell in code_cells(notebook):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"{cell.id}: {error}"
        if "get_ipython" in cell.source:
            yield f"{cell.id}: get_ipython"


@rule
def no_line_ends_in_a_semicolon(notebook):
    """A semicolon hides an output from the reader but not from nbval."""
    for cell in code_cells(notebook):
        if re.search(r";\s*$", cell.source, re.MULTILINE):
            yield f"{cell.id}: trailing semicolon"


@rule
def a_reveal_ends_its_cell(notebook):
    """Only the value of a cell's last line is shown: above it, no answer would be."""
    for cell in code_cells(notebook):
        if any(".reveal(" in ast.unparse(line) for line in syntax(cell).body[:-1]):
            yield f"{cell.id}: a reveal above the last line, which shows nothing"


@rule
def pictures_in_outputs_have_alt_text(notebook):
    for cell_id, output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            alt = output.metadata.get("image/png", {}).get("alt", "")
            if len(alt) < MIN_ALT_LENGTH:
                yield f"{cell_id}: alt text {alt!r}"


@rule
def pictures_in_prose_have_alt_text(notebook):
    for cell_id, text in prose(notebook):
        for image in IMAGE.finditer(text):
            if not ((image["alt"] or image["html"] or "").strip()):
                yield f"{cell_id}: picture without alt text"


@rule
def no_widget_view_is_stored(notebook):
    """Without a kernel it shows as an error box."""
    for cell_id, output in outputs(notebook):
        if WIDGET_VIEW in output.get("data", {}):
            yield f"{cell_id}: stored widget view"


@rule
def nothing_is_written_to_stderr(notebook):
    for cell_id, output in outputs(notebook):
        if output.get("name") == "stderr":
            yield f"{cell_id}: {output.text}"


@rule
def no_output_names_a_path_of_the_machine(notebook):
    for cell_id, output in outputs(notebook):
        data = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
        if found := MACHINE_PATH.search(json.dumps({**output, "data": data})):
            yield f"{cell_id}: {found[0]}"


@rule
def file_is_small(notebook):
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_BYTES:
        yield f"{size} bytes"


def slide_type(cell):
    return cell.metadata.get("slideshow", {}).get("slide_type")


@rule
def every_cell_has_a_slide_type(notebook):
    for cell in notebook.cells:
        if slide_type(cell) not in SLIDE_TYPES:
            yield f"{cell.id}: slide type {slide_type(cell)}"


@rule
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


@rule
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


def exercises_are_those_of_the_module(notebook, exercises):
    """`store` writes them; what it cannot decide is what to do with those that are left over."""
    wanted = [f"{kind}-{slug(name)}" for name in exercises for kind in ("exercise", "check")]
    ids = [cell.id for cell in notebook.cells]
    stated = [name for name in ids if name.startswith("exercise-") or name in wanted]
    for cell_id in stated:
        if cell_id not in wanted:
            yield f"{cell_id}: no such exercise in its module of questions"
    if sorted(stated) == sorted(wanted) and stated != wanted:
        yield f"exercises in another order than in their module: {stated}"
    for cell_id in wanted:
        if cell_id not in stated:
            yield f"{cell_id}: stands in the module of questions, and in no cell"


def slug(name):
    """The name of an exercise as part of an id."""
    return name.replace("_", "-")


def a_lecture_is_neither_short_nor_long(notebook):
    kinds = [slide_type(cell) for cell in notebook.cells]
    if (count := kinds.count("slide") + kinds.count("subslide")) not in SLIDES:
        yield f"{count} slides, expected {SLIDES.start} to {SLIDES.stop - 1}"


def anchors(path):
    """The fragments that a link to this notebook or Markdown file may use."""
    titles = {title for _, text in texts(path) for _, title in HEADING.findall(text)}
    if path.suffix == ".ipynb":  # Jupyter keeps case and punctuation
        return {title.replace(" ", "-") for title in titles}
    return {fragment(title) for title in titles}


def fragment(title):
    """What leads to a heading of a Markdown file, as GitHub forms it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def texts(path):
    """The prose of a notebook or of a Markdown file, as `prose` gives it."""
    if path.suffix == ".ipynb":
        return prose(read(path))
    return [(path.name, CODE.sub("", path.read_text(encoding="utf-8")))]


def broken_links(path):
    """Relative links of a notebook or a Markdown file that lead to no file or to no heading."""
    for where, text in texts(path):
        for link in ("".join(groups) for groups in LINK.findall(text)):
            if re.match(r"[a-z]+:", link):
                continue  # another site: not ours to hold
            name, _, fragment = link.partition("#")
            target = path.parent / name if name else path
            if not target.exists() or fragment and fragment not in anchors(target):
                yield f"{where}: {link}"


def complaints(notebook):
    """All that is wrong with a notebook of the series, a line each."""
    cells = read(notebook.path)
    for keeps in RULES:
        yield from (f"{keeps.__name__}: {complaint}" for complaint in keeps(cells))
    yield from exercises_are_those_of_the_module(cells, notebook.exercises)
    if notebook in SHOWN:
        yield from a_lecture_is_neither_short_nor_long(cells)
    yield from broken_links(notebook.path)
