"""Docstrings completed by what many functions share, so that each states only what is its own."""

import inspect
import re

ORDER = ("Parameters", "Returns", "Raises", "Source", "Examples")


def complete(function, **shared):
    """Add shared sections to the docstring of a function, in place; return the function.

    Parameters
    ----------
    function : callable
        Its own entries of Parameters come first; of the other sections its own stands alone.
    **shared : str
        Text of each section by its title, such as ``Returns="matplotlib Axes"``.

    Examples
    --------
    >>> def double(x):
    ...     '''Twice x.'''
    >>> print(complete(double, Returns="float").__doc__)
    Twice x.
    <BLANKLINE>
    Returns
    -------
    float
    """
    if function.__doc__ is None:  # Python was started without docstrings
        return function
    head, *parts = re.split(r"\n\n(\w+)\n-{4,}\n", inspect.cleandoc(function.__doc__))
    own = dict(zip(parts[::2], parts[1::2], strict=True))
    sections = {**shared, **own}
    if "Parameters" in own and "Parameters" in shared:
        sections["Parameters"] = f"{own['Parameters']}\n{shared['Parameters']}"
    titles = sorted(sections, key=ORDER.index)
    texts = [f"{title}\n{'-' * len(title)}\n{sections[title]}" for title in titles]
    function.__doc__ = "\n\n".join([head, *texts])
    return function
