"""Notebooks as standalone HTML pages and as slides, readable with the network off.

python -m helpers.pages     build the slides of all lectures, and a page that lists them

Formulas become MathML here and not in the reader's browser, pictures are part of the page, and
nothing is loaded from elsewhere. The looks are in `templates/`, on top of nbconvert's own.
"""

import base64
import html
import re
import shutil
import struct
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter, SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.v4 import new_markdown_cell, new_output

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
EXAMINATION = "11_examination.ipynb"  # is worked on, not shown
LECTURES = sorted(path for path in NOTEBOOKS.glob("*.ipynb") if path.name != EXAMINATION)
SLIDES = ROOT / "build" / "slides"
TEMPLATES = str(Path(__file__).parent / "templates")
# Where `series.py open` shows the notebooks, unless `build/live.js` names another port. JupyterLab
# sends a second window of one workspace to another address, so this is a workspace of its own. It
# scrolls to a cell only if the notebook is open already: the first click on a link opens it, the
# second goes to the cell.
LAB = "http://localhost:8888/lab/workspaces/slides/tree"
CONTROL = re.compile(r"^\w+Control\(", re.MULTILINE)
REVEAL = re.compile(r"\n\w+\.reveal\(.*\)$")
HEADING = re.compile(r"^#{1,2} +(.+)$", re.MULTILINE)
SHORT, LONG = 5, 8  # lines of code that a slide shows beside a figure, and above other outputs
PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munderover": 3}
INDEX = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>How Fast Can It Train? Slides</title>
<style>body {{ font: 20px/1.6 sans-serif; margin: 3em auto; max-width: 40em; }}</style>
<h1>How Fast Can It Train? Slides</h1>
<ul>
{links}
</ul>
<p>Space steps on, Shift+Space back, S shows the speaker's notes, Esc all slides, F the full
screen. The links "Move it live" need JupyterLab: start <code>python3 series.py open</code> first.
The first click opens the notebook, the second goes to the cell.</p>
</html>
"""


def mathml(formula, display="inline"):
    r"""MathML of a LaTeX formula without its dollars.

    Parameters
    ----------
    formula : str
    display : {"inline", "block"}

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If `display` is neither, or if a part of the formula cannot be converted: it would be
        missing on the page.

    Examples
    --------
    >>> mathml("x").partition("<mrow>")[2]
    '<mi>x</mi></mrow></math>'
    """
    if display not in ("inline", "block"):
        raise ValueError(f"display must be 'inline' or 'block', got {display!r}")
    try:
        converted = convert(formula, display=display)
    except Exception as error:  # latex2mathml has no common base class for its complaints
        raise ValueError(
            f"formula must be LaTeX that latex2mathml knows, got {formula!r}"
        ) from error
    # What it does not know it passes through, and what is missing it leaves out.
    if unknown := re.search(r"\\[a-zA-Z]*", converted):
        raise ValueError(f"formula must use known commands, got {unknown[0]} in {formula!r}")
    for element in ElementTree.fromstring(converted).iter():
        if len(element) != PARTS.get(element.tag.rpartition("}")[2], len(element)):
            raise ValueError(f"formula must have all arguments of its commands, got {formula!r}")
    return converted


class _Renderer(IPythonRenderer):
    """Markdown with formulas as MathML, and links that lead to the exported notebooks."""

    def __init__(self, suffix, **options):
        super().__init__(escape=False, embed_images=True, **options)
        self.suffix = suffix

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        return mathml(body, "block")

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def link(self, text, url, title=None):
        if url == EXAMINATION and self.suffix == ".slides.html":
            url = f"{LAB}/{url}"
        elif ":" not in url:
            url = re.sub(r"\.ipynb(?=#|$)", self.suffix, url)
        return super().link(text, url, title)


class _Offline:
    """What pages and slides share; comes before an exporter of nbconvert."""

    def __init__(self, template):
        super().__init__(template_name=template, extra_template_basedirs=[TEMPLATES])

    def markdown2html(self, source):
        renderer = _Renderer(self.file_extension, path=self.folder)
        return MarkdownWithMath(renderer).render(source)

    def export(self, path):
        """The notebook at `path` as the text of an HTML file."""
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                _show_without_scripts(output, f"{path.name}, cell {cell.id}")
        self.prepare(notebook, path)
        self.folder = str(path.parent)  # where pictures in Markdown are looked for
        name = {"metadata": {"name": path.stem}}
        return self.from_notebook_node(notebook, resources=name)[0]

    def prepare(self, notebook, path):
        """Change `notebook` as this kind of export needs."""


class PageExporter(_Offline, HTMLExporter):
    """A notebook as one HTML page, for reading, printing and archives."""

    def __init__(self):
        super().__init__("page")


class LectureExporter(_Offline, SlidesExporter):
    """A notebook as slides of 1280 x 720 pixels, with reveal.js in the folder `reveal` beside."""

    def __init__(self):
        super().__init__("lecture")
        self.reveal_url_prefix = "reveal"
        self.reveal_theme = "white"
        self.exclude_input_prompt = self.exclude_output_prompt = True

    def prepare(self, notebook, path):
        _head_every_slide(notebook)
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            # In a lecture the hall has predicted, not the notebook.
            cell.source = REVEAL.sub("", cell.source)
            cell.outputs = [output for output in cell.outputs if not _is_unasked_reveal(output)]
            pictured = any("image/png" in output.get("data", {}) for output in cell.outputs)
            if cell.outputs and len(cell.source.splitlines()) > (SHORT if pictured else LONG):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hidden"]
            if CONTROL.search(cell.source):
                url = f"{LAB}/{path.name}#cell-id={cell.id}"
                link = f'<a class="live" href="{url}" target="lab">Move it live in JupyterLab</a>'
                cell.outputs.append(new_output("display_data", {"text/html": link}))


def _head_every_slide(notebook):
    """Repeat the title of the section in a small line on each slide without a title of its own."""
    section, cells = "", []
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        titles = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if titles:
            section = titles[-1]
        elif section and kind in {"slide", "subslide"}:
            here = {"slideshow": {"slide_type": kind}, "tags": ["section"]}
            cells.append(new_markdown_cell(section, metadata=here))
            cell.metadata["slideshow"] = {"slide_type": "-"}
        cells.append(cell)
    notebook.cells = cells


def _is_unasked_reveal(output):
    return output.get("data", {}).get("text/plain", "").startswith("No prediction.")


def _show_without_scripts(output, where):
    """Give an output that holds a picture or a formula the HTML that shows it."""
    data = output.get("data", {})
    if "image/png" in data:
        alt = html.escape(output.metadata.get("image/png", {}).get("alt", ""))
        if not alt:
            raise ValueError(f"a picture must have the metadata alt, got none in {where}")
        picture = data["image/png"].replace("\n", "")
        width, height = struct.unpack(">II", base64.b64decode(picture[:44])[16:24])
        data["text/html"] = (
            f'<img src="data:image/png;base64,{picture}" alt="{alt}" '
            f'width="{width}" height="{height}">'
        )
    elif "text/latex" in data:
        formula = data["text/latex"].strip("$").removeprefix(r"\displaystyle")
        data["text/html"] = mathml(formula, "block")


def build_slides(folder=SLIDES):
    """Write the slides of every lecture, what they load and an index into a folder.

    Parameters
    ----------
    folder : Path
        Made anew, if it is not there, empty, or an earlier build.

    Returns
    -------
    Path
        The index.

    Raises
    ------
    ValueError
        If the folder holds anything else.
    """
    if folder.exists():
        earlier = (folder / "index.html").is_file() and (folder / "reveal").is_dir()
        if not folder.is_dir() or any(folder.iterdir()) and not earlier:
            raise ValueError(f"folder must be new, empty or an earlier build, got {folder}")
        shutil.rmtree(folder)
    reveal = files("sphinx_revealjs") / "_static" / "revealjs"
    for part in ("dist", "plugin/notes"):
        shutil.copytree(
            reveal / part, folder / "reveal" / part, ignore=shutil.ignore_patterns("*.map")
        )
    for text in NOTEBOOKS.glob("*.md"):  # the slides link to it
        shutil.copy(text, folder)
    links = []
    for path in LECTURES:
        exporter = LectureExporter()
        slides = folder / (path.stem + exporter.file_extension)
        slides.write_text(exporter.export(path), encoding="utf-8")
        links.append(f'<li><a href="{slides.name}">{path.stem.replace("_", " ")}</a></li>')
    index = folder / "index.html"
    index.write_text(INDEX.format(links="\n".join(links)), encoding="utf-8")
    return index


if __name__ == "__main__":
    print(f"Slides: {build_slides()}")
