"""The pages of the site: the text of each notebook and text of the series, in one frame.

A page is a tree of elements that further steps read: the search its sections, the book its text.
Pictures become files beside the pages, so that a page is painted before they are there.
"""

import ast
import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from helpers.publishing.notebooks import NOTEBOOKS, PAGES, ROOT, SERIES, SHOWN
from helpers.publishing.pages import TEMPLATES, Offline, Renderer
from helpers.publishing.site.symbols import explain

TEMPLATE = Path(TEMPLATES) / "site"
TITLE = "How Fast Can It Train?"
FOLDED_FROM = 16  # lines of code: what is longer begins folded, as do the imports
CONTROL = re.compile(r"^\w+Control\(", re.MULTILINE)
KINDS = {  # what comes alive in a page, by what the code of its cell holds
    "control": CONTROL,
    "prediction": re.compile(r"\bPrediction\("),
    "reveal": re.compile(r"\.reveal\("),
    "exercise": re.compile(r"\.check\("),
}


@dataclass
class Page:
    """A page of the site.

    Parameters
    ----------
    name : str
        Of its file.
    title : str
        Its first heading, without marks.
    short : str
        What others call it in a list.
    article : bs4.Tag
        Its text.
    about : str
        A sentence on it.
    number : str
        Of its notebook, "" if it is none.
    live : dict
        What comes alive in it: by the id of its cell its kind and its code.
    links : list of (str, str)
        Addresses and words of other forms of it.
    symbols : list of (str, str)
        Symbols that it uses, with their meanings.
    """

    name: str
    title: str
    short: str
    article: object
    about: str = ""
    number: str = ""
    live: dict = field(default_factory=dict)
    links: list = field(default_factory=list)
    symbols: list = field(default_factory=list)

    @property
    def stem(self):
        return self.name.removesuffix(".html")

    @property
    def contents(self):
        """Its sections, as (id, heading)."""
        return [(heading["id"], words(heading)) for heading in self.article("h2")]


class SiteRenderer(Renderer):
    """Links lead to the pages of the site, also those to texts that are no notebooks."""

    def link(self, text, url, title=None):
        if ":" not in url:
            url = re.sub(r"\.md(?=#|$)", self.suffix, url)
        return super().link(text, url, title)


class SiteExporter(Offline, HTMLExporter):
    """The text of a notebook as HTML without a frame; its pictures are kept in `pictures`."""

    renderer = SiteRenderer

    def __init__(self):
        super().__init__("site")
        self.exclude_input_prompt = self.exclude_output_prompt = True
        self.pictures, self.live = {}, {}

    def picture(self, png, path, cell):
        same = sum(name.startswith(f"{path.stem[:2]}-{cell.id}.") for name in self.pictures)
        name = f"{path.stem[:2]}-{cell.id}.{same + 1}.png" if same else f"{path.stem[:2]}-{cell.id}.png"
        self.pictures[name] = base64.b64decode(png)
        return f"pictures/{name}"

    def prepare(self, notebook, path):
        earlier = []
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            lines = cell.source.splitlines()
            imports = not earlier
            cell.metadata["summary"] = "Imports" if imports else "Code"
            cell.metadata["folded"] = imports or len(lines) >= FOLDED_FROM
            kind = next((kind for kind, mark in KINDS.items() if mark.search(cell.source)), None)
            if kind and cell.outputs:
                # It stands in the last output, after what the cell prints and draws besides.
                cell.outputs[-1].setdefault("metadata", {})["live"] = kind
                needs = slice_of(earlier, cell.source)
                self.live[cell.id] = {"kind": kind, "code": cell.source, "needs": needs}
            earlier.append(cell.source)


