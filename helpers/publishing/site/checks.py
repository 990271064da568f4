"""What stops the build of the site: a broken link, a missing picture, an unknown host."""

import re
from functools import cache
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

# Where the pages may send a reader who follows a link. A new one is written here once somebody has
# looked where it leads. Nothing is loaded from any of them.
HOSTS = {
    "archive-lib.hpctech.co.jp",
    "arxiv.org",
    "creativecommons.org",
    "docs.nvidia.com",
    "docs.pytorch.org",
    "doi.org",
    "forums.developer.nvidia.com",
    "github.com",
    "hothardware.com",
    "huggingface.co",
    "images.nvidia.com",
    "www.anandtech.com",
    "www.iitr.ac.in",
}
LOADS = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}
IN_STYLE = re.compile(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)")


def complaints(folder, own=("*.html",)):
    """A line for each thing that is wrong in the pages and styles of a folder.

    Parameters
    ----------
    folder : Path
    own : tuple of str
        Patterns of the pages that are looked at; all may be linked to.

    Yields
    ------
    str
        The name of the page, what is wrong, and the address.
    """
    ids = cache(_ids)
    for path in sorted(path for pattern in own for path in folder.glob(pattern)):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        name = path.relative_to(folder).as_posix()
        loaded = [
            (element[LOADS[element.name]], "picture" if element.name == "img" else "file")
            for element in soup(list(LOADS))
            if LOADS[element.name] in element.attrs and not _is_link_of_words(element)
        ]
        for style in soup("style"):
            loaded += [("".join(found), "file") for found in IN_STYLE.findall(style.get_text())]
        for address, kind in loaded:
            if _host(address) is not None:
                yield f"{name}: is loaded from another host: {address}"
            elif not address.startswith("data:") and not _file(path, address).is_file():
                yield f"{name}: missing {kind}: {address}"
        for link in soup("a", href=True):
            address = link["href"]
            if (host := _host(address)) is not None:
                if host not in HOSTS:
                    known = "helpers/publishing/site/checks.py"
                    yield f"{name}: unknown host {host}, in {address}; known ones are in {known}"
                continue
            target = _file(path, address)
            if not target.is_file():
                yield f"{name}: leads nowhere: {address}"
            elif (part := unquote(urlsplit(address).fragment)) and target.suffix == ".html":
                if part not in ids(target):
                    yield f"{name}: leads to no such part: {address}"
    for path in sorted(folder.glob("*.css")):
        for found in IN_STYLE.findall(path.read_text(encoding="utf-8")):
            yield f"{path.name}: loads {''.join(found)}"


def _is_link_of_words(element):
    """Whether a <link> only says where something is, and loads nothing."""
    return element.name == "link" and not {"stylesheet", "icon"} & set(element.get("rel", []))


def _host(address):
    """The host of an address, None for one of our own files."""
    parts = urlsplit(address)
    return (parts.netloc or parts.scheme) if parts.netloc or parts.scheme not in ("", "data") else None


def _file(page, address):
    path = unquote(urlsplit(address).path)
    return (page.parent / path) if path else page


def _ids(path):
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return {element["id"] for element in soup(id=True)}
