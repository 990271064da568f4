"""The pages as a book: one PDF, one EPUB, and the slides as hand-outs.

All of them are made of the trees of the pages. Chromium prints; where there is none, the EPUB is
made all the same.
"""

import copy
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from html import escape
from urllib.parse import unquote

import yaml
from pypdf import PdfReader

from helpers.publishing.notebooks import ROOT, SHOWN
from helpers.publishing.pages import is_ours
from helpers.publishing.site.archive import put
from helpers.publishing.site.browser import NO_CHROMIUM, find_chromium, print_page
from helpers.publishing.site.pages import TEMPLATE, TITLE, tree

PDF, EPUB, HANDOUTS = "how-fast-can-it-train.pdf", "how-fast-can-it-train.epub", "handouts.pdf"
MEDIA = {".png": "image/png", ".css": "text/css", ".xhtml": "application/xhtml+xml"}
NAMESPACES = (
    'xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
    'lang="en" xml:lang="en"'
)


def build(folder, pages, say):
    """Write the book and the hand-outs.

    Parameters
    ----------
    folder : Path
        Of the site; its pictures and slides are there already.
    pages : list of Page
        The chapters.
    say : callable
        Told each step, in a line.

    Returns
    -------
    list of (str, str)
        Address and words of each file that was made.
    """
    write_epub(folder / EPUB, pages, folder / "pictures")
    say("EPUB")
    made = [(EPUB, "All pages as a book, EPUB")]
    if not find_chromium():
        say(f"NO PDF, NO HAND-OUTS: {NO_CHROMIUM}")
        return made
    with ThreadPoolExecutor() as printers:  # a browser each
        book = printers.submit(print_book, folder, pages)
        print_handouts(folder / "slides")
        say(f"slides/{HANDOUTS}")
        book.result()
        say(PDF)
    return [
        (PDF, "All pages as a book, PDF"),
        *made,
        (f"slides/{HANDOUTS}", "Hand-outs of the slides, PDF"),
    ]


def chapter(page, address):
    """The text of a page as a chapter, a new tree.

    Parameters
    ----------
    page : Page
    address : callable
        Given the stem of a page and the id of a part of it or "", where that is in the book.
    """
    article = copy.copy(page.article)
    for code in article("details"):  # nothing is folded on paper
        code.name = "div"
        del code["open"]
        code.summary.decompose()
    for link in article("a", class_="anchor-link"):
        link.decompose()
    for picture in article("img"):
        del picture["loading"]
    for cell in article("td", string=re.compile(r"^[\d.,]+ \S+$")):  # a number and its unit
        cell["class"] = "whole"
    for element in article(id=True):
        element["id"] = address(page.stem, element["id"]).partition("#")[2]
    for link in article("a", href=True):
        name, _, part = link["href"].partition("#")
        if name.endswith(".csv"):  # beside the pages, and no part of a book
            link.unwrap()
        elif is_ours(link["href"]):
            link["href"] = address(name.removesuffix(".html") or page.stem, unquote(part))
    return article


def _contents(pages, entry):
    """The table of contents as items of a list.

    `entry` makes the HTML of one, given the stem of a page, the id of a part or "", and its words.
    """
    return "".join(
        f"<li>{entry(page.stem, '', page.title)}<ol>"
        + "".join(f"<li>{entry(page.stem, *section)}</li>" for section in page.contents)
        + "</ol></li>\n"
        for page in pages
    )


def about():
    """What CITATION.cff says of the series."""
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


# The PDF.


def _in_one_file(stem, part):
    return f"#{stem}--{part}" if part else f"#{stem}"


def print_book(folder, pages):
    """Print the book twice: where the headings came to lie tells the contents the second time.

    Raises
    ------
    ValueError
        If a heading of the contents lies on no sheet, or on another one the second time.
    """
    page, found = folder / "book.html", None
    for _ in range(2):
        told = found
        page.write_text(book_page(pages, told), encoding="utf-8")
        print_page(page, folder / PDF)
        found = sheets(folder / PDF)
    page.unlink()
    if found != told:
        raise ValueError(f"{PDF}: the numbers in the contents have moved the text")


def sheets(pdf):
    """The number of the sheet on which each part of a PDF begins, by its address."""
    book = PdfReader(pdf)
    return {
        "#" + unquote(name.removeprefix("/")): book.get_destination_page_number(place) + 1
        for name, place in book.named_destinations.items()
    }


