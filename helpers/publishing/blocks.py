"""What the pages of the series say that can be computed.

A page is a text that people edit. Here it is given back with its computed parts as they must be:
titles, questions, minutes, links to the next notebook, tables of sections, answers of polls and the
times of plans. They are found by where they stand, so a page needs no markers, and the words around
them stay. What only people can write, such as the minutes of a new section, is left as a ?.
"""

import re

from nbformat.v4 import new_markdown_cell

from helpers.notation import notation_table
from helpers.publishing.notebooks import LECTURE, LECTURES, NOTEBOOKS, PAGES, ROOT, SERIES, START
from helpers.publishing.rules import broken_links
from helpers.questions.polls import POLLS

README, TEACHING = ROOT / "README.md", NOTEBOOKS / "teaching.md"
CITATION = ROOT / "CITATION.cff"
BADGES = re.compile(r"\A\[!\[tests\].*\n\n")
UNKNOWN = "?"
ALONE = "alone"  # id of the cell for those who got one file
NOTATION_TABLE = re.compile(r"^\| symbol \|.*(?:\n\|.*)*", re.MULTILINE)
SERIES_TABLE = "| notebook | question | minutes |"
MAP = "| notebook | the question | minutes |"
SECTIONS = "| minutes | section | poll |"
PLAN = "| from | minutes | what |"
PLANS = {"Two hours": 120, "Six hours": 360}  # minutes of each plan, by its heading
HOMEWORK_TABLE = "| notebook | minutes | what it is | use it as |"
LINK = re.compile(r"\[([^]]*)\]\(((?:notebooks/)?)(\d\d)_(\w+)\.ipynb")
LINKED = re.compile(r"\[[^]]*\]\((\w+\.ipynb)(?:#([^)]+))?\)")
NEXT = re.compile(r"^\*\*Next:\*\* \[[^]]*\]\((.*?)\).*$", re.MULTILINE)
POLL = re.compile(r"^\*\*`([a-z0-9-]+)`\*\* (.+)\n\n((?:- \[[ x]\] .+\n?)+)", re.MULTILINE)
OPTION = re.compile(r"^- \[([ x])\] \*\*(.+?)\*\*: (.+)$", re.MULTILINE)
NEW_LESSON = f"""###

{SECTIONS}
|---|---|---|

| they think | show them |
|---|---|

**Short of time?** Leave out {UNKNOWN}: saves 0 minutes.
"""


def repository(citation=None):
    """The address of the repository as `CITATION.cff` knows it; "" if it does not yet."""
    citation = CITATION.read_text(encoding="utf-8") if citation is None else citation
    pattern = r"^repository-code: *\"?(https://github\.com/[\w.-]+/[\w.-]+)"
    found = re.search(pattern, citation, re.MULTILINE)
    return found[1] if found else ""


def badges(citation):
    """The badges of the README, once `CITATION.cff` knows the address of the repository.

    Parameters
    ----------
    citation : str
        The text of that file.

    Returns
    -------
    str
        A line, or nothing.
    """
    address = repository(citation)
    if not address:
        return ""
    owner, name = address.split("/")[-2:]
    tests = f"{address}/actions/workflows/ci.yml"
    start = f"urlpath=lab/tree/notebooks/{START.name}"
    binder = f"https://mybinder.org/v2/gh/{owner}/{name}/HEAD?{start}"
    return " ".join(
        (
            f"[![tests]({tests}/badge.svg)]({tests})",
            f"[Read it, alive, in your browser](https://{owner}.github.io/{name}/)",
            f"[![Binder](https://mybinder.org/badge_logo.svg)]({binder})",
        )
    )


def readme(text):
    """The README with its badges and its table of the series."""
    title, _, rest = text.partition("\n\n")
    rest = BADGES.sub("", rest)
    line = badges(CITATION.read_text(encoding="utf-8"))
    text = "\n\n".join(filter(None, (title, line, rest)))
    words = ([f"[{n.number} {n.title}](notebooks/{n.name})", n.question, n.minutes] for n in SERIES)
    return with_rows(relinked(text), SERIES_TABLE, words)


