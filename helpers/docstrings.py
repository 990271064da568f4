"""Docstrings completed by what many functions share, so that each states only what is its own."""

import re
from inspect import cleandoc

ORDER = ("Parameters", "Returns", "Raises", "Source", "Examples")


def complete(function, **shared):
    """Add shared sections to the docstring of a function, in place; return the function.

    What starts with "Source: " or with an example gets its heading.

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
    text, sections = [], dict(shared)
    for part in cleandoc(function.__doc__).split("\n\n"):
        if heading := re.match(r"(\w+)\n-+\n", part):
            title, part = heading[1], part[heading.end() :]
            more = shared.get(title) if title == "Parameters" else None
            sections[title] = "\n".join(filter(None, [part, more]))
        elif part.startswith("Source: "):
            sections["Source"] = part.removeprefix("Source: ")
        elif part.startswith(">>> "):
            sections["Examples"] = part
        else:
            text.append(part)
    for title in sorted(sections, key=ORDER.index):
        text.append(f"{title}\n{'-' * len(title)}\n{sections[title]}")
    function.__doc__ = "\n\n".join(text)
    return function
