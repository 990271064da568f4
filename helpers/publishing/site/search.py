"""What the search knows: each section of each page. It runs in the reader's browser, without a
server; `templates/site/site.js` asks, MiniSearch finds.
"""

import json

from helpers.publishing.site.pages import words


def sections(page):
    """The sections of a page, a dict each: address, title, heading and text."""
    found = [{"address": page.name, "title": page.title, "heading": page.title, "text": []}]
    for piece in page.article.descendants:
        if piece.name in {"h2", "h3"}:
            heading = {"heading": words(piece), "text": []}
            found.append({"address": f"{page.name}#{piece['id']}", "title": page.title} | heading)
        elif piece.name in {"p", "li", "tr", "pre", "img"} and not piece.find_parent("details"):
            text = piece["alt"] if piece.name == "img" else words(piece)
            found[-1]["text"].append(text)
    return [section | {"text": " ".join(section["text"])} for section in found]


def index(pages):
    """The script that hands the sections of all pages to the search."""
    known = [section for page in pages for section in sections(page)]
    return f"window.sections = {json.dumps(known, ensure_ascii=False, separators=(',', ':'))};\n"
