"""What controls take: sliders over round numbers, and choices from the catalog."""

import math

import ipywidgets as widgets

from helpers.catalog import rows
from helpers.schemas import DEVICES
from helpers.words import short

# The positions of a slider within one factor of ten: fine enough to drag, round enough to read,
# and every whole number is among them. A `FloatLogSlider` would turn 3 into 3.16.
DECADE = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9)


def device_peaks(*precisions):
    """The dense peak, flop/s, of every device of the catalog that has one: "V100-SXM2 fp32"."""
    peaks = {
        f"{row['key']} {precision}": row[f"peak_{precision}"]
        for row in rows(DEVICES)
        for precision in precisions
    }
    return {name: peak for name, peak in peaks.items() if math.isfinite(peak)}


def positions(widget):
    """Every value that an input can take, first to last."""
    if hasattr(widget, "_options_full"):  # a list, or a slider over one
        return [value for _, value in widget._options_full]
    steps = round((widget.max - widget.min) / widget.step)
    return [widget.min + widget.step * step for step in range(steps + 1)]


def choice(description, options, value=None):
    """A list to choose from; the first of the options if no value is given."""
    options = list(options)
    value = options[0] if value is None else value
    return widgets.Dropdown(options=options, value=value, description=description)


def slider(description, value, low, high, step, written):
    """A slider over evenly spread numbers; `written` is their format, such as ``".0%"``."""
    return widgets.FloatSlider(
        value, min=low, max=high, step=step, readout_format=written, description=description
    )


def log_slider(description, value, low, high, *, whole=False):
    """A slider over round numbers from `low` to `high`, evenly spread on a logarithmic scale.

    The first value is kept exactly, as a position of its own. `whole` leaves only whole numbers.

    Raises
    ------
    ValueError
        If the first value is not between `low` and `high`.
    """
    if not low <= value <= high:
        raise ValueError(f"{description} must be from {low:g} to {high:g}, got {value}")
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = {float(f"{digits}e{power}") for power in powers for digits in DECADE}
    if whole:
        steps = {step for step in steps if step.is_integer()}
    options = sorted({*map(float, (value, low, high)), *(s for s in steps if low <= s <= high)})
    return widgets.SelectionSlider(
        options=[(short(option), option) for option in options],
        value=float(value),
        description=description,
    )
