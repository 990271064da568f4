"""All steps of the site, in their order."""

import shutil

from helpers.publishing.foretold import FILE
from helpers.publishing.notebooks import PAGES, SERIES
from helpers.publishing.site import book, checks, lite, live, search, vendor
from helpers.publishing.site.pages import TEMPLATE, frame, page_of, page_of_text, start_page
from helpers.publishing.slides import build_slides

STAMP = "site.txt"  # an earlier build is known by it
ASSETS = ("site.css", "site.js", "minisearch.js", "minisearch-LICENSE.txt")


def build_site(folder, say=lambda line: None, offline=False):
    """Write the site into a folder.

    Parameters
    ----------
    folder : Path
        Made anew, if it is not there, empty, or an earlier build.
    say : callable
        Told each step, in a line.
    offline : bool
        Whether Python for the live parts is put into the site too.

    Returns
    -------
    Path
        The first page.

    Raises
    ------
    ValueError
        If the folder holds anything else, or if a link, a picture or a host is wrong.
    """
    if folder.exists():
        earlier = (folder / STAMP).is_file()
        if not folder.is_dir() or any(folder.iterdir()) and not earlier:
            raise ValueError(f"folder must be new, empty or an earlier build, got {folder}")
        shutil.rmtree(folder)
    (folder / "pictures").mkdir(parents=True)
    (folder / STAMP).write_text("Built by series.py site; the next build replaces all of it.\n")
    with_live = _made(live, folder / "live", offline, say, "NOTHING COMES ALIVE IN THE PAGES")
    with_lite = _made(lite, folder / "lite", offline, say, "NO NOTEBOOK RUNS IN THE BROWSER")
    pages = _pages(folder / "pictures", live.attributes if with_live else None, with_lite)
    say(f"{len(pages)} pages")
    build_slides(folder / "slides", site="..")
    say("slides")
    made = book.build(folder, pages, say)
    pages.insert(0, start_page([("slides/index.html", "Slides of every lecture"), *made]))
    for page in pages:
        html = frame(page, pages, live=with_live)
        (folder / page.name).write_text(html, encoding="utf-8")
    (folder / "search.js").write_text(search.index(pages), encoding="utf-8")
    for file in [FILE, *(TEMPLATE / name for name in ASSETS)]:
        shutil.copy(file, folder)
    wrong = [*checks.complaints(folder, ("*.html", "slides/*.html"))]
    if wrong:
        raise ValueError("\n".join([f"{len(wrong)} things are wrong:", *wrong]))
    return folder / "index.html"


def _made(part, folder, offline, say, without):
    """Build a part of the site that takes files from elsewhere; could they be had?

    Pages without it show what is stored.
    """
    try:
        part.build(folder, offline)
    except vendor.Missing as missing:
        shutil.rmtree(folder, ignore_errors=True)
        say(f"{without}: {missing}")
        return False
    say(f"{folder.name}/")
    return True


def _pages(folder, attributes, runs):
    """The pages of notebooks and texts; their pictures are written into a folder on the way."""
    pages = []
    for notebook in SERIES:
        page, pictures = page_of(notebook, attributes)
        for name, data in pictures.items():
            (folder / name).write_bytes(data)
        if runs:
            page.links.append((lite.address(notebook), lite.WORDS))
        pages.append(page)
    return [*pages, *map(page_of_text, PAGES)]
