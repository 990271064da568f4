"""Predictions: a number to guess before a reveal."""

import math

import ipywidgets as widgets

from helpers.exercises.answers import check_unit, read
from helpers.exercises.units import Unclear, scaled
from helpers.exercises.verdicts import Said, quantity
from helpers.words import short

# On a narrow page the field of a prediction stands under its label, which ipywidgets would cut.
WRAPPED_LABEL = """<style>
.prediction { flex-wrap: wrap; }
.prediction > .widget-label
{ white-space: normal; height: auto; max-width: 100%; text-align: left; }
</style>"""


class Prediction(widgets.VBox):
    """A number to guess before a reveal: a text field that nobody has to fill in.

    It never waits. Where nobody types (a test, an export, a reader in a hurry), the reveal simply
    says what the model says.

    Parameters
    ----------
    what : str
        What to predict, in a few words.
    unit : str
        One of `helpers.exercises.units.UNITS`.
    """

    def __init__(self, what, unit="1"):
        check_unit(unit)
        self.unit = unit
        self.label = what if unit == "1" else f"{what} ({unit})"
        self.field = widgets.Text(
            description=f"{self.label}:",
            placeholder="your guess, or nothing",
            continuous_update=False,  # one message, and before that of the next cell
            style={"description_width": "initial"},
            layout=widgets.Layout(width="650px", max_width="calc(100% - 4px)", height="auto"),
        )
        self.field.add_class("prediction")
        style = widgets.HTML(WRAPPED_LABEL, layout=widgets.Layout(display="none"))
        super().__init__([style, self.field])

    def reveal(self, model, source="model"):
        """Compare what was typed with the value of the model.

        Parameters
        ----------
        model : float
            The value that the notebook computed, in the unit of the prediction, above 0.
        source : str
            What says so: "model", or "stopwatch" for what was measured.

        Returns
        -------
        Said
            Prediction, model, their ratio, and the score \\|log10(ratio)\\|: 0 is perfect, 0.3 is
            a factor 2, 1 a factor 10. A guess that cannot be read, or is bare and far off by
            its prefix, is asked for again: it is not scored, and the model is not told.

        Raises
        ------
        ValueError
            If the value of the model is not above 0 and finite.
        """
        return scored(self.label, self.unit, self.field.value, model, source)

    def _repr_mimebundle_(self, **kwargs):
        """The live field, and beside it words for pages without a kernel."""
        data = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": f"Your prediction. {self.label}: ____"}


def scored(label, unit, typed, model, source="model"):
    """What `Prediction.reveal` says of what was typed, for a prediction of that label and unit."""
    if not 0 < model < math.inf:
        raise ValueError(f"model must be above 0 and finite, got {model!r}")
    model, typed = float(model), typed.strip()
    share = unit == "1" and "%" in label
    if not typed:
        right = quantity(model, unit, "%" if share else "")
        return Said(f"No prediction. The {source} says {right}.")
    try:
        guess, dress = read(typed, unit, label)
        if guess <= 0:
            raise Unclear(f"A prediction must be above 0, not {short(guess)}.")
        if not dress and guess > 1 and share:
            raise Unclear(f"As a fraction {short(guess)} is more than the whole: add a % sign?")
        if not dress and (meant := _meant(guess, model, unit)):
            raise Unclear(
                f"A bare number is in {unit}. This is {short(guess)} {unit}: did you mean {meant}?"
            )
    except Unclear as unclear:
        return Said(
            f"{unclear} Not scored: type again above, then run this cell again. An empty field "
            "shows the answer."
        )
    score = abs(math.log10(guess) - math.log10(model))  # the ratio itself could underflow
    return Said(
        f"You predicted {quantity(guess, unit, dress)}. The {source} says "
        f"{quantity(model, unit, dress)}. Ratio {short(guess / model)}, score {score:.2f} "
        "(0 is perfect, 0.3 is a factor 2)."
    )


def _meant(guess, model, unit):
    """The unit in which a bare guess, far from the model, would be near it; None for none."""
    misses = {
        name: abs(math.log10(guess) + math.log10(size) - math.log10(model))
        for name, size in {unit: 1.0, **scaled(unit)}.items()
    }
    if not 1e-3 <= guess < 1e4 or misses.pop(unit) < 1.5:  # half of a power of 1000
        return None
    return min(misses, key=misses.get, default=None)
