"""Scenes say what the models say: checked on their marks and sentences."""

import itertools

import numpy as np
import pytest

from helpers import parallel
from helpers.amdahl import limit, speedup
from helpers.budget import training_time
from helpers.pipeline import chunked_time, speedup_over_serial
from helpers.roofline import attainable
from helpers.scenes.amdahl import speedup_scene
from helpers.scenes.budget import training_scene
from helpers.scenes.marks import COMPUTE, MEMORY, QUIET, Dot, Line, Words
from helpers.scenes.parallel import engine_scene
from helpers.scenes.pipeline import overlap_scene
from helpers.scenes.roofline import roofline_scene
from helpers.scenes.transformers import BYTES, TOP, memory_scene, seconds_scene
from helpers.splits import Memory, Seconds, SplitStep
from helpers.words import short

TOY = dict(peak=8.0, bandwidth=4.0)  # ridge at 2 flop/B
# A step of one device takes 32 * 24e9 / 9e12 = 0.0853 s.
ENGINE = dict(work=24e9, size=1e8, peak=15e12, fraction=0.6, batch=32, link=100e9, port=1e9)
COMPUTE_S = 32 * 24e9 / 9e12


def _dots(scene):
    return [mark for mark in scene.marks if isinstance(mark, Dot)]


# budget


def test_training_scene_places_the_run_and_the_published_ones():
    scene = training_scene(8e15, 1e12, 4, 0.5, [("other", 2e12, 8000)])
    other, mine = _dots(scene)
    assert (mine.x, mine.y) == (4e12, training_time(8e15, 1e12, 0.5, 4))
    assert (other.x, other.y) == (2e12, 8000)
    assert "other took 2.22 h at 50% of its peak" in scene.sentence  # 8e15 / (8000 * 2e12)
    assert {"other 50%", "you, 50%"} < {m.text for m in scene.marks if isinstance(m, Words)}


# roofline


def test_roofline_draws_three_exact_points_and_the_task():
    scene = roofline_scene(**TOY, tasks={"task": 0.5}, intensities=(0.1, 100))
    slanted, flat = [mark for mark in scene.marks if isinstance(mark, Line)][:2]
    assert (slanted.x, slanted.y) == ((0.1, 2), (0.4, 8))  # 4 * 0.1 = 0.4, up to the ridge
    assert (flat.x, flat.y) == ((2, 100), (8, 8))
    ridge, task = _dots(scene)
    assert (ridge.x, ridge.y) == (2, 8)
    assert (task.x, task.y) == (0.5, 2)  # 4 * 0.5
    assert scene.sentence == (
        "The ridge is at 2 flop/B; task at 0.5 flop/B is memory-bound and attains 2 flop/s."
    )


def test_regimes_differ_in_colour_and_in_shape():
    scene = roofline_scene(**TOY, tasks={"left": 1, "ridge": 2, "right": 4})
    left, ridge, right = _dots(scene)[1:]
    assert len({left.colour, ridge.colour, right.colour}) == 3
    assert len({left.shape, ridge.shape, right.shape}) == 3


def test_roofline_off_the_page_keeps_its_roof():
    # A ridge beyond the last intensity: only the slanted roof is in sight.
    scene = roofline_scene(peak=1e6, bandwidth=1, tasks={}, intensities=(0.1, 100))
    (slanted,) = [mark for mark in scene.marks if isinstance(mark, Line)]
    assert slanted.x[1] == 100 and slanted.y[1] == 100


def test_scene_numbers_come_from_the_core():
    assert attainable(100, 15.7e12, 900e9) == 15.7e12
    sentence = roofline_scene(15.7e12, 900e9, {"I": 100}).sentence
    assert "attains 15.7 Tflop/s" in sentence


# amdahl


def test_speedup_curve_ceiling_and_dot():
    scene = speedup_scene(0.9, s=9)
    curve = [mark for mark in scene.marks if isinstance(mark, Line) and mark.colour == COMPUTE]
    np.testing.assert_allclose(curve[0].y, speedup(0.9, np.array(curve[0].x)))
    ceiling = [mark for mark in scene.marks if isinstance(mark, Line) and mark.colour == MEMORY]
    assert ceiling[0].y == (limit(0.9), limit(0.9))
    assert (_dots(scene)[0].x, _dots(scene)[0].y) == (9, speedup(0.9, 9))
    assert scene.sentence == "With p = 0.9, S never exceeds 10; at s = 9 it is 5."


