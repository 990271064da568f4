"""The examination: fresh numbers that always tell right from wrong. And the published slips."""

import math
import re
from collections import Counter
from functools import cache
from itertools import chain, product

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell

from helpers.exercises.exercise import Exercise
from helpers.exercises.question import Choice, Formula, Number
from helpers.exercises.verdicts import Outcome, Verdict
from helpers.publishing.notebooks import NOTEBOOKS
from helpers.publishing.store import execute
from helpers.questions import examination, mistakes
from helpers.questions.examination import Examination

SEEDS = range(300)


@pytest.fixture(scope="module", autouse=True)
def each_row_is_read_once():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("device", "interconnects"):
            patch.setattr(examination, name, cache(getattr(examination, name)))
        yield


@pytest.fixture(scope="module")
def examinations():
    """Examinations of many seeds, whose questions compute their texts only once."""
    exams = [Examination(seed) for seed in SEEDS]
    for question in chain.from_iterable(exams):
        question.asked = cache(question.asked)
    return exams


def statements(exam):
    return [question.statement for question in exam]


def test_equal_seeds_give_equal_examinations_and_different_ones_differ():
    first, again, other = Examination(5), Examination(5), Examination(6)
    assert statements(first) == statements(again)
    assert repr(first) == repr(again)
    assert all(a != b for a, b in zip(statements(first), statements(other), strict=True))


def test_without_a_seed_one_is_drawn_and_said():
    drawn = Examination()
    assert f"Examination(seed={drawn.seed})" in repr(drawn)
    assert statements(Examination(drawn.seed)) == statements(drawn)
    assert len({Examination().seed for _ in range(3)}) > 1


@pytest.mark.parametrize("seed", [1.5, "1", True, float("nan"), [1]])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match="seed must be a whole number or None, got"):
        Examination(seed)


@pytest.mark.parametrize("number", [0, 11, -1, 1.5, "1", None, True, slice(1, 3), [1]])
def test_only_ten_questions_exist(number, examinations):
    with pytest.raises(ValueError, match="number must be a whole number from 1 to 10, got"):
        examinations[1][number]


def test_the_ten_mix_the_whole_series():
    exam = Examination(1)
    assert [exam[number] for number in range(1, 11)] == list(exam)
    notebooks = {template.notebook for template in examination.TEMPLATES}
    assert {name[:2] for name in notebooks} == {f"{number:02}" for number in range(1, 11)}
    assert all((NOTEBOOKS / name).is_file() for name in notebooks)
    listing = repr(exam)
    assert all(f"{number}. {exam[number]!r}" in listing for number in range(1, 11))


def test_questions_of_two_examinations_do_not_share_what_was_said():
    first, other = Examination(1), Examination(1)
    first[1].check(1)
    first[1].hint()
    assert other[1].last is None and other[1].hints_shown == 0


def test_every_answer_passes(examinations):
    for exam in examinations:
        for question in exam:
            verdict = question.check(question.answer())
            assert verdict.outcome is Outcome.CORRECT, (exam.seed, question)
            assert question.check(None).outcome is Outcome.NOT_ATTEMPTED


def test_every_slip_is_recognised(examinations):
    seen = Counter()
    for exam in examinations:
        for question in exam:
            for name, wrong in slips(question):
                verdict = question.check(wrong)
                assert (verdict.outcome, verdict.slip) == (Outcome.WRONG, name), (exam.seed, name)
                seen[question.title] += 1
    assert len(seen) == 10 and min(seen.values()) >= 2 * len(SEEDS)


def slips(question):
    asked, answer = question.asked(), question.answer()
    if isinstance(asked, Choice):
        return [(letter, letter) for letter in asked.options if letter != answer]
    wrong = [(slip.name, float(slip.wrong)) for slip in asked.slips]
    # With some numbers a slip does no harm, and then nobody can tell.
    return [(name, value) for name, value in wrong if not math.isclose(value, answer)]


def test_a_right_answer_in_two_digits_is_no_slip(examinations):
    for exam in examinations:
        for question in exam:
            if isinstance(asked := question.asked(), Number):
                rounded = float(f"{asked.answer():.2g}")
                verdict = question.check(rounded)
                known = {slip.name for slip in asked.slips}
                assert verdict.slip not in known, (exam.seed, question.title, rounded)