def book_page(pages, numbers=None):
    """All chapters in one page, for the printer.

    Parameters
    ----------
    pages : list of Page
    numbers : dict, optional
        The number of a sheet for each address in the contents; room is left for them otherwise.

    Raises
    ------
    ValueError
        If an address has no number.
    """

    def entry(stem, part, words):
        address = _in_one_file(stem, part)
        number = "" if numbers is None else numbers.get(address)
        if number is None:
            raise ValueError(f"{PDF}: {address} of the contents lies on no sheet")
        return f'<a href="{escape(address)}"><span>{escape(words)}</span> <span>{number}</span></a>'

    said, contents = about(), _contents(pages, entry)
    chapters = "".join(
        f'<article id="{page.stem}">{chapter(page, _in_one_file)}</article>\n' for page in pages
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>
<link rel="stylesheet" href="{TEMPLATE.as_uri()}/site.css">
<link rel="stylesheet" href="{TEMPLATE.as_uri()}/book.css"></head><body>
<div class="cover"><p class="title">{TITLE}</p><p>{escape(said["abstract"])}</p>
<p>Version {said["version"]}, {said["date-released"]}. Text and pictures: CC BY 4.0. Code: MIT.</p>
</div><nav class="book"><h1>Contents</h1><ol>{contents}</ol></nav>
{chapters}</body></html>"""


def print_handouts(slides):
    """Print the slides in a folder two on a sheet."""
    page = slides / "book.html"
    page.write_text(handouts_page(slides), encoding="utf-8")
    print_page(page, slides / HANDOUTS)
    page.unlink()


def handouts_page(slides):
    """The slides of all lectures in one page for the printer, two on a sheet with room to write."""
    lectures = []
    for notebook in SHOWN:
        html = (slides / f"{notebook.stem}.slides.html").read_text(encoding="utf-8")
        head, _, body = html.partition("</head>")
        found = tree(body).select_one(".slides")
        for notes in found("aside"):
            notes.decompose()
        for picture in found("img"):
            del picture["loading"]
        lectures.append(
            f'<div class="reveal"><div class="slides">{found.decode_contents()}</div></div>'
        )
    styles = "".join(re.findall(r"<style.*?</style>|<link [^>]*stylesheet[^>]*>", head, re.DOTALL))
    # The class keeps reveal.js from laying out for paper in its own way.
    return f"""<!DOCTYPE html>
<html lang="en" class="print-pdf"><head><meta charset="utf-8">
<title>{TITLE} Hand-outs</title>{styles}
<link rel="stylesheet" href="{TEMPLATE.as_uri()}/handouts.css"></head><body>
{"".join(lectures)}</body></html>"""


# The EPUB.


def _in_many_files(stem, part):
    return f"{stem}.xhtml#{part}" if part else f"{stem}.xhtml"


def write_epub(path, pages, pictures):
    """Write an EPUB 3, the same bytes for the same pages.

    Parameters
    ----------
    path : Path
        Of the file.
    pages : list of Page
        The chapters.
    pictures : Path
        The folder of their pictures.
    """
    said = about()
    files = {"style.css": (TEMPLATE / "epub.css").read_bytes()}
    for page in pages:
        body = chapter(page, _in_many_files)
        for box in body("div", class_="wide"):  # a book has no window to scroll
            box.unwrap()
        files[f"{page.stem}.xhtml"] = _xhtml(page.title, body.decode(formatter="minimal"))
        for picture in page.article("img", src=re.compile("^pictures/")):
            name = picture["src"].removeprefix("pictures/")
            files[f"pictures/{name}"] = (pictures / name).read_bytes()

    def entry(stem, part, words):
        return f'<a href="{escape(_in_many_files(stem, part))}">{escape(words)}</a>'

    contents = _contents(pages, entry).replace("<ol></ol>", "")
    nav = f'<nav epub:type="toc"><h1>Contents</h1><ol>{contents}</ol></nav>'
    files["nav.xhtml"] = _xhtml("Contents", nav)
    cover = f"<h1>{TITLE}</h1><p>{escape(said['abstract'])}</p>"
    files["title.xhtml"] = _xhtml(
        TITLE, f"{cover}<p>Version {said['version']}. Text and pictures: CC BY 4.0. Code: MIT.</p>"
    )
    items = "".join(_item(name, data) for name, data in files.items())
    order = ["title.xhtml", "nav.xhtml", *(f"{page.stem}.xhtml" for page in pages)]
    spine = "".join(f'<itemref idref="{_id(name)}"/>' for name in order)
    package = f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">how-fast-can-it-train-{said["version"]}</dc:identifier>
<dc:title>{TITLE}</dc:title><dc:language>en</dc:language>
<dc:creator>{escape(said["authors"][0]["name"])}</dc:creator>
<dc:rights>Text and pictures: CC BY 4.0. Code: MIT.</dc:rights>
<meta property="dcterms:modified">{said["date-released"]}T00:00:00Z</meta>
</metadata>
<manifest>{items}</manifest><spine>{spine}</spine></package>"""
    container = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""
    with zipfile.ZipFile(path, "w") as book:
        put(book, "mimetype", b"application/epub+zip", zipfile.ZIP_STORED)  # first, as it is
        put(book, "META-INF/container.xml", container.encode())
        put(book, "book/package.opf", package.encode())
        for name, data in files.items():
            put(book, f"book/{name}", data)


def _xhtml(title, body):
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html {NAMESPACES}><head><title>{escape(title)}</title>
<link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>{body}</body></html>""".encode()


def _id(name):
    return "f-" + re.sub(r"[^\w.-]", "-", name)


def _item(name, data):
    media = MEDIA[re.search(r"\.\w+$", name)[0]]
    holds = ["nav"] if name == "nav.xhtml" else []
    holds += ["mathml"] if b"<math" in data and media == MEDIA[".xhtml"] else []
    properties = f' properties="{" ".join(holds)}"' if holds else ""
    return f'<item id="{_id(name)}" href="{name}" media-type="{media}"{properties}/>'
