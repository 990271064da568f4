"""What a roofline says."""

from helpers.roofline import (
    attainable,
    bandwidth_utilisation,
    bound,
    compute_utilisation,
    ridge,
)
from helpers.scenes.marks import (
    BOTH,
    COMPUTE,
    DOT_SHAPES,
    LABEL_PLACES,
    MEMORY,
    ROOF_COLOURS,
    Dot,
    Line,
    Scene,
    Words,
)
from helpers.words import apart, percent, si


def roofline_scene(peak, bandwidth, tasks, intensities=(0.05, 2000)):
    """The marks and the sentence of a roofline with tasks; arguments as `plot_roofline`."""
    low, high = intensities
    meet = ridge(peak, bandwidth)
    top = attainable(meet, peak, bandwidth)
    corner = min(max(meet, low), high)  # the last of the slanted roof that is on the page
    level = attainable([low, corner, high], peak, bandwidth).tolist()
    told, *intensities_told = apart(meet, *tasks.values())
    roofs = (
        Line((low, corner), tuple(level[:2]), MEMORY),
        Line((corner, high), tuple(level[1:]), COMPUTE),
    )
    marks = [
        *(roof for roof in roofs if roof.x[0] < roof.x[1]),
        Dot(meet, top, BOTH, "D"),
        Words(meet, top, f"ridge {told}", BOTH, "right", (-8, 22)),
    ]
    sentences = [f"The ridge is at {told} flop/B"]
    for (task, intensity), at in zip(tasks.items(), intensities_told, strict=True):
        performance = attainable(intensity, peak, bandwidth)
        regime = bound(intensity, peak, bandwidth)
        colour = ROOF_COLOURS.get(regime, BOTH)
        marks += [
            Line((intensity, intensity), (performance * 1e-9, performance), colour, True, 1.2),
            Dot(intensity, performance, colour, DOT_SHAPES.get(regime, "D")),
            Words(intensity, performance, task, colour, *LABEL_PLACES[regime]),
        ]
        sentences.append(
            f"{task} at {at} flop/B is {regime} and attains {si(performance, 'flop/s')}"
        )
    return Scene(marks, "; ".join(sentences) + ".")


def units_used(intensity, peak, bandwidth):
    """How much of both units a task uses, in words."""
    return (
        f"uses {percent(compute_utilisation(intensity, peak, bandwidth))} of the peak and "
        f"{percent(bandwidth_utilisation(intensity, peak, bandwidth))} of the bandwidth"
    )