def test_no_letter_and_no_lever_is_right_more_often_than_another(examinations):
    right = [(exam[3].answer(), kind_of_lever(exam[3])) for exam in examinations]
    letters, kinds = (Counter(found) for found in zip(*right, strict=True))
    assert set(right) == set(product("abc", ("the peak", "the bandwidth", "both")))
    for counts in (letters, kinds):  # a third each, within four standard deviations of chance
        third, chance = len(SEEDS) / 3, math.sqrt(len(SEEDS) * 2 / 9)
        assert all(abs(count - third) < 4 * chance for count in counts.values()), counts


def kind_of_lever(question):
    words, _ = question.asked().options[question.answer()]
    return words.split(" times ")[1]


def from_the_page(number, text):
    """The answer to a question by hand, from nothing but its text."""

    def told(pattern):
        value, prefix = (*re.search(pattern, text).groups(), "")[:2]
        return float(value) * 1000.0 ** " kMGTPE".index(prefix or " ")

    share = r"(\d+)%"
    if number == 1:
        forward = 2e9 * told(r'lists (\S+) "GFLOPs"')
        return 3 * forward * told(r"(\d+) pictures") * told(r"(\d+) epochs")
    if number == 2:
        units = told(r"(\d+) tensor units") * told(r"(\d+) multiply-adds") * 2
        bytes_a_second = told(r"(\d+) wires") * told(r"(\S+) Gbit") * 1e9 / 8
        return units * told(r"(\S+) GHz") * 1e9 / bytes_a_second
    if number == 3:
        peak, bandwidth = told(r"computes (\S+) (\w)flop/s"), told(r"loads (\S+) (\w)B/s")
        intensity, speeds = told(r"has (\S+) flop/B"), {}
        for letter, factor, what in re.findall(r"\b([abc])\) (\S+) times (?:the )?(\w+)", text):
            more_peak = float(factor) if what != "bandwidth" else 1
            more_bandwidth = float(factor) if what != "peak" else 1
            speeds[letter] = min(more_peak * peak, more_bandwidth * bandwidth * intensity)
        return max(speeds, key=speeds.get)
    if number == 4:
        p, s = told(share) / 100, told(r"computes (\d+) times")
        return 1 / (told(r"by a factor (\d+(?:\.\d+)?)") * (1 - p) + p / s)
    if number == 5:
        times = told(r"needs (\S+) s of loading"), told(r"and (\S+) s of computing")
        return max(times) + min(times) / told(r"into (\d+) equal chunks")
    if number == 6:
        n, size = told(r"(\d+) GPUs"), told(r"has (\S+) million") * 1e6 * told(r"have (\d) bytes")
        return 2 * (n - 1) / n * size / (told(r"prints (\S+) (\w)B/s") / 2)
    if number == 7:
        peak = told(r"peak of (\S+) (\w)flop/s") * told(share) / 100
        return told(r"takes (\S+) flop") / (peak * told(r"(\d+) days") * 86400)
    if number == 8:
        numbers = told(r"of (\d+) million") * 1e6 * (4 if "np.add" in text else 3)
        moving = numbers * told(r"FP(\d\d) numbers") / 8 / told(r"reads (\S+) (\w)B/s")
        return moving / (told(r"takes (\S+) ms") / 1e3)
    if number == 10:
        work = (
            6e9
            * told(r"of (\S+) billion")
            * float(re.search(r"read (\S+)", text)[1].replace(",", ""))
        )
        return work / told(r"on (\d+) GPUs") / told(r"peak of (\S+) (\w)flop/s")
    one, n = told(r"(\d+) img/s on one"), told(r"img/s on (\d+)\.")
    serial = (n * one / told(r"(\d+) img/s on \d") - 1) / (n - 1)
    return 2 * n * one / (1 + serial * (2 * n - 1))


