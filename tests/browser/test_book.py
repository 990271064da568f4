"""The book and the hand-outs as Chromium prints them: all of them is there, whole and in its place.

What the chapters say is tested without a browser, in test_site.py.
"""

import copy
import re
import shutil
import unicodedata
from os.path import commonprefix
from types import SimpleNamespace
from urllib.parse import unquote

import nbformat
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from helpers.publishing.blocks import ALONE
from helpers.publishing.claims import passages
from helpers.publishing.notebooks import PAGES, SERIES, SHOWN
from helpers.publishing.prose_numbers import quantities
from helpers.publishing.site import book, build, lite, live, vendor
from helpers.publishing.site.pages import markdown, tree
from test_slides import BROKEN

PATHS = [*(notebook.path for notebook in SERIES), *PAGES]
everywhere = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
# px of A4 between the margins of site.css; what is wider is printed smaller with all else.
SHEET = {"width": int((210 - 2 * 16) * 96 / 25.4), "height": int((297 - 18 - 20) * 96 / 25.4)}
# What would be cut: at the side, at the end of a sheet, and in a box that scrolls on a screen.
CUT = """([width, height]) => {
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        const report = problem =>
            found.push(`${problem}: ${element.tagName} ${element.textContent.slice(0, 60)}`);
        if (box.left < -1 || box.right > width + 1) report("sticks out");
        if (element.clientWidth && element.scrollWidth > element.clientWidth + 1
            && !element.closest("math")) report("holds more than it shows");
        if (style.breakInside === "avoid" && box.height > height) report("higher than a sheet");
        if (element.tagName === "IMG" && !element.naturalWidth) report("no picture");
    }
    return found;
}"""
SLIDES = "document.querySelectorAll('.slides > section > section')"
OUT_OF_FRAME = """[...SLIDES].flatMap(slide => {
    const frame = slide.getBoundingClientRect(), found = [];  // its line is 8 px further out
    const parts = document.createTreeWalker(slide, NodeFilter.SHOW_ALL);
    while (parts.nextNode()) {
        const part = parts.currentNode, range = document.createRange();
        if (part.nodeType === Node.TEXT_NODE ? !part.data.trim() : part.tagName !== "IMG") continue;
        range.selectNode(part);
        for (const box of range.getClientRects())
            if (box.left < frame.left || box.right > frame.right
                || box.top < frame.top || box.bottom > frame.bottom + 2)
                found.push(part.textContent || part.alt);
    }
    return found;
})""".replace("SLIDES", SLIDES)
# The pieces of which a font makes a high bracket, in the order in which a PDF has them.
BRACKETS = {"⎛⎜*⎝": "(", "⎞⎟*⎠": ")", "⎡⎢*⎣": "[", "⎤⎥*⎦": "]"}


@pytest.fixture(scope="module")
def printed(browser, tmp_path_factory):
    """The folder of the site, the page that was printed, the PDF, and the letters of its sheets."""

    def build_nothing(folder, offline):
        raise vendor.Missing("tested elsewhere")

    def print_and_keep(page, pdf):
        print_page(page, pdf)
        shutil.copy(page, page.with_name("kept.html"))

    print_page = book.print_page
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "build", build_nothing)
        patch.setattr(lite, "build", build_nothing)
        patch.setattr(book, "print_page", print_and_keep)
        patch.setattr(build.checks, "complaints", lambda *_: [])  # not of the page that was kept
        folder = build.build_site(tmp_path_factory.mktemp("book") / "site").parent
    page = folder / "kept.html"
    pdf = PdfReader(folder / book.PDF)
    texts = [sheet.extract_text() for sheet in pdf.pages]
    # First stands the number below; the cover has none.
    bodies = texts[:1] + [text.removeprefix(f"{n}\n") for n, text in enumerate(texts[1:], 2)]
    assert all(map(str.__ne__, texts[1:], bodies[1:]))
    return SimpleNamespace(
        folder=folder,
        page=page,
        tree=BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser"),
        pdf=pdf,
        begins=book.sheets(folder / book.PDF),
        sheets=[letters(text) for text in bodies],
    )


def letters(text):
    """A text without what a printer may set otherwise: spaces, fi as one letter, 𝐼 for I."""
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    for pieces, bracket in BRACKETS.items():
        text = re.sub(pieces, bracket, text)
    return text


def sheets_of(printed, path):
    """The letters of the sheets of a chapter; each begins on a sheet of its own."""
    numbers = [printed.begins[f"#{other.stem}"] - 1 for other in PATHS] + [None]
    at = PATHS.index(path)
    return printed.sheets[numbers[at] : numbers[at + 1]]


def set_as_printed(element):
    """A copy of an element with what a browser writes of its own."""
    element = copy.copy(element)
    for listed in element("ol"):
        for number, item in enumerate(listed("li", recursive=False), 1):
            item.insert(0, f"{number}.")
    for root in element("msqrt"):
        root.insert(0, "√")
    return element


def first_difference(sheets, element):
    """Where sheets say anything else than an element of the page, as (number, sheet, page).

    A table that goes on on the next sheet has its head there again. None if all is the same.
    """
    rest = letters(element.get_text())
    heads = [letters(head.get_text()) for head in element("thead")]
    for number, sheet in enumerate(sheets):
        begins = [sheet, *(sheet[len(head) :] for head in heads if sheet.startswith(head))]
        said = next((text for text in begins if rest.startswith(text)), None)
        if said is None:
            same = len(commonprefix([sheet, rest]))
            return number, sheet[same:][:80], rest[same:][:80]
        rest = rest[len(said) :]
    return (len(sheets), "", rest[:80]) if rest else None


