"""Notebooks as slides for a lecture, readable with the network off.

python -m helpers.publishing.slides     build them all, and a page that lists them
"""

import re
import shutil
from importlib.resources import files

from nbconvert.exporters import SlidesExporter
from nbformat.v4 import new_markdown_cell, new_output

from helpers.publishing.foretold import FILE
from helpers.publishing.notebooks import PAGES, ROOT, SERIES, SHOWN
from helpers.publishing.pages import Offline, Renderer, is_ours
from helpers.publishing.rules import slide_type

SLIDES = ROOT / "build" / "slides"
# Where `series.py open` shows the notebooks, unless `build/live.js` names another port. JupyterLab
# sends a second window of one workspace to another address, so this is a workspace of its own. It
# scrolls to a cell only if the notebook is open already: the first click on a link opens it, the
# second goes to the cell.
LAB = "http://localhost:8888/lab/workspaces/slides/tree"
CONTROL = re.compile(r"^\w+Control\(", re.MULTILINE)
REVEAL = re.compile(r"\n\w+\.reveal\(.*\)$")
HEADING = re.compile(r"^#{1,2} +(.+)$", re.MULTILINE)
SHORT, LONG = 5, 8  # lines of code that a slide shows beside a figure, and above other outputs
INDEX = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>How Fast Can It Train? Slides</title>
<style>body {{ font: 20px/1.6 sans-serif; margin: 3em auto; max-width: 40em; }}</style>
<h1>How Fast Can It Train? Slides</h1>
<ul>
{links}
</ul>
<p>Space steps on, Shift+Space back, S shows the speaker's notes, Esc all slides, F the full
screen. {live}</p>
</html>
"""
LIVE_IN_LAB = """The links "Move it live" need JupyterLab: start <code>python3 series.py open</code>
first. The first click opens the notebook, the second goes to the cell."""
LIVE_ON_SITE = 'The links "Move it live" lead to the same control in its page.'


class _SlidesRenderer(Renderer):
    def __init__(self, lecture, suffix, **options):
        super().__init__(suffix, **options)
        self.lecture = lecture

    def link(self, text, url, title=None):
        if url in {notebook.name for notebook in SERIES if notebook not in SHOWN}:
            url = self.lecture.live(url)
        elif self.lecture.site and is_ours(url):
            url = re.sub(r"^(\w+)\.md(?=#|$)", rf"{self.lecture.site}/\1.html", url)
            url = re.sub(r"^(\w+\.csv)$", rf"{self.lecture.site}/\1", url)
        return super().link(text, url, title)


class LectureExporter(Offline, SlidesExporter):
    """A notebook as slides of 1280 x 720 pixels, with reveal.js in the folder `reveal` beside.

    Parameters
    ----------
    site : str, optional
        The address of the pages, if the slides are part of their site; else JupyterLab is live.
    """

    def __init__(self, site=None):
        super().__init__("lecture")
        self.site = site
        self.reveal_url_prefix = "reveal"
        self.reveal_theme = "white"
        self.exclude_input_prompt = self.exclude_output_prompt = True

    def renderer(self, suffix, **options):
        return _SlidesRenderer(self, suffix, **options)

    def live(self, name, part=""):
        """Where a notebook is live, or a part of it."""
        return (f"{self.site}/{name[:-6]}.html" if self.site else f"{LAB}/{name}") + part

    def prepare(self, notebook, path):
        _head_every_slide(notebook)
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            # In a lecture the hall has predicted, not the notebook.
            cell.source = REVEAL.sub("", cell.source)
            cell.outputs = [output for output in cell.outputs if not _is_unasked_reveal(output)]
            pictured = any("image/png" in output.get("data", {}) for output in cell.outputs)
            if cell.outputs and len(cell.source.splitlines()) > (SHORT if pictured else LONG):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hidden"]
            if CONTROL.search(cell.source):
                url = self.live(path.name, f"#cell-id={cell.id}")
                where = "" if self.site else " in JupyterLab"
                link = f'<a class="live" href="{url}" target="lab">Move it live{where}</a>'
                cell.outputs.append(new_output("display_data", {"text/html": link}))


def _head_every_slide(notebook):
    """Repeat the title of the section in a small line on each slide without a title of its own."""
    section, cells = "", []
    for cell in notebook.cells:
        kind = slide_type(cell)
        titles = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if titles:
            section = titles[-1]
        elif section and kind in {"slide", "subslide"}:
            here = {"slideshow": {"slide_type": kind}, "tags": ["section"]}
            cells.append(new_markdown_cell(section, metadata=here))
            cell.metadata["slideshow"] = {"slide_type": "-"}
        cells.append(cell)
    notebook.cells = cells


def _is_unasked_reveal(output):
    return output.get("data", {}).get("text/plain", "").startswith("No prediction.")


def build_slides(folder=SLIDES, site=None):
    """Write the slides of every lecture, what they load and an index into a folder.

    Parameters
    ----------
    folder : Path
        Made anew, if it is not there, empty, or an earlier build.
    site : str, optional
        The address of the pages, if the slides are part of their site.

    Returns
    -------
    Path
        The index.

    Raises
    ------
    ValueError
        If the folder holds anything else.
    """
    if folder.exists():
        earlier = (folder / "index.html").is_file() and (folder / "reveal").is_dir()
        if not folder.is_dir() or any(folder.iterdir()) and not earlier:
            raise ValueError(f"folder must be new, empty or an earlier build, got {folder}")
        shutil.rmtree(folder)
    reveal = files("sphinx_revealjs") / "_static" / "revealjs"
    for part in ("dist", "plugin/notes"):
        shutil.copytree(
            reveal / part, folder / "reveal" / part, ignore=shutil.ignore_patterns("*.map")
        )
    for text in [*PAGES, FILE] if site is None else ():  # the slides link to them
        shutil.copy(text, folder)
    links = []
    for notebook in SHOWN:
        exporter = LectureExporter(site)
        slides = folder / (notebook.stem + exporter.file_extension)
        slides.write_text(exporter.export(notebook.path), encoding="utf-8")
        links.append(f'<li><a href="{slides.name}">{notebook.stem.replace("_", " ")}</a></li>')
    index = folder / "index.html"
    live = LIVE_IN_LAB if site is None else LIVE_ON_SITE
    index.write_text(INDEX.format(links="\n".join(links), live=live), encoding="utf-8")
    return index


if __name__ == "__main__":
    print(f"Slides: {build_slides()}")