@pytest.mark.parametrize("number", range(1, 11))
def test_what_stands_on_the_page_is_enough(number, examinations):
    for exam in examinations:
        text = " ".join(exam[number].statement.split())
        found, key = from_the_page(number, text), exam[number].answer()
        if number == 3:
            assert found == key, exam.seed
        else:  # what printing rounds off is well within the tolerance
            assert math.isclose(found, key, rel_tol=exam[number].asked().tolerance / 2), exam.seed


def test_a_paper_has_all_questions_and_room_or_all_solutions():
    exam = Examination(5)
    paper, key = exam.paper(), exam.paper(solutions=True)
    for number, question in enumerate(exam, 1):
        asked = f"Question {number}\n{question!r}"
        assert asked in paper and asked in key
        assert repr(question.solution()) in key and repr(question.solution()) not in paper
    assert paper.count("Answer: ___") == 10 and "Answer: ___" not in key
    assert "Examination(seed=5)" in paper and "Name: ___" in paper
    assert max(map(len, (paper + key).splitlines())) <= 90


def test_no_answer_stands_in_its_question_or_is_trivial(examinations):
    for exam in examinations:
        for question in exam:
            if isinstance(asked := question.asked(), Number):
                answer = re.match(r"[\d.e+-]*\d", str(question.solution()))[0]
                told = [asked.statement, *asked.hints]
                assert answer not in re.findall(r"\d+(?:\.\d+)?", " ".join(told))
                assert len(answer.strip("0.")) > 1, (exam.seed, answer)


def test_answers_vary_from_seed_to_seed(examinations):
    for number in range(1, 11):
        answers = {exam[number].answer() for exam in examinations}
        assert len(answers) >= (3 if isinstance(examinations[0][number].asked(), Choice) else 20)


def test_the_questions_agree_with_a_calculation_by_hand():
    """One question each, from the printed figures alone."""
    given = {
        1: dict(network="ResNet-50", pictures=100_000, epochs=50),
        2: dict(units=100, macs=512, clock=1.5, wires=4096, rate=2.0),
        4: dict(p=0.8, s=4, r=2.0),
        5: dict(load=3.0, compute=8.0, chunks=6),
        6: dict(network="VGG-16", number_bytes=4, n=8, link="NVLink 3"),
        7: dict(key="H100-SXM", work=2e21, fraction=0.4, days=10),
        8: dict(
            operation="np.sqrt(a, out=b)",
            form="FP32",
            millions=50,
            peak=200e9,
            bandwidth=20e9,
            milliseconds=40.0,
        ),
        9: dict(n=4, alone=100, together=200),
        10: dict(key="H100-SXM", billions=7, n=16, rate=150_000),
    }
    by_hand = {
        1: 6 * 4.09e9 * 100_000 * 50,
        2: (100 * 512 * 2 * 1.5e9) / (4096 * 2e9 / 8),
        4: 1 / (2 * 0.2 + 0.8 / 4),
        5: 8 + 3 / 6,
        6: 2 * 7 / 8 * 138_357_544 * 4 / 300e9,
        7: 2e21 / (0.4 * 989e12 * 864_000),
        8: 0.75,  # 3 * 4 B * 50e6 are 600 MB, 30 ms at 20 GB/s
        9: 240.0,  # f = (1/2 - 1/4) / (3/4) = 1/3; S(8) = 1 / (1/3 + 2/24) = 2.4
        10: 6 * 7e9 * 150_000 / (16 * 989e12),
    }
    for number, expected in by_hand.items():
        key = examination.TEMPLATES[number - 1].exercise.asked(**given[number]).key
        assert math.isclose(key, expected, rel_tol=1e-12), number
    # Left of the ridge (x = 0.5) bandwidth pays, right of it the peak; both together in between.
    lever = examination.levers.exercise.asked
    machine = dict(peak=100e12, bandwidth=1e12, offers=((3, 1), (1, 3), (1.5, 1.5)))
    assert lever(balance=0.5, **machine).key == "b"
    assert lever(balance=3, **machine).key == "a"
    assert lever(balance=1, **machine).key == "c"


