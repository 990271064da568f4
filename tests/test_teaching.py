"""The lecturer's page: its minutes add up, its links lead somewhere, its answers are computed."""

import math
import re
from itertools import accumulate
from pathlib import Path

import nbformat
import pytest

from helpers import catalog
from helpers.amdahl import compute_fraction, gustafson, limit, speedup
from helpers.budget import IMAGENET_IMAGES, training_time, training_work
from helpers.catalog import interconnects, runs, scaling
from helpers.networks import alexnet, resnet, vgg
from helpers.parallel import (
    allreduce_bytes,
    allreduce_time,
    crossover_batch,
    hierarchical_time,
    network_intensity,
    step_time,
)
from helpers.pipeline import chunked_time, pipelined_speedup, speedup_over_serial
from helpers.publishing.notebooks import EXAMINATION
from helpers.publishing.slides import LAB, SLIDES, LectureExporter
from helpers.questions.examination import Examination
from helpers.roofline import attainable, balance, ridge
from helpers.words import duration, short, si
from series import COMMANDS
from test_notebook_hygiene import HEADING, LINK, anchors

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
PAGE = (FOLDER / "teaching.md").read_text(encoding="utf-8")
PATHS = sorted(FOLDER.glob("0[0-7]_*.ipynb"))
NAMES = [path.name for path in PATHS]
HOMEWORK = {"Exercises"}  # sections that take no minute of a lecture
every_notebook = pytest.mark.parametrize("name", NAMES)

# The peaks behind the answers, where a test can put others in their place.
CATALOG = catalog.devices()


def device(key):
    return CATALOG.loc[key]


def v100():
    """pi in FP32 and beta."""
    return device("V100-SXM2").peak_fp32, device("V100-SXM2").bandwidth


# Polls. Each function gives the options of one poll: the right one first.


def start_time():
    return [
        duration(training_time(1e18, 10e12, 0.5)),
        duration(training_time(1e18, 10e12, 1)),  # at full speed
        duration(0.5 * training_time(1e18, 10e12, 1)),  # half of the time
    ]


def start_lever():
    peak, bandwidth = v100()
    now = attainable(2, peak, bandwidth)
    gains = {
        "twice the bandwidth": attainable(2, peak, 2 * bandwidth) / now,
        "twice the peak": attainable(2, 2 * peak, bandwidth) / now,
        "half of the work and of the bytes": 1.0,  # P does not depend on V
    }
    (right,) = [change for change, gain in gains.items() if gain > 1]
    return [right, *(change for change in gains if change != right)]


def start_runs():
    first, last = runs().loc["M40"], runs().loc["DGX-1 MLPerf"]
    faster = first.time / last.time
    answers = faster, faster / 24, faster / last.devices  # days over hours; for each device
    return [f"{answer:.0f} times" for answer in answers]


def layer_work():
    first = resnet(50).layers[0]
    assert first.macs == 64 * 7 * 7 * 3 * 112 * 112
    return [si(work, "flop") for work in (first.flops, first.macs, 3 * first.flops)]


def resnet_budget():
    work = training_work(resnet(50).forward_work, IMAGENET_IMAGES, epochs=90)
    return [si(part, "flop") for part in (work, work / 2, work / 3)]


def small_layers():
    layers = resnet(50).layers
    small = [layer for layer in layers if not layer.macs]
    moved = sum(L.inputs + L.outputs for L in small) / sum(L.inputs + L.outputs for L in layers)
    flops = sum(L.flops for L in small) / sum(L.flops for L in layers)
    return [f"{100 * moved:.0f} %", f"{100 * flops:.1f} %", f"{100 - 100 * moved:.0f} %"]


def v100_peak():
    product = 5120 * 2 * 1.53e9
    assert math.isclose(product, device("V100-SXM2").peak_fp32, rel_tol=0.01)
    answers = product, product / 2, device("V100-SXM2").peak_fp16
    return [si(peak, "flop/s") for peak in answers]


def h100_ridge():
    h100 = device("H100-SXM")
    # Dense, with sparsity (as large as the dense peak of FP8), FP32.
    peaks = h100.peak_bf16, h100.peak_fp8, h100.peak_fp32
    return [si(ridge(peak, h100.bandwidth), "flop/B") for peak in peaks]


def link_time():
    link, size = interconnects().loc["NVLink 2 (V100)"], 4 * resnet(50).parameters
    shared = link.one_way * 2 / 6  # two of the six links
    seconds = size / shared, size / link.two_way, size / link.one_way
    return [f"{short(1e3 * t, 2)} ms" for t in seconds]