def slice_of(earlier, code):
    """The statements of earlier cells that a piece of code needs, in their order.

    Parameters
    ----------
    earlier : list of str
        The code of the cells before.
    code : str

    Returns
    -------
    str
        Imports hold only the names that are used.
    """
    wanted, kept = _names(ast.parse(code), ast.Load), []
    for statement in reversed([s for cell in earlier for s in ast.parse(cell).body]):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            statement.names = [
                alias
                for alias in statement.names
                if (alias.asname or alias.name).partition(".")[0] in wanted
            ]
            if statement.names:
                kept.append(statement)
            continue
        if _bound(statement) & wanted:
            wanted |= _names(statement, ast.Load)
            kept.append(statement)
    return "\n".join(map(ast.unparse, reversed(kept)))


def _names(tree, context):
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }


def _bound(statement):
    """The names that a statement gives a value, or changes: `x = 1`, `def x()`, `x["a"] = 1`."""
    defined = {
        node.name
        for node in ast.walk(statement)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    changed = {
        name
        for node in ast.walk(statement)
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store)
        for name in _names(node, ast.Load)
    }
    return defined | changed | _names(statement, ast.Store)


def words(element):
    """The text of an element without the marks that only a pointer uses."""
    return " ".join(
        "".join(
            piece
            for piece in element.strings
            if not any("anchor-link" in parent.get("class", []) for parent in piece.parents)
        ).split()
    )


def page_of(notebook):
    """The page of a notebook, and the files of its pictures by their names."""
    exporter = SiteExporter()
    article = tree(exporter.export(notebook.path))
    page = Page(
        f"{notebook.stem}.html",
        words(article.h1),
        f"{notebook.number} · {notebook.title}",
        article,
        about=notebook.question,
        number=notebook.number,
        live=exporter.live,
    )
    if notebook in SHOWN:
        page.links.append((f"slides/{notebook.stem}.slides.html", "Slides"))
    page.symbols = explain(article, notebook.number)
    return page, exporter.pictures


def page_of_text(path):
    """The page of a text in Markdown."""
    article = tree(markdown(path.read_text(encoding="utf-8"), path.parent))
    title = words(article.h1)
    return Page(f"{path.stem}.html", title, title, article)


def markdown(text, folder=NOTEBOOKS):
    return MarkdownWithMath(SiteRenderer(".html", path=str(folder))).render(text)


def start_page(more):
    """The first page: what the README says of the series, and the way to all else.

    Parameters
    ----------
    more : list of (str, str)
        Addresses and words of what is no page.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    introduction = readme.partition("\n```")[0].replace("](notebooks/", "](")
    rows = "\n".join(
        f"| [{n.number} · {n.title}]({n.name}) | {n.question} | {n.minutes} |" for n in SERIES
    )
    table = f"| notebook | question | minutes |\n|---|---|---|\n{rows}"
    texts = [(path.name, page_of_text(path).title) for path in PAGES]
    more = "\n".join(f"- [{words}]({address})" for address, words in [*texts, *more])
    article = tree(markdown(f"{introduction}\n\n## The notebooks\n\n{table}\n\n## More\n\n{more}"))
    return Page("index.html", TITLE, "Start", article, about=words(article.p))


def tree(html):
    """Elements of a page, with boxes around what may be wider than a window."""
    article = BeautifulSoup(html, "html.parser")
    for element in article.select("table, math[display=block]"):
        element.wrap(article.new_tag("div", attrs={"class": "wide"}))
    for picture in article("img"):
        picture["loading"] = "lazy"
    for style in article("style"):  # what pandas says of its tables, site.css says too
        style.decompose()
    return article


def frame(page, pages, live=False):
    """The whole HTML of a page among all pages.

    Parameters
    ----------
    page : Page
    pages : list of Page
    live : bool
        Whether the script is there that brings the page to life.

    Returns
    -------
    str
    """
    series = [other for other in pages if other.number]
    at = series.index(page) if page in series else None
    template = SiteExporter().environment.get_template("frame.html.j2")
    return template.render(
        {key: getattr(page, key) for key in ("name", "about", "number", "contents", "symbols")},
        title=page.title if page.title == TITLE else f"{page.title} · {TITLE}",
        body=str(page.article),
        links=page.links,
        pages=pages,
        before=series[at - 1] if at else None,
        after=series[at + 1] if at is not None and at + 1 < len(series) else None,
        live=live,
    )
