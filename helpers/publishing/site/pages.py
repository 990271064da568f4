"""The pages of the site: the text of each notebook and text of the series, in one frame.

A page is a tree of elements that further steps read: the search its sections, the book its text.
Pictures become files beside the pages, so that a page is painted before they are there.
"""

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from helpers.publishing.blocks import ALONE
from helpers.publishing.notebooks import NOTEBOOKS, PAGES, ROOT, SERIES, SHOWN
from helpers.publishing.pages import TEMPLATES, Offline, Renderer, is_ours
from helpers.publishing.rules import fragment
from helpers.publishing.site.symbols import explain

TEMPLATE = Path(TEMPLATES) / "site"
TITLE = "How Fast Can It Train?"


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
        if is_ours(url):
            url = re.sub(r"\.md(?=#|$)", self.suffix, url)
        return super().link(text, url, title)


class SiteExporter(Offline, HTMLExporter):
    """The text of a notebook as HTML without a frame; its pictures are kept in `pictures`.

    Parameters
    ----------
    notebook : Notebook
    attributes : callable, optional
        Given the notebook and the id of a cell, the HTML attributes of what comes alive there, or
        "". Without it nothing does.
    """

    renderer = SiteRenderer

    def __init__(self, notebook=None, attributes=None):
        super().__init__("site")
        self.exclude_input_prompt = self.exclude_output_prompt = True
        self.notebook, self.attributes, self.pictures = notebook, attributes, {}

    def picture(self, png, path, cell):
        stem = f"{path.stem[:2]}-{cell.id}"
        same = sum(name.startswith(f"{stem}.") for name in self.pictures)
        name = f"{stem}.{same + 1}.png" if same else f"{stem}.png"
        self.pictures[name] = base64.b64decode(png)
        return f"pictures/{name}"

    def prepare(self, notebook, path):
        # A page of the site is not a file that somebody got alone.
        notebook.cells = [cell for cell in notebook.cells if cell.id != ALONE]
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for cell in code:
            imports = cell == code[0]
            cell.metadata.update(summary="Imports" if imports else "Code", folded=imports)
            if self.attributes and cell.outputs:
                # What comes alive is the last output; before it stands what the cell prints.
                live = self.attributes(self.notebook, cell.id)
                cell.outputs[-1].setdefault("metadata", {})["live"] = live


def words(element):
    """The text of an element without the marks that only a pointer uses."""
    return " ".join(
        "".join(
            piece
            for piece in element.strings
            if not any("anchor-link" in parent.get("class", []) for parent in piece.parents)
        ).split()
    )


def page_of(notebook, attributes=None):
    """The page of a notebook, and the files of its pictures by their names."""
    exporter = SiteExporter(notebook, attributes)
    article = tree(exporter.export(notebook.path))
    page = Page(
        f"{notebook.stem}.html",
        words(article.h1),
        f"{notebook.number} · {notebook.title}",
        article,
        about=notebook.question,
        number=notebook.number,
    )
    if notebook in SHOWN:
        page.links.append((f"slides/{notebook.stem}.slides.html", "Slides"))
    page.symbols = explain(article, notebook.number)
    return page, exporter.pictures


def page_of_text(path):
    """The page of a text in Markdown."""
    article = tree(markdown(path.read_text(encoding="utf-8"), path.parent))
    for heading in article(["h1", "h2", "h3"]):
        heading["id"] = fragment(words(heading))  # as the links of the text have it
        heading.find(class_="anchor-link")["href"] = f"#{heading['id']}"
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
    table = f"| notebook | question | minutes |\n|---|---|---:|\n{rows}"
    texts = [(path.name, page_of_text(path).title) for path in PAGES]
    more = "\n".join(f"- [{words}]({address})" for address, words in [*texts, *more])
    article = tree(markdown(f"{introduction}\n\n## The notebooks\n\n{table}\n\n## More\n\n{more}"))
    return Page("index.html", TITLE, "Start", article, about=words(article.p))


def tree(html):
    """Elements of a page, with boxes around what may be wider than a window."""
    article = BeautifulSoup(html, "html.parser")
    for element in article.select("table, math[display=block]"):
        element.wrap(article.new_tag("div", attrs={"class": "wide"}))
    for element in article(id=True):
        element["id"] = unquote(element["id"])
    for picture in article("img"):
        picture["loading"] = "lazy"
    for box in article("input", type="checkbox"):  # of a list: nothing can be ticked here
        box.replace_with("☑ " if box.has_attr("checked") else "☐ ")
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