def test_speedup_scene_names_a_slow_down_and_a_missing_ceiling():
    assert speedup_scene(0.5, r=4, s=8).sentence.endswith("it is 0.485: a slow-down.")
    assert "S has no ceiling" in speedup_scene(1.0).sentence


# pipeline


def test_curves_obey_every_input_that_the_point_obeys():
    for chunks, store, buffers in itertools.product((1, 4, 32), (0, 0.5, 1), (1, 2, 3)):
        scene = overlap_scene(1.0, 3.0, chunks, store, buffers)
        (curve,) = [m for m in scene.marks if isinstance(m, Line) and m.dashed]
        start, now = _dots(scene)
        assert np.interp(1.0, curve.x, curve.y) == pytest.approx(now.y, rel=1e-9)


@pytest.mark.parametrize("store", [0.0, 0.7])
def test_overlap_scene_places_start_and_present(store):
    scene = overlap_scene(4, s=2, chunks=8, store=store, buffers=3)
    start, now = _dots(scene)
    assert start.y == pytest.approx(4 / (1 + 4 + store))  # all in turn, P / pi = compute / time
    assert now.y == pytest.approx(4 / chunked_time(1, 2, 8, store))
    if not store:
        assert now.y / start.y == pytest.approx(speedup_over_serial(4, 2, 8))
        assert "No s and no n can give more than 5." in scene.sentence  # 1 + x


# parallel


def moving(scene):
    curves = [mark for mark in scene.marks if isinstance(mark, Line) and not mark.dashed]
    *_, dot = [mark for mark in scene.marks if isinstance(mark, Dot)]  # last, over the turn
    (words,) = [mark for mark in scene.marks if isinstance(mark, Words)]
    return curves, dot, words


def reduce_time(machines):
    """Two rings, written out: 8 devices over the link, m machines over the shared port."""
    machines = np.asarray(machines)
    return 2 * 7 / 8 * 1e8 / 100e9 + 2 * (machines - 1) / machines * 1e8 / 1e9


def test_the_engine_stands_where_the_core_says():
    scene = engine_scene(**ENGINE, overlap=0.5, machines=4)
    curves, dot, words = moving(scene)
    step = parallel.step_time(COMPUTE_S, reduce_time(4), 0.5)
    assert (dot.x, dot.y) == (4, pytest.approx(COMPUTE_S / step))
    assert words.text == f"{short(parallel.throughput(32, 32, step))} img/s"
    for curve in curves:
        step = parallel.step_time(COMPUTE_S, reduce_time(curve.x), 0.5)
        np.testing.assert_allclose(curve.y, COMPUTE_S / step)


def test_the_curve_turns_where_the_all_reduce_takes_longer():
    # 0.00175 + 0.2 (m - 1) / m s against 0.0853 s: shorter for one machine, longer for two
    scene = engine_scene(**ENGINE, overlap=0, machines=4)
    before, after = moving(scene)[0]
    assert (before.colour, after.colour) == (COMPUTE, MEMORY)
    assert before.x == (1, 2) and after.x == tuple(range(2, 129))
    turn = next(mark for mark in scene.marks if isinstance(mark, Dot))
    assert (turn.x, turn.shape) == (2, "D")
    assert turn.y == pytest.approx(COMPUTE_S / (COMPUTE_S + 0.10175))


@pytest.mark.parametrize(
    ("changed", "colours"),
    [
        (dict(port=100e9), [COMPUTE]),  # never longer: no diamond
        (dict(link=1e9), [MEMORY]),  # inside a machine already: 0.175 s
    ],
)
def test_a_curve_of_one_regime_has_one_colour_and_no_diamond(changed, colours):
    scene = engine_scene(**{**ENGINE, **changed}, overlap=0, machines=4)
    curves, dot, _ = moving(scene)
    assert [curve.colour for curve in curves] == colours
    assert (curves[0].x[0], curves[0].x[-1]) == (1, 128)
    assert [mark for mark in scene.marks if isinstance(mark, Dot)] == [dot]


