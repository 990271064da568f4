"""Run notebooks from a clean kernel and store them as the tests want them, so that a re-run
changes no line.

python -m helpers.publishing.store [notebook ...]   without a name: every notebook, the README's
                                                    picture, and the errors of `foretold`

Before a notebook runs, the question and the check of each exercise are written into it, and cells
get a readable id and a slide type where they have none. Afterwards the pages get the titles, the
minutes, the polls and the numbers that can be computed, and the rules that still fail are named.
"""

import difflib
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.catalog import device
from helpers.pictures.drawing import png
from helpers.pictures.roofline import plot_roofline
from helpers.publishing import blocks, claims, rules
from helpers.publishing.foretold import store_foretold
from helpers.publishing.notebooks import (
    EXERCISES,
    NOTEBOOKS,
    PAGES,
    PATHS,
    SERIES,
    exercises,
    unlisted,
)
from helpers.publishing.traces import METADATA, drop_traces

INTRO = f"""## {EXERCISES}

Put your answer in place of `None` and run the cell. A number may carry its unit, in quotes: \
`"15.7 Tflop/s"`. A formula may be a SymPy expression or text in quotes: `"V / pi"`. The key is \
computed when you ask, by the same functions as the texts above. `.hint()` in place of \
`.check(...)` gives a hint, `.solution()` the solution."""
SKIPPED = {"slideshow": {"slide_type": "skip"}}


def execute(notebook, folder):
    """Run every cell in a fresh kernel that works in `folder`, and keep the outputs."""
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": str(folder)}},
        kernel_name="python3",
        coalesce_streams=True,  # how print is cut into messages depends on timing
        record_timing=False,
        store_widget_state=False,
    )
    client.execute()