def retell(notebook, cells):
    """Write into the cells of a notebook, in place, what they say of it and of the others."""
    for cell in cells:
        if cell.cell_type == "markdown" and not cell.id.startswith("exercise-"):
            cell.source = relinked(cell.source)
        if notebook == START and MAP in cell.source:
            others = ([other.link, other.question, other.minutes] for other in SERIES[1:])
            cell.source = with_rows(cell.source, MAP, others)
        if notebook == START:
            cell.source = NOTATION_TABLE.sub(lambda _: notation_table(), cell.source)
    title = re.sub(r"\A# \d\d · ", f"# {notebook.number} · ", cells[0].source)
    cells[0].source = re.sub(r"About \d+ minutes", f"About {notebook.minutes} minutes", title)
    _tell_where_the_rest_is(cells)
    for following in SERIES[SERIES.index(notebook) + 1 :][:1]:
        _lead_on(following, cells)


def _tell_where_the_rest_is(cells):
    """Say below the title what to do for somebody who got the file of a notebook alone."""
    if ALONE not in [cell.id for cell in cells[1:2]]:
        skip = {"slideshow": {"slide_type": "skip"}}
        cells.insert(1, new_markdown_cell(id=ALONE, metadata=skip))
    where = f"from [its repository]({repository()})" if repository() else "from whoever sent it"
    cells[1].source = (
        "*Did you get this file alone? It needs the others of its series. Get the whole folder "
        f"{where}; in it `python3 series.py open` starts everything.*"
    )


def _lead_on(following, cells):
    """Let the last words of a notebook lead to the next one, with its own words if they do."""
    for cell in cells:
        if cell.cell_type == "markdown" and (found := NEXT.search(cell.source)):
            if found[1] != following.name:
                cell.source = NEXT.sub(f"**Next:** {following.link}.", cell.source)
            return
    if following.role == LECTURE:
        slides = {"slideshow": {"slide_type": "skip"}}
        cells.append(new_markdown_cell(f"**Next:** {following.link}.", id="next", metadata=slides))


def teaching(text):
    """The lecturer's page with its tables, the answers of its polls and the times of its plans."""
    head, found = parts(relinked(text))
    for notebook in LECTURES:
        found[notebook.name] = _lesson(notebook, found.pop(notebook.name, NEW_LESSON))
    taught = {
        (name, anchor): minutes
        for name, part in found.items()
        for anchor, (minutes, _) in lessons(part).items()
    } | {(notebook.name, ""): notebook.minutes for notebook in LECTURES}
    head = "".join(
        _plan(section, taught) if PLAN in section else section
        for section in re.split(r"^(?=## )", head, flags=re.MULTILINE)
    )
    homework = [notebook for notebook in SERIES if notebook.role != LECTURE]
    uses = {LINKED.search(row[0])[1]: row[2:] for row in rows(head, HOMEWORK_TABLE)}
    words = []
    for notebook in homework:
        what, use = uses.get(notebook.name, [f"0 {UNKNOWN}", UNKNOWN])
        what = re.sub(r"^\d+", str(notebook.checks), what)
        words.append([notebook.link, notebook.minutes, what, use])
    head = with_rows(head, HOMEWORK_TABLE, words)
    numbers = " and ".join(notebook.number for notebook in homework)
    head = re.sub(r"(?<=otebooks )\d\d and \d\d(?=.*\(#homework-and-test)", numbers, head)
    return head + "\n\n".join(part.strip() for part in found.values()) + "\n"


def _lesson(notebook, part):
    """What the page says of one notebook."""
    part = re.sub(r"^.*", f"### {notebook.link}: {notebook.minutes} minutes", part, count=1)
    stated, words = lessons(part), []
    titles = {title.replace(" ", "-"): title for title in notebook.lessons}
    minutes = {anchor: stated.get(anchor, (0, []))[0] for anchor in titles}
    left = notebook.minutes - sum(minutes.values())
    if list(minutes.values()).count(0) == 1:  # what the others leave
        minutes = {anchor: length or max(left, 0) for anchor, length in minutes.items()}
    for anchor, title in titles.items():
        polls = ", ".join(f"`{poll}`" for poll in stated.get(anchor, (0, []))[1])
        link = f"[{title}]({notebook.name}#{anchor})"
        words.append([minutes[anchor] or UNKNOWN, link, polls])
    part = with_rows(part, SECTIONS, words)
    skipped = LINKED.findall(part.rpartition("Leave out")[2].partition(": saves")[0])
    saved = sum(minutes.get(anchor, 0) for _, anchor in skipped)
    part = re.sub(r": saves \d+ minutes", f": saves {saved} minutes", part)
    return POLL.sub(_poll, part)


