"""Every notebook as a page: nothing is missing with scripts and network off.

Each rule is a function that yields its complaints about the HTML of a notebook. RULES pairs it
with ways to break the HTML, and each rule is seen to refuse each of them.
"""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, UnidentifiedImageError

from helpers.publishing.notebooks import PATHS, SERIES, SHOWN
from helpers.publishing.pages import PageExporter, mathml
from helpers.publishing.slides import CONTROL, LAB, LONG, SHORT, LectureExporter, build_slides
from helpers.publishing.traces import METADATA

pytestmark = pytest.mark.slow  # exports every notebook, and builds the slides
EXAMINATION = SERIES[-1].name
EXPORTERS = [PageExporter, LectureExporter]
MIN_ALT_LENGTH = 40
FORMULA = re.compile(r"\$\$.+?\$\$|(?<![\\$])\$[^$\n]+\$", re.DOTALL)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
REMOTE = re.compile(r"(?:https?:)?//")
REMOTE_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//")
# What GitHub, nbviewer and paper can show.
SHOWN_ANYWHERE = {"image/png", "text/plain", "text/html", "text/latex", "text/markdown"}
VOID = {"img", "link", "meta", "br", "hr", "input"}


class Page(HTMLParser):
    """What a test asks about a page."""

    def __init__(self, text):
        super().__init__()
        self.pictures, self.loaded, self.links, self.classes, self.maths = [], [], [], set(), 0
        self.styles, self.prose, self._open = "", "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.classes |= set((attrs.get("class") or "").split())
        self.maths += tag == "math"
        if tag == "img":
            self.pictures.append(attrs)
        if tag == "a":
            self.links.append(attrs.get("href", ""))
        elif target := attrs.get("src") or attrs.get("href"):
            self.loaded.append(target)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if "style" in self._open:
            self.styles += data
        elif not {"script", "pre", "code", "math"} & set(self._open):
            self.prose += data