def normalise(notebook):
    """Drop what differs from machine to machine or cannot be shown without a kernel."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = 5
    drop_traces(notebook)
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in rules.CELL_METADATA}
        for output in cell.get("outputs", []):
            if output.output_type == "error":  # the frames hold paths, the message does not
                output.traceback = [f"{output.ename}: {output.evalue}"]


def write_exercises(cells, exercises):
    """Write the question and the check of each exercise into their cells, in place.

    Parameters
    ----------
    cells : list
        Of a notebook. New ones come after those of the exercise before, on no slide.
    exercises : dict
        Each exercise by its name, in order.
    """
    last = None
    for name, exercise in exercises.items():
        arguments = "".join(f", {own}=None" for own in exercise.own)
        check = f"exercises.{name}.check(None{arguments})"
        for cell_id, new, source in (
            (f"exercise-{rules.slug(name)}", new_markdown_cell, exercise.statement),
            (f"check-{rules.slug(name)}", new_code_cell, check),
        ):
            found = next((cell for cell in cells if cell.id == cell_id), None)
            if found is None:
                found = new(source, id=cell_id, metadata=SKIPPED)
                cells.insert(cells.index(last or _before_exercises(cells)) + 1, found)
            last = found
            last.source = source


def _before_exercises(cells):
    """The cell after which the exercises begin; written where a notebook has none yet."""
    ids = [cell.id for cell in cells]
    if first := [place for place, cell_id in enumerate(ids) if cell_id.startswith("exercise-")]:
        return cells[first[0] - 1]
    if "exercises-intro" not in ids:
        place = ids.index("next") if "next" in ids else len(ids)
        cells.insert(place, new_markdown_cell(INTRO, id="exercises-intro", metadata=SKIPPED))
        return cells[place]
    return cells[ids.index("exercises-intro")]


def name_cells(cells):
    """Give a readable id, in place, to each cell whose id an editor made up."""
    taken = {cell.id for cell in cells}
    above = "start"
    for cell in cells:
        if not rules.is_readable(cell.id):
            words = re.findall(r"[a-z][a-z0-9]*", cell.source.lower())[:4]
            is_code = cell.cell_type == "code"
            wanted = f"{above}-code" if is_code else "-".join(words) or f"{above}-text"
            wanted = "title" if cell is cells[0] else wanted
            numbered = (f"{wanted}-{number}" for number in range(2, len(cells) + 2))
            cell.id = next(name for name in (wanted, *numbered) if name not in taken)
            taken.add(cell.id)
        if cell.cell_type == "markdown":
            above = cell.id


def place_on_slides(cells):
    """Give a slide type, in place, to each cell without one."""
    asked, section = False, ""
    for place, cell in enumerate(cells):
        is_code = cell.cell_type == "code"
        headings = [] if is_code else rules.HEADING.findall(cell.source)
        section = headings[-1][1] if headings else section
        if rules.slide_type(cell) is None:
            first_code = is_code and all(other.cell_type != "code" for other in cells[:place])
            if section == EXERCISES or first_code or "Prediction(" in cell.source:
                kind = "skip"
            elif headings:
                kind = "slide"
            else:
                kind = "fragment" if is_code and asked else "-"
            cell.metadata["slideshow"] = {"slide_type": kind}
        asked = not is_code and bool(rules.ASKS.search(cell.source))


def store(path):
    """Write what a notebook must hold, run it, and store it; it stays as it was if it raises."""
    notebook = nbformat.read(path, as_version=4)
    write_exercises(notebook.cells, exercises(path.name))
    name_cells(notebook.cells)
    place_on_slides(notebook.cells)
    execute(notebook, path.parent)
    normalise(notebook)
    nbformat.write(notebook, path)


def store_readme_picture():
    v100 = device("V100-SXM2")
    ax = plot_roofline(v100.peak_fp32, v100.bandwidth, {"I₁": 2, "I₂": 100}, name="V100, FP32")
    (NOTEBOOKS / "images" / "roofline.png").write_bytes(png(ax.figure, scale=1.5))


def store_pages():
    """Write into notebooks and pages what can be computed: last of all how many numbers hold."""
    for entry in SERIES:
        notebook = nbformat.read(entry.path, as_version=4)
        before = [cell.source for cell in notebook.cells]
        blocks.retell(entry, notebook.cells)
        if [cell.source for cell in notebook.cells] != before:
            nbformat.write(notebook, entry.path)
    for path, write in (
        (blocks.TEACHING, blocks.teaching),
        (blocks.README, blocks.readme),
        (blocks.README, count_numbers),
    ):
        path.write_text(write(path.read_text(encoding="utf-8")), encoding="utf-8")


def count_numbers(text):
    """The README with how many numbers of the prose are supported."""
    return re.sub(r"Of the \d+ numbers in its prose .* by a source\.", claims.share(), text)


def found(name):
    """The path of a notebook of the series, by its file, its name or its number."""
    found = [p for p in PATHS if name in (p.name, p.stem, p.stem[:2]) or Path(name).resolve() == p]
    if not found:
        near = difflib.get_close_matches(Path(name).stem, [p.stem for p in PATHS], n=1)
        meant = f"; did you mean {near[0]}?" if near else "."
        sys.exit(f"There is no notebook {name!r} in the series{meant}")
    return found[0]


def main(arguments):
    paths = [found(name) for name in arguments] or PATHS
    for path in paths:
        try:
            store(path)
        except CellExecutionError as error:
            sys.exit(f"{path.name} raises and is left as it was:\n{error}")
        print(f"stored {path.name}")
    if not arguments:
        store_readme_picture()
        store_foretold()
    wrong = list(unlisted())
    if not wrong:
        store_pages()
        for entry in SERIES:
            wrong += [f"{entry.name}: {complaint}" for complaint in rules.complaints(entry)]
        wrong += blocks.complaints()
        for path in PATHS + PAGES:
            lines = claims.complaints(path)
            wrong += [f"{path.name}: nothing supports {line}" for line in lines]
            if lines:
                file = f"tests/claims/{path.stem}.toml"
                wrong.append(f"  print it in a cell near by, or declare it in {file}")
    if wrong:
        sys.exit("\n".join(["These rules still fail:", *wrong]))


if __name__ == "__main__":
    main(sys.argv[1:])
