"""Notebooks as standalone HTML pages, readable with the network off.

Formulas become MathML here and not in the reader's browser, pictures are part of the page, and
nothing is loaded from elsewhere. The looks are in `templates/`, on top of nbconvert's own.
"""

import base64
import html
import re
import struct
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

TEMPLATES = str(Path(__file__).parent / "templates")
PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munderover": 3}


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


def is_ours(url):
    """Whether an address is one of our own files or a part of the page, and no other site."""
    return not re.match(r"[a-z]+:", url)


class Renderer(IPythonRenderer):
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
        if is_ours(url):
            url = re.sub(r"\.ipynb(?=#|$)", self.suffix, url)
        return super().link(text, url, title)


class Offline:
    """What pages and slides share; comes before an exporter of nbconvert."""

    renderer = Renderer

    def __init__(self, template):
        super().__init__(template_name=template, extra_template_basedirs=[TEMPLATES])

    def markdown2html(self, source):
        renderer = self.renderer(self.file_extension, path=self.folder)
        return MarkdownWithMath(renderer).render(source)

    def export(self, path):
        """The notebook at `path` as the text of an HTML file."""
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                self._show_without_scripts(output, path, cell)
        self.prepare(notebook, path)
        self.folder = str(path.parent)  # where pictures in Markdown are looked for
        name = {"metadata": {"name": path.stem}}
        return self.from_notebook_node(notebook, resources=name)[0]

    def prepare(self, notebook, path):
        """Change `notebook` as this kind of export needs."""

    def picture(self, png, path, cell):
        """Where the HTML finds a picture of a cell, given in base64: in itself."""
        return f"data:image/png;base64,{png}"

    def _show_without_scripts(self, output, path, cell):
        """Give an output that holds a picture or a formula the HTML that shows it."""
        data = output.get("data", {})
        if "image/png" in data:
            alt = html.escape(output.metadata.get("image/png", {}).get("alt", ""))
            if not alt:
                where = f"{path.name}, cell {cell.id}"
                raise ValueError(f"a picture must have the metadata alt, got none in {where}")
            png = data["image/png"].replace("\n", "")
            width, height = struct.unpack(">II", base64.b64decode(png[:44])[16:24])
            data["text/html"] = (
                f'<img src="{self.picture(png, path, cell)}" alt="{alt}" '
                f'width="{width}" height="{height}">'
            )
        elif "text/latex" in data:
            formula = data["text/latex"].strip("$").removeprefix(r"\displaystyle")
            data["text/html"] = mathml(formula, "block")


class PageExporter(Offline, HTMLExporter):
    """A notebook as one HTML page, for reading, printing and archives."""

    def __init__(self):
        super().__init__("page")
