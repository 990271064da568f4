"""The README, the map and the lecturer's page: what can be computed stands there, and the rest
holds together: plans, polls, links, and the cells that answer a misconception."""

import re
from copy import deepcopy

import pytest

from helpers.publishing import blocks
from helpers.publishing.blocks import LINKED, OPTION, PLANS, POLL, README, TEACHING, lessons
from helpers.publishing.notebooks import EXERCISES, LECTURES, ROOT, SERIES, SHOWN, START, read
from helpers.publishing.slides import LAB, SLIDES, LectureExporter
from helpers.questions import polls
from helpers.questions.examination import Examination
from helpers.questions.polls import POLLS, given
from series import COMMANDS

PAGE = TEACHING.read_text(encoding="utf-8")
HEAD, PARTS = blocks.parts(PAGE)
ASKED = {key: (question, OPTION.findall(options)) for key, question, options in POLL.findall(PAGE)}
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")
STATED = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?(?:e\d+)?")  # not in names such as VGG-16, FP32
every_lecture = pytest.mark.parametrize("notebook", LECTURES, ids=lambda notebook: notebook.name)
STORE = "python3 series.py store would write something else"


def section(heading):
    """The text of the page from one of its headings to the next."""
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def minutes(notebook):
    return {anchor: length for anchor, (length, _) in lessons(PARTS[notebook.name]).items()}


@pytest.mark.parametrize(
    ("path", "write"),
    [(README, blocks.readme), (TEACHING, blocks.teaching)],
    ids=["README", "page"],
)
def test_a_page_says_what_can_be_computed(path, write):
    text = path.read_text(encoding="utf-8")
    assert text.splitlines() == write(text).splitlines(), STORE


@pytest.mark.parametrize("notebook", SERIES, ids=lambda notebook: notebook.name)
def test_a_notebook_says_what_can_be_computed(notebook):
    cells = read(notebook.path).cells
    written = deepcopy(cells)
    blocks.retell(notebook, written)
    assert [cell.source for cell in cells] == [cell.source for cell in written], STORE
    assert f"About {notebook.minutes} minutes" in cells[0].source


def test_links_lead_somewhere_and_the_minutes_of_the_sections_add_up():
    assert list(blocks.complaints()) == []


def test_whoever_counts_the_lectures_leaves_none_out():
    (start,) = (cell.source for cell in read(START.path).cells if blocks.MAP in cell.source)
    lines = "\n".join([README.read_text(encoding="utf-8"), start, PAGE]).splitlines()
    named = [line for line in lines if re.search(r"otebooks \d\d to \d\d", line)]
    assert len(named) >= 4
    for line in named:
        if "questions about" not in line:  # the examination says what it is about
            assert f" to {LECTURES[-1].number} " in line


# The lecturer's page.


def test_the_page_has_a_part_for_each_lecture():
    assert list(PARTS) == [notebook.name for notebook in LECTURES]


@every_lecture
def test_what_to_skip_saves_time(notebook):
    (saved,) = re.findall(r"Leave out .+: saves (\d+) minutes\.", PARTS[notebook.name])
    assert int(saved) > 0


@pytest.mark.parametrize(("plan", "total"), PLANS.items())
def test_a_plan_fills_its_time_and_keeps_the_order_of_the_series(plan, total):
    table = blocks.rows(section(plan), blocks.PLAN)
    assert sum(int(length) for _, length, _ in table) == total
    assert any(what == "Break" for *_, what in table)
    places = []
    for name, anchor in LINKED.findall("".join(what for *_, what in table)):
        (notebook,) = (notebook for notebook in LECTURES if notebook.name == name)
        places.append((name, list(minutes(notebook)).index(anchor) if anchor else 0))
    assert places == sorted(set(places))
    assert {name for name, _ in places} == {notebook.name for notebook in LECTURES}


def test_lectures_have_homework_and_the_examination_no_slides():
    for notebook in LECTURES[1:]:
        assert any(cell_id.startswith("check-") for cell_id in notebook.sections[EXERCISES])
    (row,) = (row for row in blocks.rows(HEAD, blocks.HOMEWORK_TABLE) if "no slides" in row[-1])
    assert [notebook.link for notebook in SERIES if notebook not in SHOWN] == [row[0]]