def v100_ridge():
    peak, bandwidth = v100()
    tensor = device("V100-SXM2").peak_fp16
    return [si(value, "flop/B") for value in (peak / bandwidth, tensor / bandwidth)] + [
        f"{bandwidth / peak:.3f} flop/B"
    ]


def more_bandwidth():
    peak, bandwidth = v100()
    gain = attainable(2, peak, 10 * bandwidth) / attainable(2, peak, bandwidth)
    none = attainable(100, peak, 10 * bandwidth) / attainable(100, peak, bandwidth)
    return [f"{answer:.1f} times" for answer in (gain, 10, none)]


def tensor_gain():
    peak, bandwidth = v100()
    tensor = device("V100-SXM2").peak_fp16
    layers = resnet(50).layers
    single = sum(L.flops / attainable(L.intensity(64), peak, bandwidth) for L in layers)
    half = sum(L.flops / attainable(L.intensity(64, 2), tensor, bandwidth) for L in layers)
    return [f"{gain:.1f} times" for gain in (single / half, tensor / peak, 4 / 2)]


def nine_times():
    return [short(S) for S in (speedup(0.9, 9), 9, limit(0.9), gustafson(0.9, 9))]


def half_bandwidth():
    task = 157
    peak, bandwidth = v100()
    ceilings = [limit(compute_fraction(task, peak, bandwidth * f)) for f in (0.5, 1, 2)]
    return [short(ceiling, 2) for ceiling in ceilings]


def slow_down():
    return [short(S, 2) for S in (speedup(0.5, 8, 4), speedup(0.5, 8), 8 / 4)]


def four_chunks():
    total = chunked_time(4, 6, 1)
    return [si(t, "s") for t in (chunked_time(4, 6, 4), total, chunked_time(4, 6, math.inf))]


def overlapped_ceiling():
    overlapped, turns = speedup_over_serial(9, 9), speedup(compute_fraction(9, 1, 1), 9)
    return [short(S) for S in (overlapped, turns, pipelined_speedup(9, 9))]


def waiting_task():
    x = balance(2, *v100())
    return [f"{S:.2f} times" for S in (pipelined_speedup(x, 2), speedup(x / (1 + x), 2), 2)]


def ring_bytes():
    sent = allreduce_bytes(100e6, 8)
    return [si(size, "B") for size in (sent, 100e6, 2 * 7 * 100e6)]


def linked_network():
    level = ridge(device("V100-SXM2").peak_fp32, interconnects().at["PCIe 3.0 x16", "one_way"])
    bound_by_link = {}
    for network in (alexnet(), resnet(50), vgg(16)):
        work = 32 * training_work(network.forward_work, 1, 1)
        intensity = network_intensity(work, 4 * network.parameters, 8)
        bound_by_link[network.name.split()[0]] = intensity < level
    assert list(bound_by_link.values()) == [True, False, False]
    return list(bound_by_link)


def shared_port():
    size, port = 4 * vgg(16).parameters, interconnects().at["InfiniBand EDR 4x", "one_way"]
    assert (si(size, "B"), si(port, "B/s")) == ("553 MB", "12.5 GB/s")
    between = [
        allreduce_time(part, 4, rate)
        for part, rate in ((size / 8, port / 8), (size / 8, port), (size, port / 8))
    ]
    levels = [hierarchical_time(size, n, 8, 1e15, port) for n in (8, 32)]  # inside: no time
    assert math.isclose(between[0], levels[1] - levels[0], rel_tol=1e-4)
    return [f"{1e3 * seconds:.0f} ms" for seconds in between]


def split_batch():
    fc7 = next(layer for layer in vgg(16).layers if layer.name == "fc7")
    batch = crossover_batch(fc7.parameters, fc7.inputs)
    return [f"{answer:.0f}" for answer in (batch, batch / 8, 8 * batch)]


def more_chips():
    rows = scaling().query("series == 'MLPerf v0.6 TPU v3'").set_index("devices").sort_index()
    minutes, rate = rows["value"], rows["epochs"] / rows["value"]
    first, last = rows.index[0], rows.index[-1]
    gains = minutes[first] / minutes[last], rate[last] / rate[first], last / first
    return [f"{gain:.1f} times" for gain in gains]


# The plan of notebook 07: ResNet-50, 90 epochs, V100 in mixed precision, two hours.


def fractions():
    """The lowest and the highest fraction of the peak that DLPerf's runs on one GPU achieve."""
    table = scaling().query("unit == 'img/s' and precision == 'AMP' and devices == 1")
    speeds = table.loc[table["model"].str.startswith("ResNet-50"), "value"]
    work = training_work(resnet(50).forward_work, 1, 1)
    return [speed * work / device("V100-SXM2").peak_fp16 for speed in (speeds.min(), speeds.max())]


