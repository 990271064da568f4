"""The public functions of the models, found by walking: a new one is here by itself."""

import inspect

from helpers import amdahl, budget, memory, parallel, pipeline, roofline, transformers

MODELS = {
    name: function
    for module in (roofline, amdahl, budget, pipeline, parallel, memory, transformers)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
}