def test_marks_count_outcomes_and_say_what_to_read_again():
    exam = Examination(9)
    assert str(exam.mark()) == (
        "Examination(seed=9): 0 correct, 0 wrong, 10 not attempted, 0 cannot be judged. "
        "Correct without a hint: 0."
    )
    for number in (1, 2, 3):
        exam[number].check(exam[number].answer())
    exam[2].hint()
    exam[4].hint()
    name, wrong = slips(exam[5])[0]
    exam[5].check(wrong)
    exam[10].check(-3)
    exam[8].check("a good deal")
    head, *advice = str(exam.mark()).splitlines()
    assert "3 correct, 2 wrong, 4 not attempted, 1 cannot be judged." in head
    assert head.endswith("Correct without a hint: 2.")
    assert len(advice) == 3
    assert name in advice[0] and "05_pipelining.ipynb" in advice[0] and "Question 5" in advice[0]
    assert advice[1] == f"Question 8, {exam[8].title}, cannot be judged: {exam[8].last.words}"
    assert "Question 10" in advice[2] and "10_transformers.ipynb" in advice[2]
    exam[5].check(exam[5].answer())  # the last check counts
    assert "4 correct, 1 wrong" in str(exam.mark())
    assert exam.mark().startswith("Examination(seed=9)") and "5 correct" not in exam.mark()


def test_a_close_answer_sends_nobody_back_to_a_notebook():
    exam = Examination(9)
    exam[7].last = Verdict(Outcome.WRONG, "Close: three digits are asked.", "close")
    advice = str(exam.mark()).splitlines()[1:]
    assert advice == [f"Question 7, {exam[7].title}: Close: three digits are asked."]


def test_another_hardware_row_gives_another_answer(monkeypatch):
    exam, original = Examination(3), examination.device
    plan, utilised = exam[7].answer(), exam[10].answer()

    def faster(key):
        row = original(key).copy()
        row["peak_fp16"], row["peak_bf16"] = 3 * row["peak_fp16"], 2 * row["peak_bf16"]
        return row

    monkeypatch.setattr(examination, "device", faster)
    assert math.isclose(exam[7].answer(), plan / 3)
    assert math.isclose(exam[10].answer(), utilised / 2)
    assert exam[7].check(plan).outcome is Outcome.WRONG


@pytest.mark.parametrize(
    ("number", "core"),
    [
        (1, "training_work"),
        (2, "ridge"),
        (4, "speedup"),
        (5, "chunked_time"),
        (6, "allreduce_time"),
        (7, "training_time"),
        (8, "attainable"),
        (9, "karp_flatt"),
        (10, "weights_work"),
    ],
)
def test_another_core_function_gives_another_answer(number, core, monkeypatch):
    exam, original = Examination(3), getattr(examination, core)
    before = exam[number].answer()
    monkeypatch.setattr(examination, core, lambda *args, **named: 1.7 * original(*args, **named))
    assert exam[number].answer() != before
    assert exam[number].check(before).outcome is Outcome.WRONG


def test_another_roofline_gives_another_lever(monkeypatch):
    levers = next(
        e[3] for e in map(Examination, range(50)) if kind_of_lever(e[3]) == "the bandwidth"
    )
    right = levers.answer()
    monkeypatch.setattr(examination, "attainable", lambda intensity, peak, bandwidth: peak)
    assert levers.answer() != right  # on a machine without a memory roof bandwidth gains nothing


def test_a_broken_core_does_not_draw_for_ever(monkeypatch):
    # A time that hangs on nothing: every slip leads to the answer.
    monkeypatch.setattr(examination, "chunked_time", lambda load, compute, chunks: 7.8)
    with pytest.raises(RuntimeError, match="no clear numbers"):
        Examination(1)


# ---- the gallery of published slips ----

