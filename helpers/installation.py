"""Is everything here that the notebooks need? Asked by notebook 00."""

import sys
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

SERIES = "how-fast-can-it-train"  # the name in pyproject.toml


def missing(needed=None, python=None):
    """What the notebooks need and this installation lacks, a line each.

    Parameters
    ----------
    needed : list of str, optional
        Requirements such as ``"numpy>=2.2,<3"``; those of the series if None.
    python : str, optional
        Range of Python versions; that of the series if None.

    Returns
    -------
    list of str
        Empty if nothing is missing.
    """
    if needed is None:
        needed = requires(SERIES)
    if python is None:
        python = metadata(SERIES)["Requires-Python"]
    here = ".".join(map(str, sys.version_info[:3]))
    lines = [] if here in SpecifierSet(python) else [f"Python {python} is needed, this is {here}"]
    for requirement in map(Requirement, needed):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue  # needed by the tests only
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            lines.append(f"{requirement} is needed, and is not installed")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            lines.append(f"{requirement} is needed, and {found} is installed")
    return lines


def check_installation():
    """Print that all is well, or what is missing and how to get it."""
    lines = missing()
    if not lines:
        print("Everything that the notebooks need is installed.")
        return
    print("Missing:", *lines, sep="\n  ")
    print("To install it, run `python3 series.py open` in the folder that holds `notebooks/`.")
