"""The site without a browser: every page is whole, every link leads somewhere, the book holds all.

Built once, without the parts that need a browser or files from elsewhere.
"""

import hashlib
import json
import re
import zipfile
from io import BytesIO
from types import SimpleNamespace
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from helpers.notation import SHARED
from helpers.publishing.blocks import ALONE
from helpers.publishing.notebooks import PAGES, SERIES, SHOWN, read
from helpers.publishing.site import book, build, checks, lite, live, vendor
from helpers.publishing.site.pages import TEMPLATE, markdown, page_of, tree
from helpers.publishing.site.symbols import MEANINGS, explain

pytestmark = pytest.mark.slow  # exports every notebook, and builds the slides
MOST_BYTES = 600_000  # of a page with all that it loads
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, its pages as trees by name, and what the build said."""
    said = []

    def build_nothing(folder, offline):
        raise vendor.Missing("nothing is fetched in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "build", build_nothing)
        patch.setattr(lite, "build", build_nothing)
        patch.setattr(book, "find_chromium", lambda: None)
        index = build.build_site(tmp_path_factory.mktemp("site") / "site", said.append)
    pages = {path.name: parsed(path) for path in index.parent.glob("*.html")}
    return SimpleNamespace(folder=index.parent, pages=pages, said=said)


def parsed(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def letters(text):
    """A text without what a page may break or set otherwise."""
    return re.sub(r"\s+", "", text)


def shown(notebook):
    """What a notebook says: the text of each cell's prose, code and outputs, by the cell's id."""
    for cell in read(notebook.path).cells:
        if cell.id == ALONE:
            continue  # a page is not a file that somebody got alone
        if cell.cell_type == "markdown":
            article = tree(markdown(cell.source))
            for element in [*article("math"), *article("a", class_="anchor-link")]:
                element.decompose()
            yield from ((cell.id, text) for text in article.strings)
            continue
        yield cell.id, cell.source
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if not {"image/png", "text/html", "text/latex"} & data.keys():
                yield cell.id, output.get("text", data.get("text/plain", ""))
            elif "<table" in (html := data.get("text/html", "")):
                yield from (
                    (cell.id, text)
                    for text in BeautifulSoup(html, "html.parser").strings
                    if "{" not in text
                )  # not its style


def test_there_is_a_page_for_each_notebook_and_text(site):
    names = {f"{path.stem}.html" for path in [*(n.path for n in SERIES), *PAGES]}
    assert site.pages.keys() == names | {"index.html"}


@pytest.mark.parametrize("notebook", SERIES, ids=lambda notebook: notebook.number)
def test_a_page_says_what_its_notebook_says(site, notebook):
    article = site.pages[f"{notebook.stem}.html"].article
    text = letters(article.get_text().replace("¶", ""))
    missing = [(cell, said) for cell, said in shown(notebook) if letters(said) not in text]
    assert missing == []


@pytest.mark.parametrize("notebook", SERIES, ids=lambda notebook: notebook.number)
def test_every_picture_and_formula_is_there(site, notebook):
    article = site.pages[f"{notebook.stem}.html"].article
    outputs = [o for cell in read(notebook.path).cells for o in cell.get("outputs", [])]
    drawn = [o for o in outputs if "image/png" in o.get("data", {})]
    pictures = article("img", src=re.compile("^pictures/"))
    assert [p["alt"] for p in pictures] == [o.metadata["image/png"]["alt"] for o in drawn]
    for picture in pictures:
        with Image.open(site.folder / picture["src"]) as image:
            assert image.size == (int(picture["width"]), int(picture["height"]))
            image.verify()
    assert len({p["src"] for p in pictures}) == len(pictures)
    assert not re.search(r"\$[^$]+\$|\\[a-z]{3}", "".join(prose(article)))


def prose(article):
    hidden = {"math", "pre", "code", "script"}
    return [s for s in article.strings if not hidden & {parent.name for parent in s.parents}]


def test_a_page_is_small(site):
    for name, page in site.pages.items():
        loaded = {e["src"] for e in page("img") if not e["src"].startswith("data:")}
        loaded |= {e["src"] for e in page("script", src=True)} | {"site.css", name}
        # The search loads its own files when it is used.
        total = sum((site.folder / file).stat().st_size for file in loaded)
        assert total < MOST_BYTES, name


def test_pages_lead_from_the_first_notebook_to_the_last_and_back(site):
    order = [f"{notebook.stem}.html" for notebook in SERIES]
    for before, after in zip(order, order[1:], strict=False):
        assert site.pages[before].find("a", rel="next")["href"] == after
        assert site.pages[after].find("a", rel="prev")["href"] == before
    assert site.pages[order[0]].find("a", rel="prev") is None
    assert site.pages[order[-1]].find("a", rel="next") is None


def test_the_contents_of_a_page_are_its_sections(site):
    for notebook in SERIES:
        page = site.pages[f"{notebook.stem}.html"]
        listed = [unquote(link["href"][1:]) for link in page.select(".outline a")]
        assert listed == [title.replace(" ", "-") for title in notebook.sections]


def test_what_cannot_be_had_is_said_and_the_pages_stand_without_it(site):
    assert "NOTHING COMES ALIVE IN THE PAGES: nothing is fetched in this test" in site.said
    assert "NO NOTEBOOK RUNS IN THE BROWSER: nothing is fetched in this test" in site.said
    assert any(line.startswith("NO PDF, NO HAND-OUTS: no chromium found") for line in site.said)
    for page in site.pages.values():
        assert not page.select(".live, script[src^=live]")
        assert not page.find("a", string=lite.WORDS)
    assert not (site.folder / "live").exists() and not (site.folder / "lite").exists()
    assert site.pages["index.html"].find("a", href=book.EPUB)
    assert not site.pages["index.html"].find("a", href=book.PDF)


def test_a_cell_that_comes_alive_is_marked_where_it_does():
    def attributes(notebook, cell):
        return 'class="live" data-kind="reveal"' if cell == "figure-one-plot" else ""

    page, _ = page_of(next(n for n in SERIES if n.number == "03"), attributes)
    (place,) = page.article.select(".live")
    assert place.find_parent("section")["id"] == "cell-id=figure-one-plot"
    assert place.get_text().strip().startswith("No prediction. The model says")  # and no picture


def test_the_slides_of_the_site_lead_to_its_pages(site):
    slides = sorted((site.folder / "slides").glob("*.slides.html"))
    assert len(slides) == len(SHOWN)
    assert not list((site.folder / "slides").glob("*.md"))
    links = [a["href"] for path in slides for a in parsed(path)("a", class_="live")]
    assert len(links) >= 7
    assert all(re.fullmatch(r"\.\./\d\d_\w+\.html#cell-id=[\w-]+", link) for link in links)


# JupyterLite.


def test_a_page_leads_to_its_notebook_in_jupyterlite(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "SERIES", SERIES[3:4])
    page = build._pages(tmp_path, None, True)[0]
    assert page.links[-1] == ("lite/lab/index.html?path=03_roofline.ipynb", lite.WORDS)
    assert ("lite/lab/index.html?path=03_roofline.ipynb", lite.WORDS) not in build._pages(
        tmp_path, None, False
    )[0].links


def test_what_jupyterlite_loads_is_pinned_and_whole(tmp_path):
    """Each package has its hash, all that it depends on is there, and so is what we import."""
    pyodide, place = tmp_path / "pyodide", tmp_path / "place"
    pyodide.mkdir()
    place.mkdir()
    theirs = {"numpy", "matplotlib", "packaging", "pandas", "pillow", "scipy", "sympy"}
    packages = {
        name: {"file_name": f"{name}-1-cp314.whl", "depends": [], "sha256": "0", "imports": []}
        for name in [*theirs, "absent"]
    }
    for name in theirs:
        (pyodide / f"{name}-1-cp314.whl").touch()
    (pyodide / "pyodide-lock.json").write_text(json.dumps({"info": {}, "packages": packages}))
    listed = [
        line.split("==")[0] for line in vendor.WHEELS.read_text().splitlines() if "==" in line
    ]
    listed = [name for name in listed if not name.startswith("jupyter")]
    for name in [*listed, "piplite", "pyodide_kernel", "ipykernel"]:
        with zipfile.ZipFile(place / f"{name.replace('-', '_')}-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", "")
    lite._write_series(place)
    known = lite._lock(pyodide, place, offline=False)["packages"]
    assert "absent" not in known
    assert known["numpy"]["file_name"] == vendor.PYODIDE_CDN + "numpy-1-cp314.whl"
    assert set(lite.FIRST) <= known.keys()
    for package in known.values():
        assert package["sha256"] and set(package["depends"]) <= known.keys()
    ours = known[lite.PROJECT["name"]]
    assert ours["imports"] == ["helpers"]
    assert {"numpy", "ipywidgets", "tqdm"} <= set(ours["depends"])
    assert not {"jupyterlab", "mpi4py", "threadpoolctl"} & set(ours["depends"])
    with zipfile.ZipFile(place / ours["file_name"]) as wheel:
        names = set(wheel.namelist())
    assert {"helpers/roofline.py", "helpers/data/devices.csv"} <= names
    assert not any("publishing" in name for name in names)
    again = lite._lock(pyodide, place, offline=True)["packages"]
    assert all((place / package["file_name"]).is_file() for package in again.values())


def test_a_wheel_of_the_list_that_is_another_stops_the_fetching(monkeypatch, tmp_path):
    done = SimpleNamespace(returncode=1, stderr="THESE PACKAGES DO NOT MATCH THE HASHES")
    monkeypatch.setattr(vendor.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(vendor.Missing, match="wheels.txt could not .* DO NOT MATCH THE HASHES"):
        vendor.wheels(tmp_path)
    assert not list((tmp_path / "wheels").iterdir())
    done.returncode = 0
    assert vendor.wheels(tmp_path) == tmp_path / "wheels"
    done.returncode = 1
    vendor.wheels(tmp_path)  # is there already


# The search.


def test_every_section_can_be_found(site):
    script = (site.folder / "search.js").read_text(encoding="utf-8")
    known = json.loads(script.removeprefix("window.sections = ").rstrip().rstrip(";"))
    for section in known:
        name, _, part = section["address"].partition("#")
        assert not part or site.pages[name].find(id=part), section["address"]
        assert section["heading"] and "¶" not in section["heading"]
        assert section["text"] or section["heading"] == "Notebook by notebook"
    found = [s["address"] for s in known if "Williams, Waterman and Patterson" in s["text"]]
    assert found == ["03_roofline.html#Two-units,-two-times"]
    headings = sum(len(page.article(["h1", "h2", "h3"])) for page in site.pages.values())
    assert len(known) == headings


def test_the_library_that_searches_is_as_its_authors_published_it():
    """MiniSearch 7.2.0 of npm, dist/umd/index.js; its licence goes with it into the site."""
    library = (TEMPLATE / "minisearch.js").read_bytes()
    published = "03c27931eb603af1d3358579e9885eafdb6a2f5fa9929557b3e77d7e99d06d03"
    assert hashlib.sha256(library).hexdigest() == published
    assert "Copyright 2022 Luca Ongaro" in (TEMPLATE / "minisearch-LICENSE.txt").read_text()
    assert "minisearch-LICENSE.txt" in build.ASSETS


# Symbols.


def test_the_symbols_are_those_of_the_notation(site):
    assert MEANINGS["π"] == "peak throughput of the compute unit, in flop/s"
    assert len(MEANINGS) == len(SHARED)
    for notebook in SERIES:
        page = site.pages[f"{notebook.stem}.html"]
        explained = {(a.text, a["title"]) for a in page.article("abbr")}
        pairs = zip(page.select(".contents dt"), page.select(".contents dd"), strict=True)
        assert explained == {(symbol.text, said.text) for symbol, said in pairs}
    explained = site.pages["05_pipelining.html"].article
    assert explained.find("abbr", string="n")["title"] == "equal chunks"
    assert not site.pages["03_roofline.html"].article.find("abbr", string="n")  # sides of a matrix


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a peak π and π", ["π"]),  # once
        ("is βI: π / (I₂β)", ["π"]),  # no part of a product, no index
        ("15.7 flop/s in 10 s, answer in s", []),
        ("s times as fast", ["s"]),
        ("How do I put it together?", []),
        ("I\\* = π/β", ["I*", "π", "β"]),
        ("p′ and `p` and [p](x.html) and $p$", []),
        ("S/s", ["S", "s"]),
        ("π\n\n## Next\n\nπ", ["π", "π"]),  # in each section
    ],
)
def test_a_symbol_is_explained_where_it_stands_alone(text, found):
    article = tree(markdown(text))
    before = article.get_text()
    explain(article, "00")
    assert [abbr.text for abbr in article("abbr")] == found
    assert article.get_text() == before


# What stops the build.

SPOILS = {
    "a.html: leads nowhere: c.html": ("</p>", '<a href="c.html">c</a></p>'),
    "a.html: leads to no such part: b.html#nowhere": ("b.html#there", "b.html#nowhere"),
    "a.html: leads to no such part: #nowhere": ("b.html#there", "#nowhere"),
    "a.html: missing picture: roof.png": ("dot.png", "roof.png"),
    "a.html: missing file: x.js": ("</p>", '</p><script src="x.js"></script>'),
    "a.html: unknown host arxv.org in https://arxv.org/x; known ones are in": ("arxiv", "arxv"),
    "a.html: unknown host mailto in mailto:x@y.z": ("b.html#there", "mailto:x@y.z"),
    "a.html: loads from another host: https://doi.org/x.png": ("dot.png", "https://doi.org/x.png"),
    "a.html: loads from another host: //doi.org/x.js": (
        *("</p>", '</p><script src="//doi.org/x.js"></script>'),
    ),
    "a.html: loads from another host: https://doi.org/s": (
        *("</p>", "</p><style>p { background: url('https://doi.org/s') }</style>"),
    ),
}
GOOD = """<p><a href="b.html#there">b</a> <a href="https://arxiv.org/x">x</a> <img src="dot.png">
<a href="b.html#%CF%80">π</a> <img src="data:image/png;base64,AA=="></p>"""


@pytest.fixture
def small_site(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    (tmp_path / "b.html").write_text('<p id="there">b</p><p id="π"></p>', encoding="utf-8")
    (tmp_path / "a.html").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_a_good_site_has_no_complaints(small_site):
    assert list(checks.complaints(small_site)) == []


@pytest.mark.parametrize("complaint", SPOILS)
def test_what_is_wrong_in_a_page_is_named(small_site, complaint):
    (small_site / "a.html").write_text(GOOD.replace(*SPOILS[complaint]), encoding="utf-8")
    (found,) = checks.complaints(small_site)
    assert found.startswith(complaint)


def test_a_style_that_loads_something_is_named(small_site):
    (small_site / "x.css").write_text('@import "https://example.org/x.css";')
    assert list(checks.complaints(small_site)) == ["x.css: loads https://example.org/x.css"]


def test_a_wrong_page_stops_the_build(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "SERIES", SERIES[:1])
    monkeypatch.setattr(build, "build_slides", lambda *_, **__: None)
    monkeypatch.setattr(build, "_made", lambda *_: False)
    monkeypatch.setattr(book, "find_chromium", lambda: None)
    with pytest.raises(ValueError, match="00_start_here.html: leads nowhere: 01_compute_budget.ht"):
        build.build_site(tmp_path / "site")


@pytest.mark.parametrize("name", ["notes.txt", "index.html", "pictures"])
def test_a_site_is_not_built_over_something_else(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match="folder must be new, empty or an earlier build, got /"):
        build.build_site(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


# The book.


def test_contents_without_the_right_numbers_stop_the_build(monkeypatch, tmp_path):
    page, _ = page_of(SERIES[0])
    parts = [f"#{page.stem}", *(f"#{page.stem}--{part}" for part, _ in page.contents)]
    told = []
    monkeypatch.setattr(book, "print_page", lambda page, _: told.append(parsed(page)))
    found = iter([dict.fromkeys(parts, 3)] * 3 + [dict.fromkeys(parts, 4), {parts[0]: 3}])
    monkeypatch.setattr(book, "sheets", lambda _: next(found))
    book.print_book(tmp_path, [page])
    numbers = [[entry("span")[-1].text for entry in html.select("nav a")] for html in told]
    assert numbers == [[""] * len(parts), ["3"] * len(parts)]
    with pytest.raises(ValueError, match="the numbers in the contents have moved the text"):
        book.print_book(tmp_path, [page])
    with pytest.raises(ValueError, match=f"{parts[1][:20]}.* of the contents lies on no sheet"):
        book.print_book(tmp_path, [page])


# The EPUB.


@pytest.fixture(scope="module")
def epub(site):
    with zipfile.ZipFile(site.folder / book.EPUB) as archive:
        assert archive.testzip() is None
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_epub_is_well_formed_and_lists_what_it_holds(epub):
    assert epub["mimetype"] == b"application/epub+zip"
    for name, data in epub.items():
        if name.endswith((".xhtml", ".opf", ".xml")):
            ElementTree.fromstring(data)
    package = ElementTree.fromstring(epub["book/package.opf"])
    items = {item.get("id"): item for item in package.findall(".//{*}item")}
    held = {name for name in epub if name.startswith("book/")} - {"book/package.opf"}
    assert {f"book/{item.get('href')}" for item in items.values()} == held
    order = [items[ref.get("idref")].get("href") for ref in package.findall(".//{*}itemref")]
    assert order[2:] == [f"{p.stem}.xhtml" for p in [*(n.path for n in SERIES), *PAGES]]
    for item in items.values():
        with_formulas = b"<math" in epub[f"book/{item.get('href')}"]
        assert ("mathml" in (item.get("properties") or "")) == with_formulas


def test_links_and_pictures_of_the_epub_are_inside(epub):
    trees = {n[5:]: ElementTree.fromstring(d) for n, d in epub.items() if n.endswith(".xhtml")}
    ids = {name: {e.get("id") for e in page.iter()} for name, page in trees.items()}
    for name, page in trees.items():
        for link in page.iter(f"{XHTML}a"):
            if not re.match("https?:", href := link.get("href")):
                target, _, part = href.partition("#")
                assert not part or unquote(part) in ids[target or name], f"{name}: {href}"
                assert (target or name) in trees, f"{name}: {href}"
        for picture in page.iter(f"{XHTML}img"):
            with Image.open(BytesIO(epub[f"book/{picture.get('src')}"])) as image:
                image.verify()


@pytest.mark.parametrize("notebook", SERIES, ids=lambda notebook: notebook.number)
def test_a_chapter_of_the_epub_says_what_its_notebook_says(epub, notebook):
    page = ElementTree.fromstring(epub[f"book/{notebook.stem}.xhtml"])
    text = letters("".join(page.itertext()))
    assert [cell for cell, said in shown(notebook) if letters(said) not in text] == []


def test_the_same_pages_make_the_same_epub(tmp_path):
    page, pictures = page_of(SERIES[0])
    (tmp_path / "pictures").mkdir()
    for name, data in pictures.items():
        (tmp_path / "pictures" / name).write_bytes(data)
    for name in ("one", "two"):
        book.write_epub(tmp_path / name, [page], tmp_path / "pictures")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