@everywhere
def test_a_chapter_is_printed_letter_for_letter(printed, path):
    """Prose, code, outputs, tables and formulas, each in its place."""
    article = set_as_printed(printed.tree.find("article", id=path.stem))
    assert len(article("math")) >= 3 or path.stem[:2] not in ("03", "04", "05")
    assert first_difference(sheets_of(printed, path), article) is None


def test_a_difference_is_seen():
    article = tree("<p>a</p><table><thead><tr><th>x</th></tr></thead><tr><td>b</td></tr></table>")
    assert first_difference(["ax", "xb"], article) is None
    assert first_difference(["axb"], article) is None
    assert first_difference(["ax", "b", "b"], article)[0] == 2
    assert first_difference(["ax"], article) == (1, "", "b")
    assert first_difference(["ax", "xc"], article) == (1, "xc", "b")


@everywhere
def test_the_book_says_what_the_notebook_says(printed, path):
    if path.suffix == ".ipynb":
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.id != ALONE]
        sources = [cell.source for cell in cells if cell.cell_type == "markdown"]
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        said = [o.text for c in cells for o in c.get("outputs", []) if "text" in o]
    else:
        sources, code, said = [path.read_text(encoding="utf-8")], [], []
    lines = [line for text in [*code, *said] for line in text.splitlines()]
    for source in sources:
        article = tree(markdown(source))
        for element in [*article("math"), *article("a", class_="anchor-link")]:
            element.replace_with("\n\n")
        lines += [text for block in article.find_all(string=True) for text in block.split("\n\n")]
    text = "".join(sheets_of(printed, path))
    missing = [line for line in lines if letters(line) not in text]
    assert missing == []


@everywhere
def test_every_number_of_the_prose_is_printed_in_its_order(printed, path):
    text, at = "".join(sheets_of(printed, path)), 0
    for passage in passages(path):
        for number in quantities(passage.text):
            digits = number.text.partition(" ")[0]  # the unit may follow a later number
            at = text.find(digits, at) + 1
            assert at, f"{digits} in {passage.place}: {passage.text[:200]}"


def test_the_contents_tell_the_sheets(printed):
    entries = printed.tree.select("nav.book a")
    assert len(entries) == len(PATHS) + len(printed.tree.select("article h2"))
    for entry in entries:
        heading, number = (span.text for span in entry("span"))
        begins = printed.sheets[int(number) - 1].startswith(letters(heading))
        assert letters(heading) in printed.sheets[int(number) - 1], heading
        assert begins or "--" in entry["href"], heading  # a chapter has a sheet of its own
    chapter = printed.sheets.index(sheets_of(printed, PATHS[0])[0])
    contents = printed.tree.select_one("nav.book")
    assert first_difference(printed.sheets[1:chapter], contents) is None


def outline(entries):
    for entry in entries:
        yield from outline(entry) if isinstance(entry, list) else [entry]


def test_no_heading_is_the_last_line_of_a_sheet(printed):
    for entry in outline(printed.pdf.outline):
        number = printed.pdf.get_destination_page_number(entry)
        assert not printed.sheets[number].endswith(letters(entry.title)), number + 1


def links(pdf):
    return [link.get_object() for sheet in pdf.pages for link in sheet.get("/Annots", [])]


def test_the_book_has_an_outline(printed):
    found = [letters(entry.title) for entry in outline(printed.pdf.outline)]
    assert found == [letters(h.get_text()) for h in printed.tree.select("h1, h2, h3, h4")]


def test_links_lead_inside_the_book_or_to_the_web(printed):
    inside = [link["/Dest"] for link in links(printed.pdf) if "/Dest" in link]
    assert len(inside) > 250 and set(inside) <= printed.pdf.named_destinations.keys()
    wanted = {link["href"] for link in printed.tree("a", href=re.compile("^#"))}
    assert wanted == {"#" + unquote(name[1:]) for name in inside}
    outside = [link["/A"]["/URI"] for link in links(printed.pdf) if "/A" in link]
    assert outside and all(re.match("https?://", address) for address in outside)


def test_nothing_of_the_book_is_cut(browser, printed):
    page = browser.new_page(viewport=SHEET)
    page.emulate_media(media="print")
    page.goto(printed.page.as_uri())
    assert page.evaluate(CUT, list(SHEET.values())) == []
    assert page.evaluate(f"({BROKEN})(document.body)") == []
    page.close()


def test_the_book_is_printed_in_its_size(printed):
    """Chromium would print everything smaller if one thing were too wide."""
    sizes = {
        tuple(round(float(side)) for side in sheet.mediabox[2:]) for sheet in printed.pdf.pages
    }
    assert sizes == {(595, 842)}
    sizes = []

    def see(text, transform, matrix, font, size):
        sizes.append(round(size * abs(transform[3] * matrix[3]), 1))

    printed.pdf.pages[5].extract_text(visitor_text=see)
    assert 10.5 in sizes  # points, as site.css says


def test_the_hand_outs_have_two_slides_on_a_sheet(printed):
    pdf = PdfReader(printed.folder / "slides" / book.HANDOUTS)
    sheets = 0
    for notebook in SHOWN:
        cells = nbformat.read(notebook.path, as_version=4).cells
        kinds = [cell.metadata["slideshow"]["slide_type"] for cell in cells]
        sheets += -(-(kinds.count("slide") + kinds.count("subslide")) // 2)
    assert len(pdf.pages) == sheets


def test_nothing_of_a_slide_sticks_out_of_its_frame_on_the_hand_outs(browser, printed):
    page = browser.new_page(viewport={"width": 1280, "height": 1828})
    page.emulate_media(media="print")
    page.goto((printed.folder / "slides" / "kept.html").as_uri())
    assert page.evaluate(f"{SLIDES}.length") > 200
    assert page.evaluate(OUT_OF_FRAME) == []
    page.close()
