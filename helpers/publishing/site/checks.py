"""What stops the build of the site: a broken link, a missing picture, an unknown host."""

import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

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
ADVICE = "known ones are in helpers/publishing/site/checks.py"
LOADS = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}
IN_STYLE = re.compile(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)")


class Page(HTMLParser):
    """What a page loads, as (kind, address), where it leads, and the parts that it has."""

    def __init__(self, path):
        super().__init__()
        self.loaded, self.links, self.ids, self._style = [], [], set(), False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._style = tag == "style"
        if "id" in attrs:
            self.ids.add(attrs["id"])
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])
        elif attrs.get("rel") not in ("prev", "next") and LOADS.get(tag) in attrs:
            kind = "picture" if tag == "img" else "file"
            self.loaded.append((kind, attrs[LOADS[tag]]))

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        if self._style:
            self.loaded += [("file", "".join(found)) for found in IN_STYLE.findall(data)]


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
    read = cache(Page)
    for path in sorted(path for pattern in own for path in folder.glob(pattern)):
        name, page = path.relative_to(folder).as_posix(), read(path)
        for kind, address in page.loaded:
            if _host(address) is not None:
                yield f"{name}: loads from another host: {address}"
            elif not address.startswith("data:") and not _file(path, address).is_file():
                yield f"{name}: missing {kind}: {address}"
        for address in page.links:
            if (host := _host(address)) is not None:
                if host not in HOSTS:
                    yield f"{name}: unknown host {host} in {address}; {ADVICE}"
                continue
            target = _file(path, address)
            if not target.is_file():
                yield f"{name}: leads nowhere: {address}"
            elif (part := urlsplit(address).fragment) and target.suffix == ".html":
                if not {part, unquote(part)} & read(target).ids:
                    yield f"{name}: leads to no such part: {address}"
    for path in sorted(folder.glob("*.css")):
        for found in IN_STYLE.findall(path.read_text(encoding="utf-8")):
            yield f"{path.name}: loads {''.join(found)}"


def _host(address):
    """The host of an address, or what takes its place (mail); None for one of our own files."""
    parts = urlsplit(address)
    return parts.netloc or (parts.scheme if parts.scheme != "data" else "") or None


def _file(page, address):
    """The file that a relative address names; the page itself if it names a part of it."""
    path = unquote(urlsplit(address).path)
    return (page.parent / path).resolve() if path else page