GALLERY = {name: value for name, value in vars(mistakes).items() if isinstance(value, Exercise)}
# Results as they were printed: typed from the sources, and computed in the module.
AS_PRINTED = {
    "claim_1": 5,
    "claim_5": 8500e9,
    "claim_9": 0.864e18,
    "claim_10": 295.2,
    "claim_11": 674.0,
    "claim_16": 0.047,
    "claim_17": 0.002,  # printed as 0.2 %; unrounded 0.00243
    "claim_18": 3.00,
    "claim_19": 1.5e6,
    "claim_20": 1099,
    "claim_21": 81,
    "claim_22": 2500,
    "claim_24": 0.50,
    "claim_27": 1.564368e16,
}
# What follows from the claim with numbers of our own, or is only a step of the source.
AS_CLAIMED = {
    "claim_3": 10.225,
    "claim_6": 16.0,
    "claim_7": 160e9,
    "claim_12": 334,
    "claim_13": 624 / 2.039,
    "claim_23": 4e6 / 2048,
    "claim_25": 400 / 1979,
    "claim_26": 0.4 * 989.5 / 312,
}
# What is right, by hand.
RIGHT = {
    "claim_1": 100 / 80,
    "claim_3": 1 / (0.1 + 0.9 / 4),
    "claim_4": 1 + 0.7 * 9,  # loading takes 1 s before, 1 / 0.7 s after; computing 9 s
    "claim_5": 400e9 * 4,
    "claim_6": 3200 / 51.2,
    "claim_7": 15e9 * 32,
    "claim_8": 3 * 989 / 3.35,  # N / 3 = the ridge
    "claim_9": 6 * 4_089_184_256 * 1_281_167 * 90,
    "claim_10": 989 / 4.8,
    "claim_11": 42.5 / 2 / 0.2048,
    "claim_12": 334 / 2,
    "claim_13": 312 / 2.039,
    "claim_15": 1 + 60 / (15.7 / 0.9),
    "claim_16": 3 / 19,
    "claim_17": 1 / (1 + (0.5 * 2 * 255 / 256 * 350 / 50) / (6 * 175e9 * 2048 / 494.5e12)),
    "claim_18": 3 / 2,
    "claim_19": 6 * 7e9 * 1e6 / 64 / (2 * 63 / 64 * 2 * 7e9),
    "claim_20": 989 / 0.45,
    "claim_21": 128 * 9 / 16,
    "claim_22": 2250e12 / 400e9,
    "claim_23": 62_914_560 / 2048,
    "claim_24": 6 * 405e9 * 15.6e12 / (30.84e6 * 3600 * 989e12),
    "claim_25": 400 / 989,
    "claim_26": 0.4 * 312 / 989.5,
    "claim_27": 0.5014 * 312e12,
    "your_find": 1 / (0.2 + 0.8 / 5),
}


def published(exercise):
    names = mistakes.PUBLISHED, mistakes.CLAIM
    return next((s for s in exercise.asked().slips if s.name in names), None)


def test_the_gallery_is_large_and_most_of_it_holds_what_was_published():
    assert len(GALLERY) >= 14
    with_value = [e for e in GALLERY.values() if published(e)]
    assert len(with_value) >= len(GALLERY) / 2
    assert RIGHT.keys() == {name for name, e in GALLERY.items() if isinstance(e.asked(), Number)}


@pytest.mark.parametrize("name", AS_PRINTED | AS_CLAIMED)
def test_the_published_number_follows_from_its_own_inputs(name):
    exercise = GALLERY[name]
    value = float(published(exercise).wrong)
    assert math.isclose(value, (AS_PRINTED | AS_CLAIMED)[name], rel_tol=3e-3)
    verdict = exercise.check(value)
    kind = mistakes.PUBLISHED if name in AS_PRINTED else mistakes.CLAIM
    assert (verdict.outcome, verdict.slip) == (Outcome.WRONG, kind)


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_number_is_that_of_a_calculation_by_hand(name):
    assert math.isclose(GALLERY[name].answer(), RIGHT[name], rel_tol=1e-9)


def test_the_right_formulas():
    assert GALLERY["claim_2"].check("s / (s - p*s + p)").outcome is Outcome.CORRECT
    assert GALLERY["claim_14"].check("1 / (1 - I*beta/pi)").outcome is Outcome.CORRECT


def test_no_claim_can_be_had_by_trying_letters_nor_by_its_name():
    assert not any(isinstance(exercise.asked(), Choice) for exercise in GALLERY.values())
    assert [*GALLERY] == [f"claim_{number}" for number in range(1, 28)] + ["your_find"]


