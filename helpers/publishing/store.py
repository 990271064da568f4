"""Run notebooks from a clean kernel and store their outputs, so that a re-run changes no line.

python -m helpers.publishing.store [notebook ...]   without a name: every notebook, and the
                                                    README's picture and count of numbers
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from helpers.catalog import device
from helpers.pictures.drawing import png
from helpers.pictures.roofline import plot_roofline
from helpers.publishing.notebooks import NOTEBOOKS, ROOT
from helpers.publishing.server import METADATA, drop_traces

CELL_METADATA = {"tags", "slideshow"}


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
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in CELL_METADATA}
        for output in cell.get("outputs", []):
            if output.output_type == "error":  # the frames hold paths, the message does not
                output.traceback = [f"{output.ename}: {output.evalue}"]


def store(path):
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent)
    normalise(notebook)
    nbformat.write(notebook, path)


def store_readme_picture():
    v100 = device("V100-SXM2")
    ax = plot_roofline(v100.peak_fp32, v100.bandwidth, {"I₁": 2, "I₂": 100}, name="V100, FP32")
    (NOTEBOOKS / "images" / "roofline.png").write_bytes(png(ax.figure, scale=1.5))


def store_readme_count():
    sys.path.insert(0, str(ROOT / "tests"))
    from test_claims import share_of_numbers  # reads the notebooks: not before they are stored

    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    count = re.compile(r"Of the \d+ numbers in its prose .* by a source\.")
    readme.write_text(count.sub(share_of_numbers(), text), encoding="utf-8")


def main(arguments):
    paths = [Path(name) for name in arguments] or sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in paths:
        try:
            store(path)
        except CellExecutionError as error:
            sys.exit(f"{path.name} raises and is left as it was:\n{error}")
        print(f"stored {path.name}")
    if not arguments:
        store_readme_picture()
        store_readme_count()


if __name__ == "__main__":
    main(sys.argv[1:])
