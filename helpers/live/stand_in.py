"""What ipywidgets and matplotlib ask of IPython, without it: no shell, and nothing is displayed."""

import sys
from types import ModuleType


def nothing(*_, **__):
    """In place of `display`, `clear_output` and `get_ipython`: there is none."""


def install():
    """Let ``import IPython`` find this in place of the real one, which a page does not load."""
    for name in ("IPython", "IPython.display", "IPython.core", "IPython.core.interactiveshell"):
        module = sys.modules[name] = ModuleType(name)
        module.get_ipython = module.display = module.clear_output = nothing
        module.InteractiveShell = type("InteractiveShell", (), {"initialized": nothing})
        module.__path__, module.version_info = [], (9, 0)