def test_a_seed_gives_the_same_paper_to_all():
    seeds = [int(seed) for seed in re.findall(r"`Examination\(seed=(\d+)\)`", PAGE)]
    assert seeds and "`Examination()`" in PAGE
    printed = r"`print\(Examination\(seed=(\d+)\)\.paper\((?:solutions=True)?\)\)`"
    assert [int(seed) for seed in re.findall(printed, PAGE)] == [seeds[0], seeds[0]]

    def paper(**seed):
        exam = Examination(**seed)
        return [repr(exam[number]) for number in range(1, 11)]

    for seed in seeds:
        assert paper(seed=seed) == paper(seed=seed) != paper(seed=seed + 1)


def test_the_page_says_how_to_start_and_where_the_links_lead():
    index = (SLIDES / "index.html").relative_to(ROOT).as_posix()
    assert f"`{index}`" in PAGE
    (port,) = re.findall(r"localhost:(\d+)/", LAB)
    assert f"port {port}" in PAGE
    slides = LectureExporter().export(START.path)
    (label,) = set(re.findall(r'class="live"[^>]*>(.*?)</a>', slides))
    assert f'"{label}"' in PAGE


def test_the_commands_exist():
    named = re.findall(r"`python3 series\.py (\w+)`", PAGE)
    assert {"slides", "open"} <= set(named) <= set(COMMANDS)


def test_the_notebooks_have_the_controls_that_the_page_speaks_of():
    for notebook in LECTURES[1:7]:
        assert "control" in notebook.sections["Now you"]


@every_lecture
def test_misconceptions_are_answered_by_a_cell_that_exists(notebook):
    table = re.findall(r'^\| "(.+)" \| (.+) \|$', PARTS[notebook.name], re.MULTILINE)
    assert len(table) >= 2
    cells = {cell.id: cell for cell in read(notebook.path).cells}
    sections = {title.replace(" ", "-"): ids for title, ids in notebook.sections.items()}
    for _, answer in table:
        ((file, anchor),) = LINKED.findall(answer)
        assert file == notebook.name
        shown, *more = re.findall(r"`([a-z0-9-]+)`", answer)
        assert shown in sections[anchor]
        assert cells[shown].cell_type == "code" and set(more) <= set(cells)
        # Each number of the answer is one that the cell shows.
        on_page = cells[shown].source + str(cells[shown].outputs)
        claim = LINKED.sub("", answer)
        assert set(NUMBER.findall(claim)) <= set(NUMBER.findall(on_page.replace("%", " "))), answer


# Its polls.


@every_lecture
def test_every_poll_stands_in_one_section_of_its_notebook(notebook):
    asked = [key for key, *_ in POLL.findall(PARTS[notebook.name])]
    placed = [key for _, here in lessons(PARTS[notebook.name]).values() for key in here]
    assert len(asked) >= 3
    assert sorted(placed) == sorted(asked)


def test_the_polls_are_those_with_a_computed_answer():
    assert ASKED.keys() == POLLS.keys()
    places = [[tick for tick, *_ in options].index("x") for _, options in ASKED.values()]
    assert {*places} >= {0, 1, 2}  # the right answer is not always the same letter


@pytest.mark.parametrize("key", POLLS)
def test_a_poll_has_one_right_answer_and_states_what_it_is_computed_from(key):
    question, options = ASKED[key]
    assert 3 <= len(options) == len(POLLS[key]()) <= 4
    assert [tick for tick, *_ in options].count("x") == 1
    assert len({text for _, text, _ in options}) == len(options)
    assert len({reason for *_, reason in options}) == len(options)
    told = given().get(key, [])
    assert all(words in question for words in told)
    assert set(STATED.findall(question)) == set(STATED.findall("; ".join(told)))


def test_answers_follow_the_catalog(monkeypatch):
    before = {key: options() for key, options in POLLS.items() if key != "v100-peak"}
    other = polls.CATALOG.copy()
    other.loc["V100-SXM2", ["peak_fp32", "peak_fp16"]] *= 1.5
    monkeypatch.setattr(polls, "CATALOG", other)
    changed = {key for key in before if POLLS[key]() != before[key]}
    assert changed == {
        *("v100-ridge", "more-bandwidth", "tensor-gain", "half-bandwidth", "waiting-task"),
        "devices-needed",
    }
    with pytest.raises(AssertionError):
        polls.v100_peak()  # no longer units times clock
