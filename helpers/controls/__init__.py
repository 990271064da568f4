"""Controls: sliders and a picture that follows them, a module for each subject."""

import importlib
import pkgutil


def every_control():
    """The classes of all controls: whatever a module of this package derives from `Control`."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    (base,) = {module.Control for module in modules if hasattr(module, "Control")}
    return base.__subclasses__()
