"""Importing a helper changes nothing but the list of loaded modules."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # starts interpreters
HELPERS = Path(__file__).resolve().parents[1] / "helpers"
MODULES = [
    ".".join(path.relative_to(HELPERS.parent).with_suffix("").parts)
    for path in sorted(HELPERS.rglob("*.py"))
]

# The packages are imported first: what *they* change at import is not ours to answer for.
SNAPSHOT = """
import importlib, json, sys, warnings
import IPython.display, ipywidgets, nbconvert.exporters, numpy, numpy.random, pandas
import scipy.optimize, scipy.special
import matplotlib.pyplot as plt

def state():
    return {
        "rcParams": str(dict(plt.rcParams)),
        "warning filters": str(warnings.filters),
        "numpy error handling": numpy.geterr(),
        "print options": str(numpy.get_printoptions()),
        "open figures": plt.get_fignums(),
    }

changed = {}
for module in sys.argv[1:]:
    before = state()
    importlib.import_module(module)
    after = state()
    changed[module] = [name for name in before if before[name] != after[name]]
print(json.dumps(changed))
"""


def changes(*modules, folder=None):
    command = [sys.executable, "-c", SNAPSHOT, *modules]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return json.loads(done.stdout)


def test_importing_a_helper_changes_no_global_state():
    assert changes(*MODULES) == {module: [] for module in MODULES}


def test_a_bad_module_is_seen(tmp_path):
    bad = "import matplotlib.pyplot as plt, numpy as np; plt.figure(); np.seterr(all='raise')"
    (tmp_path / "bad.py").write_text(bad)
    changed = changes("bad", folder=tmp_path)
    assert changed == {"bad": ["numpy error handling", "open figures"]}