def test_where_a_claim_was_read_is_said_to_the_commit_or_the_issue():
    article = "*Seen in the article that this series grew from.*"
    places = r"\(https://github\.com/[\w.-]+/[\w.-]+/(blob/[0-9a-f]{40}/\S+|(issues|pull)/\d+)\)"
    for name, exercise in GALLERY.items():
        where = exercise.statement.rpartition("Answer ")[2]
        assert name == "your_find" or article in where or re.search(places, where), name


def test_the_keys_follow_the_core(monkeypatch):
    monkeypatch.setattr(
        mistakes, "compute_fraction", lambda x, peak, bandwidth: 0.9 / bandwidth**0.1
    )
    assert GALLERY["claim_4"].answer() > 10  # here p would rise
    original = mistakes.device

    def other(key):
        row = original(key).copy()
        row["bandwidth"], row["peak_fp8"] = row["bandwidth"] / 2, 624e12
        return row

    monkeypatch.setattr(mistakes, "device", other)
    assert GALLERY["claim_8"].answer() > 1024  # the ridge would be at 590 flop/B
    assert math.isclose(GALLERY["claim_10"].answer(), 2 * 989 / 4.8)
    assert math.isclose(GALLERY["claim_13"].answer(), 2 * 624 / 2.039)


def test_factors_cover_every_result_that_a_source_prints_and_no_other_number():
    ratios = [AS_PRINTED[name] / RIGHT[name] for name in GALLERY if name in AS_PRINTED]
    by_hand = [max(ratio, 1 / ratio) for ratio in ratios]
    assert np.allclose(mistakes.published_factors(), by_hand, rtol=0.01)
    numbers = [e for e in GALLERY.values() if isinstance(e.asked(), Number) and published(e)]
    assert len(numbers) == len(AS_PRINTED) + len(AS_CLAIMED)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_a_find_of_ones_own_is_judged_over_the_whole_range(p):
    right = 1 / (1 - p + p / 8)
    assert GALLERY["your_find"].check(right, p=p, n=8).outcome is Outcome.CORRECT
    assert GALLERY["your_find"].check(100, p=p, n=8).outcome is Outcome.WRONG


def notebook():
    return nbformat.read(NOTEBOOKS / "12_examination.ipynb", as_version=4)


def test_the_notebook_shows_and_checks_every_question():
    cells = {cell.id: cell for cell in notebook().cells}
    for number in range(1, 11):
        assert cells[f"show-{number}"].source == f"exam[{number}]"
        assert cells[f"question-{number}"].source == f"exam[{number}].check(None)"


def test_no_answer_stands_in_the_stored_notebook():
    text = " ".join(f"{cell.source} {cell.get('outputs', '')}" for cell in notebook().cells)
    numbers = set(examination.NUMBER.findall(text))
    for question in Examination(2026):
        if isinstance(question.asked(), Number):
            assert examination.NUMBER.match(str(question.solution()))[0] not in numbers


@pytest.mark.slow
def test_run_of_the_notebook_with_planted_mistakes_and_then_the_solutions():
    exam, filled = Examination(2026), notebook()
    cells = {cell.id: cell for cell in filled.cells}
    for number, question in enumerate(exam, 1):
        _, wrong = slips(question)[0]
        cells[f"question-{number}"].source = f"exam[{number}].check({wrong!r})"
    right = [f"exam[{number}].check({exam[number].answer()!r})" for number in range(1, 11)]
    after = filled.cells.index(cells["mark"]) + 1
    filled.cells[after:after] = map(new_code_cell, [*right, cells["mark"].source])
    execute(filled, NOTEBOOKS)
    expected = {after - 1: "0 correct, 10 wrong", after + 10: "10 correct, 0 wrong"}
    for place, marks in expected.items():
        said = filled.cells[place].outputs[0].data["text/plain"]
        assert f"{marks}, 0 not attempted" in " ".join(said.split())


def test_formulas_of_the_gallery_are_recognised_when_published():
    for name in ("claim_2", "claim_14"):
        exercise = GALLERY[name]
        question = exercise.asked()
        assert isinstance(question, Formula)
        verdict = exercise.check(published(exercise).wrong)
        assert (verdict.outcome, verdict.slip) == (Outcome.WRONG, mistakes.PUBLISHED)
        assert np.isfinite([question.key(**point) for point in question.points()]).all()