def stored(notebook, kind):
    """Every output of a kind in a notebook, as (data, metadata)."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [(o.data[kind], o.metadata.get(kind, {})) for o in outputs if kind in o.get("data", {})]


def no_error_box(page, notebook):
    if "jupyter-widgets" in page.classes:
        yield "a widget view"
    for words in ("could not be displayed", "Error displaying widget", "Loading widget"):
        if words in page.prose:
            yield words


def pictures_are_there(page, notebook):
    expected = len(stored(notebook, "image/png"))
    if len(page.pictures) < expected:
        yield f"{len(page.pictures)} pictures in place of {expected}"
    for picture in page.pictures:
        try:
            Image.open(BytesIO(base64.b64decode(picture["src"].partition(";base64,")[2]))).verify()
        except (UnidentifiedImageError, KeyError):
            yield f"broken picture {picture.get('alt')!r}"


def pictures_state_what_they_show(page, notebook):
    for picture in page.pictures:
        alt = picture.get("alt") or ""
        if len(alt) < MIN_ALT_LENGTH or re.search(r"\.(png|svg|jpe?g)\b", alt):
            yield f"alt text {alt!r}"
    alts = [picture.get("alt") for picture in page.pictures]
    for _, metadata in stored(notebook, "image/png"):
        if metadata.get("alt") not in alts:
            yield f"not on the page: {metadata.get('alt')!r}"


def nothing_is_loaded_from_elsewhere(page, notebook):
    yield from filter(REMOTE.match, page.loaded)
    yield from REMOTE_STYLE.findall(page.styles)


def formulas_are_mathml(page, notebook):
    prose = [CODE.sub("", c.source) for c in notebook.cells if c.cell_type == "markdown"]
    formulas = sum(len(FORMULA.findall(text)) for text in prose)
    expected = formulas + len(stored(notebook, "text/latex"))
    if page.maths != expected:
        yield f"{page.maths} formulas in place of {expected}"
    yield from FORMULA.findall(page.prose)
    yield from re.findall(r"\\[a-zA-Z]+", page.prose)


RULES = {
    no_error_box: [
        lambda html: html.replace("</main>", '<div class="jupyter-widgets x"></div></main>'),
        lambda html: html.replace("</main>", "<p>Error displaying widget</p></main>"),
    ],
    pictures_are_there: [
        lambda html: re.sub(r"<img [^>]*>", "", html, count=1),
        lambda html: html.replace('src="data:image/png;base64,', 'src="data:image/png;base64,AAAA'),
        lambda html: html.replace('src="data:image', 'src="plot.png" data-x="'),
    ],
    pictures_state_what_they_show: [
        lambda html: re.sub(r' alt="[^"]*"', "", html),
        lambda html: re.sub(r' alt="[^"]*"', ' alt=""', html),
        lambda html: re.sub(
            r' alt="[^"]*"', ' alt="The file is folder/of/figures/roofline.png"', html
        ),
        lambda html: re.sub(r' alt="A slanted', ' alt="Slanted', html),
    ],
    nothing_is_loaded_from_elsewhere: [
        lambda html: html.replace("</head>", '<script src="https://cdn.example/x.js"></script>'),
        lambda html: html.replace("</head>", '<link rel="stylesheet" href="//cdn.example/x.css">'),
        lambda html: html.replace("</head>", "<style>@import 'https://cdn.example/x';</style>"),
        lambda html: html.replace("</main>", '<img src="http://example.org/x.png">'),
    ],
    formulas_are_mathml: [
        lambda html: re.sub(r"<math.*?</math>", "", html, count=1),
        lambda html: re.sub(r"<math.*?</math>", "$x$", html, count=1),
        lambda html: html.replace("</main>", r"<p>\frac</p></main>"),
    ],
}
WAYS_TO_BREAK = [
    pytest.param(rule, spoil, id=f"{rule.__name__}-{number}")
    for rule, spoils in RULES.items()
    for number, spoil in enumerate(spoils, start=1)
]


def sample(*cells):
    """A notebook with a formula of each kind and a picture."""
    file = BytesIO()
    Image.new("RGB", (4, 3)).save(file, format="png")
    alt = "A slanted line that rises to a corner and stays level from there on."
    picture = new_output(
        "display_data",
        {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": alt},
        metadata={"image/png": {"alt": alt}},
    )
    formula = new_output("display_data", {"text/latex": r"$\displaystyle \frac{V}{\pi}$"})
    return new_notebook(
        cells=[
            new_markdown_cell("# Title\n\n$x$ and\n\n$$\\frac{1}{x}$$", id="title"),
            new_code_cell("draw()", id="draw", outputs=[picture, formula]),
            *cells,
        ],
        metadata=METADATA,
    )


def exported(exporter, notebook, folder):
    nbformat.write(notebook, folder / "sample.ipynb")
    return exporter().export(folder / "sample.ipynb")


@pytest.fixture(scope="module")
def pages():
    """The HTML of every notebook in both forms."""
    return {(path, exporter): exporter().export(path) for path in PATHS for exporter in EXPORTERS}


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_page_keeps_the_rules(pages, path, exporter):
    page = Page(pages[path, exporter])
    notebook = nbformat.read(path, as_version=4)
    if exporter is LectureExporter:  # what is not shown cannot be missing
        notebook.cells = [c for c in notebook.cells if c.metadata.slideshow.slide_type != "skip"]
    assert [complaint for rule in RULES for complaint in rule(page, notebook)] == []


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_rules_accept_a_good_page(exporter, tmp_path):
    notebook = sample()
    page = Page(exported(exporter, notebook, tmp_path))
    assert [complaint for rule in RULES for complaint in rule(page, notebook)] == []


@pytest.mark.parametrize(("rule", "spoil"), WAYS_TO_BREAK)
def test_rule_refuses_a_bad_page(rule, spoil, tmp_path):
    notebook = sample()
    html = exported(PageExporter, notebook, tmp_path)
    assert spoil(html) != html
    assert list(rule(Page(spoil(html)), notebook)) != []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_outputs_are_of_kinds_that_every_renderer_shows(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            assert output.get("data", {}).keys() <= SHOWN_ANYWHERE, cell.id
            html = output.get("data", {}).get("text/html", "<table>")
            assert "<table" in html and "<script" not in html, cell.id


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_control_leaves_a_still_picture(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and CONTROL.search(cell.source):
            assert ["image/png" in output.get("data", {}) for output in cell.outputs] == [True]


def test_there_are_controls():
    texts = [path.read_text(encoding="utf-8") for path in PATHS]
    assert sum(text.count("Control(") for text in texts) >= 7


@pytest.mark.parametrize("formula", [r"\foo{x}", r"\frac{1}", r"x_1_2", r"\left( x"])
def test_a_formula_that_cannot_be_converted_raises(formula):
    with pytest.raises(ValueError, match="formula must"):
        mathml(formula)


def test_an_unknown_display_raises():
    with pytest.raises(ValueError, match="display must be 'inline' or 'block', got 'foo'"):
        mathml("x", display="foo")


@pytest.mark.parametrize("metadata", [{}, {"image/png": {"alt": ""}}])
def test_a_picture_without_alt_text_stops_the_export_and_is_named(tmp_path, metadata):
    notebook = sample()
    notebook.cells[1].outputs[0].metadata = nbformat.from_dict(metadata)
    with pytest.raises(ValueError, match="alt, got none in sample.ipynb, cell draw"):
        exported(PageExporter, notebook, tmp_path)


def test_a_formula_that_cannot_be_converted_stops_the_export(tmp_path):
    for cell in (
        new_markdown_cell(r"$\foo$", id="bad"),
        new_code_cell(
            "x", id="bad", outputs=[new_output("display_data", {"text/latex": r"$\foo$"})]
        ),
    ):
        with pytest.raises(ValueError, match="foo"):
            exported(PageExporter, sample(cell), tmp_path)


def test_dollars_that_are_no_formula_stay(tmp_path):
    text = "`$a$` costs \\$5 or \\$6\n\n```\n$b$\n```\n\n| x | y |\n|---|---|\n| $c$ | `$d$` |"
    html = exported(PageExporter, sample(new_markdown_cell(text, id="money")), tmp_path)
    page = Page(html)
    assert page.maths == 4  # three of the sample, and $c$
    assert "costs $5 or $6" in page.prose
    assert all(dollars in html for dollars in ("$a$", "$b$", "$d$"))


def test_pictures_in_markdown_become_part_of_the_page(tmp_path):
    Image.new("RGB", (4, 3)).save(tmp_path / "roof.png")
    alt = "A slanted roof that meets a flat roof at the ridge."
    cell = new_markdown_cell(f"![{alt}](roof.png)", id="roof")
    page = Page(exported(PageExporter, sample(cell), tmp_path))
    assert page.pictures[-1]["alt"] == alt
    assert page.pictures[-1]["src"].startswith("data:image/png;base64,")


def test_links_of_the_slides_lead_somewhere(tmp_path):
    index = build_slides(tmp_path / "slides")
    files = [index, *sorted(index.parent.glob("*.slides.html"))]
    assert [Path(link).name for link in Page(index.read_text()).links] == [
        f.name for f in files[1:]
    ]
    assert len(files) == 1 + len(SHOWN)
    for file in files:
        page = Page(file.read_text(encoding="utf-8"))
        for target in page.links + page.loaded:
            name = target.partition("#")[0]
            if ":" not in target and name:
                assert (file.parent / name).exists(), f"{file.name}: {target}"


@pytest.mark.parametrize("name", ["notes.txt", "index.html", "reveal"])
def test_slides_are_not_built_over_something_else(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match="folder must be new, empty or an earlier build, got /"):
        build_slides(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_slides_are_built_anew_over_an_earlier_build(tmp_path):
    build_slides(tmp_path)  # empty so far
    (tmp_path / "of-a-notebook-that-is-gone.slides.html").touch()
    assert "of-a-notebook-that-is-gone.slides.html" not in {
        path.name for path in build_slides(tmp_path).parent.iterdir()
    }


def on_slide(cell, kind):
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def test_every_slide_says_in_which_section_it_is(tmp_path):
    cells = [
        on_slide(new_markdown_cell("## Two π", id="two"), "slide"),
        on_slide(new_markdown_cell("More of it.", id="more"), "subslide"),
        on_slide(new_code_cell("1", id="code"), "subslide"),
        on_slide(new_code_cell("2", id="step"), "fragment"),
        on_slide(new_markdown_cell("## Another", id="other"), "slide"),
        on_slide(new_markdown_cell("### Part\n\nText.", id="part"), "subslide"),
    ]
    html = exported(LectureExporter, sample(*cells), tmp_path)
    slides = re.split(r"</section>\s*<section>", html)
    heads = [re.findall(r'celltag_section"[^>]*>\s*<p>(.*?)</p>', slide) for slide in slides]
    assert heads[-5:] == [[], ["Two π"], ["Two π"], [], ["Another"]]
    assert html.count("<h2") == 2
    assert "celltag_section" not in exported(PageExporter, sample(*cells), tmp_path)


@pytest.mark.parametrize(
    ("lines", "outputs", "hidden"),
    [
        (LONG, ["text"], False),
        (LONG + 1, ["text"], True),
        (LONG + 1, [], False),  # or nothing would be left
        (SHORT, ["picture"], False),
        (SHORT + 1, ["picture"], True),
    ],
)
def test_long_code_is_hidden_where_its_output_is_shown(tmp_path, lines, outputs, hidden):
    made = {
        "text": new_output("stream", text="2\n"),
        "picture": sample().cells[1].outputs[0],
    }
    cell = new_code_cell("print(2)\n" * (lines - 1) + "print(2)", id="code")
    cell.outputs = [made[name] for name in outputs]
    html = exported(LectureExporter, sample(cell), tmp_path)
    assert ("celltag_hidden" in html.partition("</head>")[2]) == hidden


def test_the_slide_of_a_control_links_to_the_live_one(tmp_path):
    cell = new_code_cell("RooflineControl({})", id="control")
    page = Page(exported(LectureExporter, sample(cell), tmp_path))
    assert [link.rpartition("/")[2] for link in page.links if "localhost" in link] == [
        "sample.ipynb#cell-id=control"
    ]


def test_the_examination_is_no_lecture_and_opens_live(tmp_path):
    assert [notebook.name for notebook in SERIES if notebook not in SHOWN] == [EXAMINATION]
    cell = new_markdown_cell(f"[Go]({EXAMINATION}) or [on](01_a.ipynb#b)", id="go")
    slides, page = (
        Page(exported(kind, sample(cell), tmp_path)).links
        for kind in (LectureExporter, PageExporter)
    )
    assert slides[-2:] == [f"{LAB}/{EXAMINATION}", "01_a.slides.html#b"]
    assert page[-2:] == [EXAMINATION.replace(".ipynb", ".html"), "01_a.html#b"]


def test_slides_show_what_is_revealed_without_a_prediction_that_nobody_made(tmp_path):
    said = new_output(
        "execute_result", {"text/plain": "No prediction. The model says 8.72."}, execution_count=1
    )
    printed = new_output("stream", name="stdout", text="gain 8.72\n")
    cell = new_code_cell("print(gain)\nguess.reveal(gain)", outputs=[printed, said])
    slides, page = (
        exported(kind, sample(cell), tmp_path) for kind in (LectureExporter, PageExporter)
    )
    assert "No prediction" not in slides and "guess" not in slides
    assert "gain 8.72" in slides
    assert "No prediction. The model says 8.72." in page