@pytest.mark.parametrize(("port", "colour"), [(1e12, COMPUTE), (1e9, MEMORY)])
def test_colour_and_words_say_what_takes_longer(port, colour):
    scene = engine_scene(**{**ENGINE, "port": port}, overlap=0, machines=16)
    assert moving(scene)[1].colour == colour
    longer = "computing" if colour == COMPUTE else "the all-reduce"
    assert scene.sentence.endswith(f": {longer} takes longer.")


def test_equal_times_are_called_equal():
    # the ring inside alone: 0.175e9 / link = 0.0853 s, and a millionth more
    scene = engine_scene(
        **{**ENGINE, "link": 0.175e9 / COMPUTE_S * (1 - 1e-6)}, overlap=0, machines=1
    )
    assert scene.sentence.endswith("takes 0.0853 s: both take equally long.")


def test_full_overlap_hides_a_short_all_reduce_and_one_machine_uses_no_port():
    scene = engine_scene(**ENGINE, overlap=1, machines=1)
    assert moving(scene)[1].y == 1
    assert "1 machine of 8: " in scene.sentence and "efficiency 100%" in scene.sentence
    none, full = [mark for mark in scene.marks if isinstance(mark, Line) and mark.dashed]
    assert all(np.array(none.y) <= np.array(full.y))
    slower_port = engine_scene(**{**ENGINE, "port": 1e6}, overlap=1, machines=1)
    assert slower_port.sentence == scene.sentence


# transformers

PARTS = Memory(16.0, 8.0, 0.0, 4.0, 2.0)


def bars(scene):
    return [mark for mark in scene.marks if isinstance(mark, Line) and not mark.dashed]


@pytest.mark.parametrize(("room", "whole"), [(60.0, 60), (20.0, 30)])
def test_bytes_stand_one_after_the_other_beside_the_memory(room, whole):
    scene = memory_scene(PARTS, room)
    ends = np.array([bar.x for bar in bars(scene)])
    np.testing.assert_allclose(ends * whole, [(0, 16), (16, 24), (24, 28), (28, 30)])
    assert [bar.y[0] for bar in bars(scene)] == [4, 3, 1, 0]  # no row for what is nothing
    (limit,) = [mark for mark in scene.marks if isinstance(mark, Line) and mark.dashed]
    assert limit.x == (room / whole, room / whole)
    end = "That leaves at most 30 B of 60 B." if room == 60 else "It does not fit into 20 B."
    assert scene.sentence == (
        "A device holds at least 30 B: weights 16 B, gradients 8 B, activations 4 B, "
        f"at work 2 B. {end}"
    )


def test_what_fills_the_memory_to_the_byte_fits():
    assert memory_scene(PARTS, 30.0).sentence.endswith("That leaves at most 0 B of 30 B.")


def test_seconds_stand_one_after_the_other_and_the_longest_part_is_named():
    step = SplitStep(PARTS, Seconds(2.0, 0.0, 0.5, 4.0, 1.5), 0.15, "bubble")
    scene = seconds_scene(step)
    ends = np.array([bar.x for bar in bars(scene)])
    np.testing.assert_allclose(ends * 8, [(0, 2), (2, 2.5), (2.5, 6.5), (6.5, 8)])
    assert [bar.colour for bar in bars(scene)] == [COMPUTE, MEMORY, QUIET, MEMORY]
    assert {mark.text for mark in scene.marks if isinstance(mark, Words)} == {
        *("2 s", "500 ms", "4 s", "1.5 s")
    }
    assert scene.sentence == (
        "A step takes 8 s: computing 2 s, sharing layers 500 ms, bubble 4 s, sharing data 1.5 s. "
        "Longest: bubble. MFU 15%."
    )


def test_the_words_on_the_memory_stand_above_all_rows_and_inside_the_axes():
    marks = memory_scene(Memory(1, 1, 1, 1, 1), 4).marks
    (words,) = (mark for mark in marks if isinstance(mark, Words) and "memory" in mark.text)
    assert len(BYTES) - 0.5 < words.y < TOP < len(BYTES) + 0.5