def _poll(found):
    """A poll with the answers that its function gives: one is ticked, the others in order."""
    name, question, options = found.groups()
    if name not in POLLS:
        return found[0]
    right, *wrong = POLLS[name]()
    wrong = iter(wrong)

    def option(line):
        answer = right if line[1] == "x" else next(wrong, UNKNOWN)
        return f"- [{line[1]}] **{answer}**: {line[3]}"

    return f"**`{name}`** {question}\n\n{OPTION.sub(option, options)}"


def _plan(section, taught):
    """A plan whose rows take what their sections take, and begin where the one before ends."""
    start, breaks, words = 0, 0, []
    for _, length, what in rows(section, PLAN):
        if linked := LINKED.findall(what):
            length = sum(taught.get(target, 0) for target in linked)
        words.append([f"{start // 60}:{start % 60:02}", length, what])
        start += int(length)
        breaks += int(length) if what == "Break" else 0
    section = re.sub(r"Breaks: \d+ minutes", f"Breaks: {breaks} minutes", section)
    return with_rows(section, PLAN, words)


def complaints():
    """What only people can mend in the pages, a line each."""
    for path in [README, *PAGES]:
        yield from (f"{path.name}: leads nowhere: {link}" for link in broken_links(path))
    text = TEACHING.read_text(encoding="utf-8")
    for line in text.splitlines():
        if f" {UNKNOWN} " in line or f" {UNKNOWN}:" in line:
            yield f"{TEACHING.name}: to be written by hand: {line}"
    for notebook in LECTURES:
        taught = lessons(parts(text)[1].get(notebook.name, "")).values()
        if (total := sum(minutes for minutes, _ in taught)) != notebook.minutes:
            planned = f"the sections take {total} minutes, not {notebook.minutes}"
            yield f"{TEACHING.name}: {notebook.name}: {planned}"


def parts(text):
    """What stands before the first notebook of the lecturer's page, and its part of each."""
    head, *found = re.split(r"^(?=### \[)", text, flags=re.MULTILINE)
    return head, {LINKED.search(part)[1]: part for part in found}


def lessons(part):
    """Each section in a part of the page: its minutes, 0 if they are unknown, and its polls."""
    return {
        LINKED.search(section)[2]: (
            0 if minutes == UNKNOWN else int(minutes),
            re.findall(r"`(.+?)`", polls),
        )
        for minutes, section, polls in rows(part, SECTIONS)
    }


def relinked(text):
    """A text whose links to notebooks have the number and the title that these have today."""
    today = {notebook.stem[3:]: notebook for notebook in SERIES}

    def link(found):
        words, folder, number, stem = found.groups()
        if stem not in today:
            return found[0]
        notebook = today[stem]
        if words.startswith(f"{number} · "):
            words = f"{notebook.number} · {notebook.title}"
        words = re.sub(rf"\b{number}\b", notebook.number, words)
        return f"[{words}]({folder}{notebook.name}"

    return LINK.sub(link, text)


def _table(header):
    return re.compile(rf"^({re.escape(header)}\n\|[-|]+\|\n)((?:\|.*(?:\n|\Z))*)", re.MULTILINE)


def rows(text, header):
    """The rows of the table with this header, cell by cell."""
    found = _table(header).search(text)
    lines = found[2].splitlines() if found else []
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


def with_rows(text, header, words):
    """A text with other rows in the table with this header."""
    if len(_table(header).findall(text)) != 1:
        raise ValueError(f"there must be one table with the header {header!r}, in {text[:40]!r}")
    lines = "".join(f"| {' | '.join(map(str, row))} |\n" for row in words).replace("|  |", "| |")
    return _table(header).sub(lambda found: found[1] + lines, text)