def devices_needed():
    work = training_work(resnet(50).forward_work, IMAGENET_IMAGES, 90)

    def needed(fraction, work=work):
        return math.ceil(training_time(work, device("V100-SXM2").peak_fp16, fraction) / 7200)

    low, high = fractions()
    return [
        f"{needed(high)} to {needed(low)}",
        f"{needed(1)}",
        f"{needed(high, work / 2)} to {needed(low, work / 2)}",
    ]


def step_parts(batch=128, links=1):
    """Computing, communicating and overhead of a step on 32 GPUs, at the middle fraction."""
    low, high = fractions()
    rate = (low * high) ** 0.5 * device("V100-SXM2").peak_fp16
    compute = batch * training_work(resnet(50).forward_work, 1, 1) / rate
    port = interconnects().at["InfiniBand EDR 4x", "one_way"]
    link = device("V100-SXM2").link_bandwidth
    gradients = 2 * resnet(50).parameters
    return compute, hierarchical_time(gradients, 32, 8, links * link, links * port), 0.02


def longest_part():
    parts = dict(zip(("computing", "communicating", "overhead"), step_parts(), strict=True))
    order = sorted(parts, key=parts.get, reverse=True)
    return [f"{name}, {1e3 * parts[name]:.0f} ms" for name in order]


def twice_the_links():
    def rate(batch=128, links=1):
        compute, communicate, overhead = step_parts(batch, links)
        return batch / step_time(compute, communicate, 0, overhead)

    gains = rate(links=2) / rate(), rate(batch=2 * 128) / rate(), 2
    return [f"{gain:.2f} times" for gain in gains]


POLLS = {
    function.__name__.replace("_", "-"): function
    for function in (
        *(start_time, start_lever, start_runs),
        *(layer_work, resnet_budget, small_layers),
        *(v100_peak, h100_ridge, link_time),
        *(v100_ridge, more_bandwidth, tensor_gain),
        *(nine_times, half_bandwidth, slow_down),
        *(four_chunks, overlapped_ceiling, waiting_task),
        *(ring_bytes, linked_network, shared_port, split_batch, more_chips),
        *(devices_needed, longest_part, twice_the_links),
    )
}


def given():
    """The numbers that a question states, by poll, in its words."""
    published, work = runs(), resnet(50).forward_work
    fc7 = next(layer for layer in vgg(16).layers if layer.name == "fc7")
    sheet, (peak, bandwidth) = device("H100-SXM"), v100()
    chips = scaling().query("series == 'MLPerf v0.6 TPU v3'")["devices"]
    return {
        "start-runs": [duration(published.at[run, "time"]) for run in ("M40", "DGX-1 MLPerf")],
        "start-time": ["1e18 flop", si(10e12, "flop/s")],
        "start-lever": ["2 flop/B"],
        "layer-work": ["64 filters of 7 × 7 × 3 numbers", "112 × 112 places"],
        "resnet-budget": [
            f"{work / 1e9:.3f} Gflop",
            "90 epochs",
            f"{IMAGENET_IMAGES / 1e6:.3f} million",
        ],
        "v100-peak": ["5120 units", "1.53 GHz"],
        "h100-ridge": [f"{sheet.peak_fp8 / 1e12:,.0f} Tflop/s", si(sheet.bandwidth, "B/s")],
        "link-time": [
            si(interconnects().at["NVLink 2 (V100)", "two_way"], "B/s"),
            f"{4 * resnet(50).parameters / 1e6:.1f} MB",
        ],
        "v100-ridge": [si(peak, "flop/s"), si(bandwidth, "B/s")],
        "more-bandwidth": ["2 flop/B"],
        "tensor-gain": ["64 pictures"],
        "nine-times": ["1 s", "9 s", "9 times"],
        "half-bandwidth": [f"ceiling of {short(limit(compute_fraction(157, *v100())), 2)}"],
        "slow-down": ["0.5", "8 times"],
        "four-chunks": ["4 s", "6 s"],
        "overlapped-ceiling": ["x = 9", "9 times"],
        "waiting-task": ["2 flop/B"],
        "ring-bytes": [si(100e6, "B")],
        "linked-network": ["8 V100s", "PCIe 3.0", "32 pictures"],
        "shared-port": ["8 GPUs", "553 MB", "12.5 GB/s"],
        "split-batch": [f"{fc7.inputs} inputs", f"{fc7.outputs} outputs"],
        "more-chips": [f"{chips.min()} to {chips.max():,} chips"],
        "devices-needed": ["90 epochs"],
        "longest-part": ["32 of them", "128 pictures"],
    }


