"""The house: which room of `helpers` may use which, and what each may need from elsewhere.

Read from the source, imports inside functions included. Whoever draws an arrow upwards, or lets a
scene need pandas, finds here what the rule is; whoever adds a room says here where it stands.
"""

import ast
import json
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = {"numpy"}
TABLES = NUMBERS | {"pandas"}
FITS = NUMBERS | {"scipy"}
PICTURES = NUMBERS | {"matplotlib", "IPython", "PIL"}
# The floors, from the top. A room uses itself and what stands below its floor. Beside each the
# packages that it may need, by itself or through what it uses; None: whatever the project declares.
FLOORS = [
    {"publishing": None},
    {"live": TABLES | PICTURES | FITS | {"ipywidgets", "threadpoolctl", "tqdm"}},
    {"questions": TABLES | FITS | {"ipywidgets", "threadpoolctl", "tqdm"}},
    {"exercises": NUMBERS | {"ipywidgets"}},
    {"controls": TABLES | PICTURES | FITS | {"ipywidgets", "threadpoolctl", "tqdm"}},
    {"pictures": PICTURES},
    {"scenes": NUMBERS},
    {"scaling": FITS},
    {"scaling_laws": FITS, "scaling_words": NUMBERS, "scaling_table": set()},
    {"engines": NUMBERS | {"threadpoolctl", "tqdm", "ipyparallel", "mpi4py", "psutil", "IPython"}},
    {"measure": NUMBERS | {"threadpoolctl", "tqdm"}},
    {"utilisation": TABLES, "possible": TABLES},
    {"utilisation_words": NUMBERS, "laws": NUMBERS},
    {"published": TABLES},
    {"catalog": TABLES},
    {"schemas": TABLES},
    {"splits": NUMBERS},
    dict.fromkeys(("memory", "parallel", "pipeline", "amdahl", "roofline"), NUMBERS)
    | dict.fromkeys(("transformers", "networks", "budget"), NUMBERS),
    {"tables": TABLES},
    dict.fromkeys(("notation", "words"), NUMBERS),
    {"docstrings": set(), "ranges": NUMBERS, "installation": {"packaging"}},
]
# The models stand on one floor: what one needs of another is listed.
AMONG_MODELS = {
    "amdahl": {"roofline"},
    "memory": {"parallel"},
    "transformers": {"networks"},
}
# A module that needs less than its room: it is to run where there is no page.
LESS = {"exercises.answers": NUMBERS, "exercises.units": NUMBERS}

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PACKAGES = {room: packages for rooms in FLOORS for room, packages in rooms.items()}


def imports(text):
    """What a piece of Python imports, as dotted names; those of `from a import b` are a.b."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "write the whole name of the module"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources():
    """The text of each module of helpers, by its dotted name without "helpers."."""
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        parts = path.relative_to(ROOT / "helpers").with_suffix("").parts
        if parts != ("__init__",):
            yield ".".join(part for part in parts if part != "__init__"), path.read_text("utf-8")


def read(sources):
    """For each module the modules of helpers and the packages that it imports."""
    sources, own, packages = dict(sources), {}, {}
    for module, text in sources.items():
        own[module], packages[module] = set(), set()
        for name in imports(text):
            top, _, rest = name.partition(".")
            if top != "helpers":
                packages[module] |= {top} - sys.stdlib_module_names
                continue
            while rest not in sources and "." in rest:  # a function of a module
                rest = rest.rpartition(".")[0]
            own[module] |= {rest} - {module}
    return own, packages


def room(module):
    return module.partition(".")[0]


def wrong_arrows(own):
    """Each import that does not lead down, as "one -> other"."""
    for module, others in own.items():
        for other in others:
            above, below = room(module), room(other)
            allowed = above == below or FLOOR[above] < FLOOR[below]
            if not allowed and below not in AMONG_MODELS.get(above, ()):
                yield f"{module} -> {other}"


def wrong_needs(own, packages):
    """Each package that a module may not need, as "module needs package"."""
    for module in own:
        allowed = LESS.get(module, PACKAGES[room(module)])
        if allowed is not None:
            used, waiting = set(), [module]
            while waiting:
                if (one := waiting.pop()) not in used:
                    used.add(one)
                    waiting += own[one]
            needed = set().union(*(packages[one] for one in used))
            yield from (f"{module} needs {package}" for package in sorted(needed - allowed))


OWN, NEEDED = read(sources())
# Modules that are to run on NumPy alone.
LIGHT = [module for module in OWN if LESS.get(module, PACKAGES.get(room(module))) == NUMBERS]


def test_every_module_stands_in_a_room_that_is_known():
    assert {room(module) for module in OWN} - FLOOR.keys() == set(), "say it in FLOORS"


def test_arrows_point_down():
    assert list(wrong_arrows(OWN)) == []


def test_there_is_no_circle():
    TopologicalSorter(OWN).prepare()  # raises CycleError, which names it


def test_a_module_needs_no_more_than_its_room_may():
    assert list(wrong_needs(OWN, NEEDED)) == []


@pytest.mark.parametrize(
    ("module", "line", "found"),
    [
        ("words", "from helpers.roofline import ridge", "words -> roofline"),
        ("roofline", "from helpers import amdahl", "roofline -> amdahl"),
        (
            "scenes.plan",
            "def f():\n    import helpers.controls.page",
            "scenes.plan -> controls.page",
        ),
        (
            "controls.page",
            "from helpers.publishing.pages import Page",
            "controls.page -> publishing",
        ),
        ("scenes.plan", "from helpers.catalog import devices", "scenes.plan needs pandas"),
        ("pipeline", "import scipy.special", "pipeline needs scipy"),
        ("exercises.answers", "import ipywidgets as w", "exercises.answers needs ipywidgets"),
        ("pictures.plan", "from pandas import DataFrame", "pictures.plan needs pandas"),
    ],
)
def test_a_wrong_import_is_found(module, line, found):
    own, packages = read({**dict(sources()), module: line})
    reports = [*wrong_arrows(own), *wrong_needs(own, packages)]
    assert any(report.startswith(found) for report in reports), reports


# Nothing but the standard library and what is loaded by now is let in.
ALONE = """
import importlib, json, sys
import numpy, numpy.random

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | {"numpy", "helpers"}:
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Refuse())
refused = {}
for module in sys.argv[1:]:
    try:
        importlib.import_module(f"helpers.{module}")
    except ImportError as error:
        refused[module] = str(error)
print(json.dumps(refused))
"""


def test_models_scenes_and_the_reading_of_answers_run_on_numpy_alone():
    assert {"scenes.roofline", "words", "parallel"} < set(LIGHT)
    command = [sys.executable, "-c", ALONE, *LIGHT, "pictures.drawing", "controls.inputs"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    refused = json.loads(done.stdout)
    assert refused.pop("pictures.drawing") == "matplotlib is not here"  # it sees what it refuses
    assert refused.pop("controls.inputs") == "ipywidgets is not here"
    assert refused == {}


def test_what_publishes_is_used_by_no_notebook():
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        assert not re.search(r"\bhelpers\.publishing\b", path.read_text("utf-8")), path.name


def test_the_door_needs_python_alone():
    """`series.py` installs the packages, so it can use none."""
    used = {name.partition(".")[0] for name in imports((ROOT / "series.py").read_text("utf-8"))}
    assert used <= sys.stdlib_module_names