# The page.

LINKED = re.compile(r"\[[^]]*\]\((\w+\.ipynb)(?:#([^)]+))?\)")
POLL = re.compile(r"^\*\*`([a-z0-9-]+)`\*\* (.+)\n\n((?:- \[[ x]\] .+\n)+)", re.MULTILINE)
OPTION = re.compile(r"^- \[([ x])\] \*\*(.+?)\*\*: (.+)$", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")
STATED = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?(?:e\d+)?")  # not in names such as VGG-16, FP32


def part(heading):
    """The text of the page from the heading that contains `heading` to the next one."""
    (text,) = re.findall(
        rf"^##+ [^\n]*{re.escape(heading)}[^\n]*\n.*?(?=^##|\Z)", PAGE, re.M | re.S
    )
    return text


def rows(text):
    """The rows of the table in a text whose first cell is a number or a time of day."""
    lines = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def sections(name):
    """The sections of a notebook on this page: anchor, minutes and the polls that belong there."""
    found = []
    for minutes, section, polls in rows(part(f"]({name})")):
        ((file, anchor),) = LINKED.findall(section)
        assert file == name
        found.append((anchor, int(minutes), re.findall(r"`(.+?)`", polls)))
    return found


def minutes(name):
    return {anchor: number for anchor, number, _ in sections(name)}


def polls(text):
    return {
        key: (question, OPTION.findall(options)) for key, question, options in POLL.findall(text)
    }


def read(name):
    return nbformat.read(FOLDER / name, as_version=4)


def headings(notebook):
    """Every section of a notebook with the ids of its cells."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for marks, title in HEADING.findall(cell.source):
                if marks == "##":
                    found[title.replace(" ", "-")] = []
        if found:
            found[list(found)[-1]].append(cell.id)
    return found


def test_the_pages_notebooks_are_those_of_the_series():
    assert len(NAMES) == 8
    assert re.findall(r"^### \[.*?\]\((.+?)\)", PAGE, re.MULTILINE) == NAMES


def test_homework_and_test_are_what_the_page_says():
    names = sorted(path.name for path in FOLDER.glob("1*.ipynb"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| \[.+?\]\((.+?)\) \| (\d+) \| (\d+) ", part("Homework"), re.MULTILINE)
    assert [name for name, _, _ in lines] == names
    for name, stated, count in lines:
        (in_readme,) = re.findall(rf"\(notebooks/{re.escape(name)}\) \|.*\| (\d+) \|", readme)
        cells = read(name).cells
        (in_title,) = re.findall(r"About (\d+) minutes", cells[0].source)
        assert stated == in_readme == in_title
        asked = [c for c in cells if c.cell_type == "code" and ".check(" in c.source]
        assert len(asked) == int(count)
    assert names[-1] == EXAMINATION and "it has no slides" in part("Homework")
    for name in NAMES[1:]:
        exercises = headings(read(name))["Exercises"]
        assert any(cell_id.startswith("check-") for cell_id in exercises)


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
    name = next(name for name in NAMES if "Control(" in (FOLDER / name).read_text("utf-8"))
    (label,) = set(
        re.findall(r'class="live"[^>]*>(.*?)</a>', LectureExporter().export(FOLDER / name))
    )
    assert f'"{label}"' in PAGE


def test_every_link_leads_somewhere():
    for link in ("".join(groups) for groups in LINK.findall(PAGE)):
        file, _, fragment = link.partition("#")
        target = FOLDER / (file or "teaching.md")
        assert target.is_file(), link
        assert not fragment or fragment in anchors(target), link


@every_notebook
def test_every_section_has_its_minutes_and_they_add_up(name):
    taught = [anchor for anchor in headings(read(name)) if anchor not in HOMEWORK]
    assert [anchor for anchor, _, _ in sections(name)] == taught
    total = sum(minutes(name).values())
    (stated,) = re.findall(r": (\d+) minutes$", part(f"]({name})").splitlines()[0])
    (in_readme,) = re.findall(
        rf"\({re.escape(f'notebooks/{name}')}\) \|.*\| (\d+) \|",
        (ROOT / "README.md").read_text(encoding="utf-8"),
    )
    (in_title,) = re.findall(r"About (\d+) minutes", read(name).cells[0].source)
    assert {total} == {int(stated), int(in_readme), int(in_title)}
    start = "".join(cell.source for cell in read(NAMES[0]).cells)
    in_map = re.findall(rf"\({re.escape(name)}\) \|.*\| (\d+) \|", start)
    assert name == NAMES[0] or in_map == [stated]


@pytest.mark.parametrize(("plan", "total"), [("Two hours", 120), ("Six hours", 360)])
def test_a_plan_adds_up_and_keeps_the_order_of_the_series(plan, total):
    table = rows(part(plan))
    lengths = [int(length) for _, length, _ in table]
    assert sum(lengths) == total
    starts = [int(at.split(":")[0]) * 60 + int(at.split(":")[1]) for at, _, _ in table]
    assert starts == [0, *accumulate(lengths)][:-1]
    (breaks,) = re.findall(r"Breaks: (\d+) minutes", part(plan))
    assert sum(int(length) for _, length, what in table if what == "Break") == int(breaks) > 0
    places = []
    for _, length, what in table:
        linked = LINKED.findall(what)
        if linked:
            taught = [sum(minutes(f).values()) if not a else minutes(f)[a] for f, a in linked]
            assert sum(taught) == int(length), what
            places += [(file, list(minutes(file)).index(a) if a else 0) for file, a in linked]
    assert places == sorted(set(places))
    assert {file for file, _ in places} == set(NAMES)


@every_notebook
def test_what_to_skip_saves_what_it_says(name):
    (skipped, saved) = re.search(
        r"\*\*Short of time\?\*\* Leave out (.+): saves (\d+) minutes\.", part(f"]({name})")
    ).groups()
    assert sum(minutes(name)[anchor] for _, anchor in LINKED.findall(skipped)) == int(saved) > 0


@every_notebook
def test_every_poll_stands_in_one_section_of_its_notebook(name):
    asked = list(polls(part(f"]({name})")))
    placed = [poll for _, _, here in sections(name) for poll in here]
    assert len(asked) >= 3
    assert sorted(placed) == sorted(asked)


def test_the_polls_are_those_with_a_computed_answer():
    assert list(polls(PAGE)) != []
    assert set(polls(PAGE)) == set(POLLS)
    places = [[tick for tick, _, _ in options].index("x") for _, options in polls(PAGE).values()]
    assert set(places) >= {0, 1, 2}  # the right answer is not always the same letter


@pytest.mark.parametrize("key", POLLS)
def test_a_poll_has_one_right_answer_and_the_core_gives_it(key):
    question, options = polls(PAGE)[key]
    right, *wrong = POLLS[key]()
    assert 3 <= len(options) <= 4
    assert [text for tick, text, _ in options if tick == "x"] == [right]
    assert sorted(text for tick, text, _ in options if tick == " ") == sorted(wrong)
    assert len({text for _, text, _ in options}) == len(options)
    assert len({reason for _, _, reason in options}) == len(options)
    told = given().get(key, [])
    assert all(words in question for words in told)
    assert set(STATED.findall(question)) == set(STATED.findall("; ".join(told)))


def test_answers_follow_the_catalog(monkeypatch):
    before = {key: options() for key, options in POLLS.items() if key != "v100-peak"}
    other = CATALOG.copy()
    other.loc["V100-SXM2", ["peak_fp32", "peak_fp16"]] *= 1.5
    monkeypatch.setitem(globals(), "CATALOG", other)
    changed = {key for key in before if POLLS[key]() != before[key]}
    assert changed == {
        *("v100-ridge", "more-bandwidth", "tensor-gain", "half-bandwidth", "waiting-task"),
        "devices-needed",
    }
    with pytest.raises(AssertionError):
        v100_peak()  # no longer units times clock


@every_notebook
def test_misconceptions_are_answered_by_a_cell_that_exists(name):
    table = re.findall(r'^\| "(.+)" \| (.+) \|$', part(f"]({name})"), re.MULTILINE)
    assert len(table) >= 2
    cells = {cell.id: cell for cell in read(name).cells}
    for _, answer in table:
        ((file, anchor),) = LINKED.findall(answer)
        assert file == name
        shown, *more = re.findall(r"`([a-z0-9-]+)`", answer)
        assert shown in headings(read(name))[anchor]
        assert cells[shown].cell_type == "code" and set(more) <= set(cells)
        # Each number of the answer is one that the cell shows.
        on_page = cells[shown].source + str(cells[shown].outputs)
        claim = LINKED.sub("", answer)
        assert set(NUMBER.findall(claim)) <= set(NUMBER.findall(on_page.replace("%", " "))), answer


def test_the_commands_exist():
    named = re.findall(r"`python3 series\.py (\w+)`", PAGE)
    assert {"slides", "open"} <= set(named) <= set(COMMANDS)


def test_the_notebooks_have_the_controls_that_the_page_speaks_of():
    for name in NAMES[1:-1]:
        section = headings(read(name))["Now-you"]
        assert "control" in section
